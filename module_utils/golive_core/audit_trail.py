"""The audit trail as a host has kept it, against its copy on the logs host: line by line, and by the daily hashes.

The emitter numbers its lines (`epoch`, `seq`) and keeps them in a file a day; the logs host keeps what arrived, with
`received` and `from` in front. Whoever is root on one of the two can change what stands there, but not at the other.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from . import log_search
from .log_search import Entry

AUDIT = "/var/log/golive-audit"
SENT, RECEIVED = "sent", "received"  # there, on each host and on the logs host
BOOK = "hashes.jsonl"
SKEW = 5.0  # seconds by which the two hosts' clocks may differ, and more: gate preflight.clock
_DIGEST = 8  # characters: 48 bits of SHA-256
_NOTHING = "." * _DIGEST
_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})\.jsonl(?:\.gz)?$")
_OF_THE_COPY = re.compile(r'^\{"received": ?"[^"]*", ?"from": ?"[^"]*", ?')


@dataclass(frozen=True)
class Told:
    """A daily hash as its host told it to the trail when the day was over, and which line of the trail says so."""

    side: str
    file: str
    sha256: str
    line: tuple[str, int]  # epoch and number


@dataclass
class Trail:
    """What one side has of a host's trail.

    `lines`: epoch to number to digest. `days`: the days of which it has a file. `told`: the daily hashes that stand in
    it. `problems`: what is wrong whatever the other side says.
    `times`: epoch and number to (time of the line, when it arrived), both ISO 8601; of the copy only.
    """

    lines: dict[str, dict[int, str]] = field(default_factory=dict)
    days: list[str] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    times: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many lines it has."""
        return sum(map(len, self.lines.values()))


def digest(line: str) -> str:
    """Return what stands for a line in a comparison; the same for the line that was sent and for its copy."""
    text = _OF_THE_COPY.sub("{", line.rstrip("\n"))
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:6]).decode()


def first_day(days: int, now: datetime) -> str:
    """Return the first of so many days, the last of which is today."""
    return (now - timedelta(days=days - 1)).strftime("%Y-%m-%d")


