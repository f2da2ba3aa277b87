"""What makes an HTTP answer right, and which part of a wrong one tells an operator most."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import json_schema
from .http import Answer, printable

_TELLING_KEYS = ("error", "detail", "message", "reason", "exception", "title")
_STATE_KEYS = ("status", "state", "healthy", "ready", "ok")
_GOOD_STATES = (True, "ok", "up", "healthy", "ready", "pass", "alive", "connected", "success", "true")
_DETAIL = 120  # characters of a body that fit into a sentence
_DEPTH = 20  # of a JSON body, looked through for a message
_SCANNED = 64 * 1024  # bytes of a body, looked through for a message


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except RecursionError as error:
        raise ValueError("the body is nested too deep") from error


def look_up(document: Any, path: str) -> Any:
    """Return what lies at a path such as ``checks.database.status`` or ``items.0.id``.

    :raises KeyError: naming the part of the path that is not there
    """
    walked = []
    for part in path.split("."):
        walked.append(part)
        if isinstance(document, Mapping) and part in document:
            document = document[part]
        elif (
            isinstance(document, list) and re.fullmatch(r"-?\d+", part) and -len(document) <= int(part) < len(document)
        ):
            document = document[int(part)]
        else:
            raise KeyError(".".join(walked))
    return document


@dataclass(frozen=True)
class Expectation:
    """What makes an answer right; see :func:`expectation`."""

    status: tuple[int, ...]
    json: Mapping[str, Any]
    contains: str
    headers: Mapping[str, str | None]
    max_seconds: float | None
    matches: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [" or ".join(map(str, self.status))]
        parts += [f"{path} = {json.dumps(value, ensure_ascii=False)}" for path, value in self.json.items()]
        parts += [f'"{self.contains}" in the body'] if self.contains else []
        parts += [f"{self.matches} in the body"] if self.matches else []
        parts += ["a body of the described form"] if self.schema else []
        parts += [f"no {name}" if value is None else f"{name}: {value}" for name, value in self.headers.items()]
        parts += [f"within {_time(self.max_seconds)}"] if self.max_seconds is not None else []
        return ", ".join(parts)


def statuses(wanted: Any) -> tuple[int, ...]:
    """Return one status or a list of them as numbers.

    :raises ValueError: when one is not a status
    """
    try:
        found = tuple(int(status) for status in (wanted if isinstance(wanted, list | tuple) else [wanted]))
    except (TypeError, ValueError):
        found = ()
    if not found or not all(100 <= status <= 599 for status in found):
        raise ValueError(f"`status` must be an HTTP status or a list of them, not {wanted!r}")
    return found


def expectation(wanted: Mapping[str, Any]) -> Expectation:
    """Check and complete what is expected of an answer.

    :param wanted: `status` (one or a list, 200 unless given), `json` (path to value), `contains` (text of the body),
        `matches` (regular expression found in it), `schema` (:mod:`json_schema` of it), `headers` (name to a value or a
        regular expression; null: absent), `max_seconds`
    :raises ValueError: one sentence that names the key
    """
    if unknown := set(wanted) - {"status", "json", "contains", "matches", "schema", "headers", "max_seconds"}:
        raise ValueError(f"`{min(unknown)}` is not known in `expect`")
    headers = {
        str(name): None if value is None else str(value) for name, value in (wanted.get("headers") or {}).items()
    }
    matches, schema = str(wanted.get("matches") or ""), wanted.get("schema") or {}
    patterns = {**{f"headers.{name}": pattern or "" for name, pattern in headers.items()}, "matches": matches}
    for name, pattern in patterns.items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"`{name}` is not a regular expression: {error}") from error
    if refused := json_schema.refusals(schema):
        raise ValueError(refused[0])
    limit = wanted.get("max_seconds")
    try:
        max_seconds = None if limit is None else float(limit)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`max_seconds` must be a number, not {limit!r}") from error
    status = wanted.get("status")
    return Expectation(
        status=statuses(200 if status is None else status),
        json=wanted.get("json") or {},
        contains=str(wanted.get("contains") or ""),
        headers=headers,
        max_seconds=max_seconds,
        matches=matches,
        schema=schema,
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def problems(answer: Answer, wanted: Expectation) -> list[str]:
    """Return what is wrong with an answer, most telling first; the same fault always reads the same."""
    found = []
    if answer.status not in wanted.status:
        found.append(f"answered {answer.status}")
    found += _json_problems(answer, wanted)
    if wanted.contains and wanted.contains.encode() not in answer.body:
        found.append(f'"{wanted.contains}" is not in the body')
    if wanted.matches and not re.search(wanted.matches, answer.body.decode(errors="replace")):
        found.append(f"{wanted.matches} is not found in the body")
    found += [problem for name, value in wanted.headers.items() if (problem := header_problem(answer, name, value))]
    if wanted.max_seconds is not None and answer.seconds > wanted.max_seconds:
        found.append(f"took longer than {_time(wanted.max_seconds)}")
    return found


def _json_problems(answer: Answer, wanted: Expectation) -> list[str]:
    if not wanted.json and not wanted.schema:
        return []
    try:
        document = _document(answer.body)
    except ValueError:
        return ["the body is not JSON"]
    found = [_shortened(problem) for problem in json_schema.problems(document, wanted.schema)]
    for path, value in wanted.json.items():
        try:
            seen = look_up(document, path)
        except KeyError as error:
            found.append(f"the body has no {error.args[0]}")
            continue
        if seen != value or isinstance(seen, bool) != isinstance(value, bool):  # True is 1 in Python, not in JSON
            found.append(f"{path} is {_shortened(json.dumps(seen, ensure_ascii=False))}")
    return found


def header_problem(answer: Answer, name: str, wanted: str | None) -> str:
    """Return what is wrong with one header, or an empty text.

    :param wanted: the value, or a regular expression that is found in it; None when the header must be absent
    """
    seen = answer.header(name)
    if wanted is None:
        return "" if seen is None else f'header {name} is there ("{_shortened(seen)}")'
    if seen is None:
        return f"header {name} is missing"
    if seen == wanted or re.search(wanted, seen):
        return ""
    return f'header {name} is "{_shortened(seen)}"'


def _shortened(text: str) -> str:
    text = " ".join(printable(text).split())
    return text if len(text) <= _DETAIL else text[: _DETAIL - 1] + "…"


def telling(body: bytes) -> str:
    """Return the part of an error's body that tells an operator most, in one short line; empty when there is none.

    JSON: the first message under a key such as `error` or `detail`, with the name of what it belongs to, else the
    innermost state that is not a good one. HTML: its title. Text: its first line.
    """
    text = body[:_SCANNED].decode("utf-8", errors="replace")
    try:
        document = _document(body)
    except ValueError:
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        plain = title[1] if title else re.sub(r"<[^>]*>", " ", text).strip().partition("\n")[0]
        return _shortened(plain)
    rows = list(_leaves(document, ()))
    for path, value in rows:
        if path and path[-1].lower() in _TELLING_KEYS and isinstance(value, str) and value:
            return f'{path[-2]}: "{_shortened(value)}"' if len(path) > 1 else f'"{_shortened(value)}"'
    for path, value in sorted(rows, key=lambda row: -len(row[0])):
        bad = (value.lower() if isinstance(value, str) else value) not in _GOOD_STATES
        if path and path[-1].lower() in _STATE_KEYS and bad:
            name = ".".join(path[:-1] if path[-1].lower() == "status" and len(path) > 1 else path)
            return f"{name} is {_shortened(json.dumps(value, ensure_ascii=False))}"
    return ""


def _leaves(document: Any, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], Any]]:
    if len(path) > _DEPTH:
        return
    if isinstance(document, Mapping):
        for key, value in document.items():
            yield from _leaves(value, (*path, str(key)))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from _leaves(value, (*path, str(number)))
    else:
        yield path, document
