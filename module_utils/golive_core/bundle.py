"""A bundle: all that a go-live without any network needs, in one directory or tar, whose list of checksums is signed.

`./golive bundle` writes one (src/golive/bundle.py); here is what its parts are called, and whether one can be trusted.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from . import signing

NAMESPACE = "golive-bundle"
SCHEMA = 1
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"
KEPT = (MANIFEST, SUMS, SIGNATURE)  # whose content matters, not only their sum
KEY_NAME = "bundle_key"
ALLOWED_NAME = "bundle_signers"
# As sha256sum writes it; it would write a name with a backslash or a line break in another way.
LINE = re.compile(r"([0-9a-f]{64}) [ *]([^\\\r\n]+)")
DISTRUST = "use nothing of it, and carry the bundle over again"
APT = "ansible.builtin.apt"
# Their packages come from a vendor's repository, which no mirror of the distribution has.
VENDORS = (("grafana", "install_apt"),)


@dataclass(frozen=True)
class Contents:
    """What a bundle holds: file to its SHA-256, the content of those in KEPT, and what no bundle has."""

    sums: dict[str, str] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    odd: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """Whether a bundle can be trusted: its manifest, who signed it, and a sentence for all that is wrong."""

    manifest: dict[str, Any]
    signer: str
    problems: tuple[str, ...]


# --- what has to go into one


def apt_names(role: str, step: str, tasks: object) -> list[dict[str, Any]]:
    """Return the packages that a task file installs, as it names them: a name, a list or a template.

    :param step: name of the file, without its ending
    :param tasks: its content
    :returns: ``[{"role": ..., "names": ...}]``
    """
    if (role, step) in VENDORS:
        return []
    return [
        {"role": role, "names": words["name"]}
        for task in _every_task(tasks)
        if isinstance(words := task.get(APT), Mapping) and words.get("name") and words.get("state") != "absent"
    ]


def _every_task(tasks: object) -> Iterator[Mapping[str, Any]]:
    for task in tasks if isinstance(tasks, list) else []:
        if isinstance(task, Mapping):
            yield task
            for part in ("block", "rescue", "always"):
                yield from _every_task(task.get(part))


def package_index(packages: Iterable[tuple[str, str, int, str]]) -> str:
    """Return the file Packages of a repository without directories.

    :param packages: control paragraph, file name, bytes and SHA-256 of each package
    """
    return "".join(
        f"{control.strip()}\nFilename: ./{name}\nSize: {size}\nSHA256: {digest}\n\n"
        for control, name, size, digest in packages
    )


def checksums(sums: Mapping[str, str]) -> str:
    """Return the text of SHA256SUMS, which `sha256sum --check` reads.

    :raises ValueError: for a name that it would write in another way
    """
    lines = [f"{digest}  {name}" for name, digest in sorted(sums.items())]
    if wrong := [line for line in lines if not LINE.fullmatch(line)]:
        raise ValueError(f"{wrong[0][66:]!r} has a name that cannot stand in {SUMS}; rename it")
    return "".join(f"{line}\n" for line in lines)


# --- what is in one


def digest(file: IO[bytes]) -> str:
    """Return the SHA-256 of what can be read from a file."""
    found = hashlib.sha256()
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()


def read(place: Path) -> Contents:
    """Return what a bundle holds; nothing of it is unpacked or run.

    :param place: the directory, or the tar that it came as
    :raises OSError: when it cannot be read
    :raises tarfile.TarError: when it is no tar
    """
    return _read_directory(place) if place.is_dir() else _read_tar(place)


def _read_directory(place: Path) -> Contents:
    sums, kept, odd = {}, {}, []
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            odd.append(name)
        elif path.is_file():
            with path.open("rb") as file:
                sums[name] = digest(file)
            if name in KEPT:
                kept[name] = path.read_bytes()
    return Contents(sums, kept, tuple(odd))


def _read_tar(place: Path) -> Contents:
    sums: dict[str, str] = {}
    kept, odd = {}, []
    with tarfile.open(place, "r:") as archive:
        for member in archive:
            # All of it is in one directory, whose name does not matter.
            name = member.name.partition("/")[2]
            if member.isdir():
                continue
            file = archive.extractfile(member) if member.isreg() else None
            if file is None or name in sums or not name or ".." in name.split("/") or name.startswith("/"):
                odd.append(member.name)
                continue
            sums[name] = digest(file)
            if name in KEPT:
                file.seek(0)
                kept[name] = file.read()
    return Contents(sums, kept, tuple(odd))


# --- whether it can be trusted


def verify(place: Path, allowed_signers: Path) -> Checked:
    """Return whether a bundle is what somebody signed whom the file names.

    :param place: the directory, or the tar that it came as
    :param allowed_signers: in the form of ssh-keygen(1)
    """
    if not place.exists():
        return Checked({}, "", (f"there is no bundle {place}; unpack it there, or name where it is",))
    try:
        contents = read(place)
    except (OSError, tarfile.TarError) as error:
        return Checked({}, "", (f"the bundle {place} cannot be read to its end ({error}); carry it over again",))
    return _verify(place, contents, allowed_signers)


def _verify(place: Path, contents: Contents, allowed_signers: Path) -> Checked:
    if missing := [name for name in KEPT if name not in contents.kept]:
        return Checked({}, "", (f"{place} is no signed bundle: it has no {', '.join(missing)}; {DISTRUST}",))
    try:
        with tempfile.NamedTemporaryFile() as signature:
            signature.write(contents.kept[SIGNATURE])
            signature.flush()
            who = signing.signer(contents.kept[SUMS], Path(signature.name), allowed_signers, NAMESPACE)
    except signing.SigningError as error:
        # The list is worth nothing then, and nothing is compared with it.
        return Checked({}, "", (f"{SUMS} in {place} is not signed as it should be: {error}",))
    problems = _differences(place, contents)
    manifest: dict[str, Any] = {}
    try:
        manifest = json.loads(contents.kept[MANIFEST])
        if manifest["schema"] != SCHEMA:
            problems.append(
                f"{place} has schema {manifest['schema']}, wanted {SCHEMA}: use the golive that is in the bundle"
            )
    except (ValueError, TypeError, LookupError):
        problems.append(f"{MANIFEST} in {place} is no manifest of a bundle; {DISTRUST}")
    return Checked(manifest, who, tuple(problems))


def _differences(place: Path, contents: Contents) -> list[str]:
    """Return a sentence for each way in which a bundle is not what its list says."""
    lines = contents.kept[SUMS].decode(errors="replace").splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    wanted = {match[2]: match[1] for match in matches if match}
    found = {name: value for name, value in contents.sums.items() if name not in (SUMS, SIGNATURE)}
    changed = [name for name in wanted if name in found and found[name] != wanted[name]]
    kinds = {
        "is not what was signed": changed,
        "is missing": sorted(wanted.keys() - found.keys()),
        "was added": sorted({*(found.keys() - wanted.keys()), *contents.odd}),
    }
    return [f"in {place} {_some(names)} {what}; {DISTRUST}" for what, names in kinds.items() if names] + (
        [f"{SUMS} in {place} has lines that are none; {DISTRUST}"] if None in matches else []
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


# --- on the side that uses it


def refusals(directory: str, allowed_signers: str) -> list[str]:
    """Return why a go-live must not use a bundle; nothing when it may, or uses none.

    :param directory: golive_bundle
    :param allowed_signers: golive_bundle_signers
    """
    if not directory:
        return []
    if not Path(directory).is_absolute():
        return [f'golive_bundle is "{directory}", wanted the absolute path of the directory that was unpacked']
    if not allowed_signers:
        return [
            "golive_bundle is set and golive_bundle_signers is not; name there the file with the line that "
            "`./golive bundle` printed on the other side"
        ]
    return list(verify(Path(directory), Path(allowed_signers)).problems)


def suite_refusals(directory: str, suite: str) -> list[str]:
    """Return why a bundle that was verified cannot serve a host; nothing when it can.

    :param suite: the distribution's release that the host has, as `trixie`
    """
    known: dict[str, Any] = json.loads((Path(directory) / MANIFEST).read_text(encoding="utf-8"))["suites"]
    if suite in known:
        return []
    return [
        f"it has {suite}, and the bundle {directory} has packages for {', '.join(sorted(known))}; "
        f"make one with --suite {suite}"
    ]
