"""What the work of a phase is made of, as one digest: a finished phase of the same inputs need not be done again."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

# What makes a run of a playbook what it is. Names that begin with a dot are nobody's code.
PROJECT = (
    "roles", "playbooks", "library", "module_utils", "plugin_utils", "action_plugins", "filter_plugins",
    "lookup_plugins", "requirements.lock",
)  # fmt: skip
# Bigger files are told apart by size and time of change: an image archive has gigabytes.
READ_AT_MOST = 64 * 1024 * 1024

_WORD = re.compile(r"\w+")


def digest(value: Any) -> str:
    """Return the SHA-256 of a value, in hex; mappings are equal in whatever order they were written."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def tree(*roots: Path) -> dict[str, str]:
    """Return each file below some directories, or the files themselves, to a digest of its content."""
    return {str(path): of_file(path) for root in roots for path in _files(root)}


def _files(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
    elif root.is_dir():
        for path in sorted(root.rglob("*")):
            below = path.relative_to(root).parts
            if path.is_file() and "__pycache__" not in below and not any(part.startswith(".") for part in below):
                yield path


def of_file(path: Path) -> str:
    """Return a digest of a file's content; of size and time when it is big, and the reason when it cannot be read."""
    try:
        told = path.stat()
        if told.st_size > READ_AT_MOST:
            return f"{told.st_size} bytes of {told.st_mtime_ns}"
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return str(error.strerror)


def variables(roles: Path, names: Iterable[str]) -> set[str]:
    """Return every word in some roles that may be a variable, and every word in the defaults of these, and so on.

    A role reads variables of others, whose defaults are made of yet others: all of them change what it does.

    :param roles: directory of all roles
    :param names: the roles whose work it is
    """
    found = set().union(*(_words(path) for name in names for path in _files(roles / name)))
    defaults = dict(_defaults(roles))
    new = found
    while new:
        new = {word for name in new if name in defaults for word in _WORD.findall(defaults[name])} - found
        found |= new
    return found


def _words(path: Path) -> set[str]:
    return set(_WORD.findall(path.read_text(encoding="utf-8", errors="replace")))


def _defaults(roles: Path) -> Iterator[tuple[str, str]]:
    """Yield each variable of all roles and its default as text."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in (*roles.glob("*/defaults/**/*.yml"), *roles.glob("*/vars/**/*.yml")):
        for name, value in (yaml.load(path.read_bytes(), loader) or {}).items():
            yield name, str(value)


def named_files(value: Any, directories: Iterable[Path]) -> dict[str, str]:
    """Return each file that a value names, anywhere in it, to a digest of its content.

    :param value: of a variable, rendered
    :param directories: where a relative path may begin
    """
    bases = tuple(directories)
    return {
        str(path): of_file(path)
        for text in _texts(value)
        if "/" in text and "\n" not in text and len(text) < 1024
        for path in (base / text for base in bases)
        if _is_file(path)
    }


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text that is no path
        return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def plain(value: Any) -> Any:
    """Return a value with all that a template holds back in it made: mappings, lists, texts and numbers of Python."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def values(
    names: set[str], given: Mapping[str, Iterable[str]], rendered: Callable[[str, str], Any]
) -> dict[str, dict[str, Any]]:
    """Return, of each host, the variables that matter and their values.

    :param names: what may be a variable
    :param given: host to the names of what is set for it
    :param rendered: host and name to the value; what cannot be rendered is for it to represent
    """
    return {host: {name: rendered(host, name) for name in sorted(names & set(there))} for host, there in given.items()}