def _files(directory: Path, since: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(directory.glob("*.jsonl*")):
        day = _DAY.match(path.name)
        if day and day[1] >= since:
            yield day[1], path


def read(directory: Path, since: str) -> Trail:
    """Return what a directory has of the days since one.

    A line of blanks is none. The last line is left out when it has no end: it is being written.
    """
    trail = Trail()
    for day, path in _files(directory, since):
        trail.days.append(day)
        for place, line in enumerate(log_search.lines(path), 1):
            if not line.strip() or not line.endswith("\n"):
                continue
            entry = log_search.read(line)
            if entry is None or not isinstance(entry["seq"], int):
                trail.problems.append(f"line {place} of {path} is no line of the trail")
                continue
            _take(trail, entry, digest(line), path)
    return trail


def _take(trail: Trail, entry: Entry, new: str, path: Path) -> None:
    epoch, number = str(entry.get("epoch")), entry["seq"]
    if trail.lines.setdefault(epoch, {}).setdefault(number, new) != new:
        trail.problems.append(f"line {number} of epoch {_short(epoch)} stands twice in {path}, and not the same")
    trail.times.setdefault((epoch, number), (str(entry.get("time", "")), str(entry.get("received", ""))))
    data = log_search.fields(entry)
    if data.get("act") == "audit_day":
        told = Told(str(data.get("side")), str(data.get("file")), str(data.get("sha256")), (epoch, number))
        trail.told.append(told)


# --- from the host to the logs host


def pack(trail: Trail) -> dict[str, Any]:
    """Return a trail as it is sent to the other side: of each epoch the first number, and the digests in one text."""
    epochs = {}
    for epoch, lines in trail.lines.items():
        first, last = min(lines), max(lines)
        epochs[epoch] = [first, "".join(lines.get(number, _NOTHING) for number in range(first, last + 1))]
    return {"epochs": epochs, "days": trail.days, "problems": trail.problems}


def unpack(packed: Mapping[str, Any]) -> Trail:
    """Return the trail that was packed."""
    trail = Trail(days=list(packed["days"]), problems=list(packed["problems"]))
    for epoch, (first, text) in packed["epochs"].items():
        digests = (text[place : place + _DIGEST] for place in range(0, len(text), _DIGEST))
        trail.lines[epoch] = {first + place: one for place, one in enumerate(digests) if one != _NOTHING}
    return trail


# --- the comparison


def _short(epoch: str) -> str:
    return epoch[:8]


def _ranges(numbers: Iterable[int]) -> str:
    """Return numbers as people write them: 3, 5 to 9."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    shown = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in spans[:5])
    return shown + (f" and {len(spans) - 5} more" if len(spans) > 5 else "")


@dataclass(frozen=True)
class Differences:
    """What is not the same on both sides: epoch to numbers."""

    altered: Mapping[str, set[int]]
    not_copied: Mapping[str, set[int]]
    gone: Mapping[str, set[int]]
    nowhere: Mapping[str, set[int]]

    @property
    def count(self) -> int:
        """How many lines that are."""
        every = (self.altered, self.not_copied, self.gone, self.nowhere)
        return sum(len(numbers) for kind in every for numbers in kind.values())


def differences(own: Trail, copy: Trail, since: str, until: float) -> Differences:
    """Compare a host's own trail with its copy.

    :param since: the first day that was read. The host may have kept a line of the copy the day before; not one whose
        own time is of that day or later
    :param until: when the host looked, in seconds since 1970: what arrived later it did not have to have
    """
    seen_by = datetime.fromtimestamp(until - SKEW, UTC)
    altered: dict[str, set[int]] = {}
    not_copied: dict[str, set[int]] = {}
    gone: dict[str, set[int]] = {}
    nowhere: dict[str, set[int]] = {}
    for epoch in own.lines.keys() | copy.lines.keys():
        here, there = own.lines.get(epoch, {}), copy.lines.get(epoch, {})
        altered[epoch] = {number for number in here.keys() & there.keys() if here[number] != there[number]}
        not_copied[epoch] = here.keys() - there.keys()
        gone[epoch] = {
            number for number in there.keys() - here.keys() if _due(*copy.times[epoch, number], since, seen_by)
        }
        if here:
            known = here.keys() | there.keys()
            nowhere[epoch] = set(range(min(here), max(here))) - known
    return Differences(altered, not_copied, gone, nowhere)


def _due(time: str, received: str, since: str, seen_by: datetime) -> bool:
    """Whether a host must have had a line of its copy when it looked."""
    try:
        return time[:10] >= since and datetime.fromisoformat(received) <= seen_by
    except (ValueError, TypeError):
        return True  # somebody has changed the time


def sentences(host: str, own: Trail, copy: Trail, found: Differences) -> list[str]:
    """Return one sentence for each thing that is wrong: host, epoch and numbers."""
    gone = {copy.times[epoch, number][0][:10] for epoch, numbers in found.gone.items() for number in numbers}
    told = [
        *([f"{host}: its files are gone on the logs host"] if own.lines and not copy.days else []),
        *(f"{host}: the file of {day} is gone on {host}" for day in sorted(gone - set(own.days))),
        *(f"{host}, on the host itself: {problem}" for problem in own.problems),
        *(f"{host}, on the logs host: {problem}" for problem in copy.problems),
    ]
    kinds = (
        (found.altered, "is not the same on {host} and on the logs host"),
        (found.gone, "is on the logs host, and gone on {host}"),
        (found.not_copied, "is not on the logs host"),
        (found.nowhere, "is nowhere"),
    )
    for kind, what in kinds:
        for epoch, numbers in sorted(kind.items()):
            if numbers:
                told.append(f"{host}: line {_ranges(numbers)} of epoch {_short(epoch)} {what.format(host=host)}")
    return told


# --- daily hashes


@dataclass(frozen=True)
class Book:
    """The daily hashes of one side: how many files they were compared with, what is wrong, and every hash there is.

    `entries` are of all hosts, for the logs host tells its own trail the hashes of all that it keeps.
    """

    files: int = 0
    problems: Sequence[str] = ()
    entries: Sequence[tuple[str, str]] = ()  # file, SHA-256


def read_book(directory: Path, prefix: str, since: str) -> Book:
    """Check the chain of daily hashes in a directory, and the files that they are of.

    :param prefix: of the files to look at in the book: "" on the host itself, "HOST/" on the logs host
    :param since: the oldest day that is kept
    """
    book = directory / BOOK
    if not book.exists():
        return Book()
    rows = book.read_bytes().splitlines()
    problems: list[str] = []
    mine: dict[str, list[Mapping[str, Any]]] = {}
    pairs: list[tuple[str, str]] = []
    before = ""
    for place, row in enumerate(rows, 1):
        try:
            entry = json.loads(row)
            name, broken = str(entry["file"]), entry["before"] != before
        except (ValueError, KeyError, TypeError):
            problems.append(f"line {place} of {book} is no daily hash")
        else:
            if broken:
                problems.append(f"line {place} of {book}, of {name}, does not follow from the line before it")
            pairs.append((name, str(entry.get("sha256"))))
            if name.startswith(prefix) and "/" not in name[len(prefix) :]:
                mine.setdefault(name, []).append(entry)
        before = hashlib.sha256(row).hexdigest()
    looked = {name: rows for name, rows in mine.items() if Path(name).name[:10] >= since}
    for name, entries in looked.items():
        if problem := _sealed_problem(directory / name, entries):
            problems.append(problem)
    return Book(len(looked), problems, pairs)


def read_settled(
    directory: Path, book_of: Path, prefix: str, since: str, kept_since: str, pause: float = 2.0
) -> tuple[Trail, Book]:
    """Return the trail in a directory and the book that it belongs to.

    Once a day the keeper writes a hash and replaces the file by a compressed one. Who reads just then finds a file gone
    or a hash too many: what is wrong only then is no problem, so it is read a second time.

    :param since: the first day of the trail; :param kept_since: of the book
    :param pause: seconds before the second time
    """
    for again in (True, False):
        try:
            trail, book = read(directory, since), read_book(book_of, prefix, kept_since)
        except FileNotFoundError:
            if not again:
                raise
        else:
            if not book.problems or not again:
                break
        time.sleep(pause)
    return trail, book


def _sealed_problem(path: Path, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with the file of a day that is over. What came late has a hash of its own."""
    packed = path.with_name(path.name + ".gz")
    if not packed.exists():
        return "" if path.exists() else f"{path} is gone, of which there is a daily hash"
    try:
        with gzip.open(packed, "rb") as source:
            lines = source.readlines()
    except (OSError, EOFError) as error:
        return f"{packed} cannot be read: {error}"
    place, last = 0, ""
    for entry in entries:
        wanted, count = str(entry.get("sha256")), int(entry.get("lines", 0))
        part = lines[place : place + count]
        if not part and wanted == last:
            continue  # its keeper was stopped between hash and compression, and has begun again
        if hashlib.sha256(b"".join(part)).hexdigest() != wanted:
            return f"{packed} is not what its daily hash is of, from line {place + 1} on"
        place, last = place + count, wanted
    return f"{packed} has {len(lines) - place} lines more than its daily hash is of" if place < len(lines) else ""


def told_otherwise(
    host: str, copy: Trail, own: Sequence[tuple[str, str]], here: Sequence[tuple[str, str]], until: float
) -> list[str]:
    """Return the daily hashes that a host has told to the trail and that its book does not have any more.

    :param own: the book of the host itself; :param here: that of the logs host, read after the copy
    :param until: when the host looked, in seconds since 1970: what it told later is not in the book that it sent
    """
    seen_by = datetime.fromtimestamp(until - SKEW, UTC)
    books = {SENT: set(own), RECEIVED: set(here)}
    return [
        f"{host}: the daily hash of {told.file} is not the one that was told when that day was over"
        for told in copy.told
        if told.side in books
        and (told.file, told.sha256) not in books[told.side]
        and _due(*copy.times[told.line], "", seen_by)
    ]
