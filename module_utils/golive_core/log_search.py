"""Lines of logs as the logs host keeps them: read, found, each once."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

LOGS = "/var/log/golive"
Entry = dict[str, Any]

_SPAN = re.compile(r"(\d+)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DAY = re.compile(r"^(?P<service>.+)\.(?P<day>\d{4}-\d{2}-\d{2})\.jsonl(\.gz)?$")


def since(text: str, now: datetime) -> datetime:
    """Return the beginning of a search: a span before now (``90s``, ``15m``, ``2h``, ``7d``) or an ISO 8601 time.

    :raises ValueError: when it is neither
    """
    if found := _SPAN.fullmatch(text.strip()):
        return now - timedelta(seconds=int(found[1]) * _SECONDS[found[2]])
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'"{text}" is no time: wanted 90s, 15m, 2h, 7d, or 2026-11-28T10:00:00') from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Query:
    """What is looked for; what is empty does not matter. Times are ISO 8601 in UTC, as the lines have it."""

    since: str = ""
    until: str = ""
    host: str = ""
    service: str = ""
    release: str = ""
    request_id: str = ""
    text: str = ""

    def rough(self) -> list[str]:
        """Return what a line must contain, whatever its form: to look at the few that are worth being read."""
        return [json.dumps(word, ensure_ascii=False)[1:-1] for word in (self.release, self.request_id) if word]


def read(line: str) -> Entry | None:
    """Return a line as a dictionary, or None for what is none of ours (cut off, or not JSON)."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "host" in entry and "seq" in entry else None


def fields(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the structured fields that the service itself wrote; none for a line of plain text."""
    data = entry.get("data")
    return data if isinstance(data, dict) else {}


def said(entry: Mapping[str, Any]) -> str:
    """Return the text of a line: what was written, structured or not."""
    return str(entry.get("message") or "") or json.dumps(entry.get("data"), ensure_ascii=False)


def release_of(entry: Mapping[str, Any]) -> str:
    """Return the release that a line belongs to: of its container, or the one that the edge asked."""
    return str(entry.get("release") or fields(entry).get("release") or "")


def matches(entry: Mapping[str, Any], query: Query) -> bool:
    """Return whether a line is looked for."""
    time = str(entry.get("time", ""))
    return (
        (not query.since or time >= query.since)
        and (not query.until or time < query.until)
        and query.host in ("", str(entry.get("from") or entry.get("host")))
        and query.service in ("", str(entry.get("service")))
        and query.release in ("", release_of(entry))
        and (not query.request_id or query.request_id in said(entry))
        and (not query.text or query.text in said(entry))
    )


def once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Give every line once.

    A line that was sent twice has the same number of the same sender; one that was read twice, because the sender was
    killed, has another number but the same time to the microsecond, process and text.
    """
    seen: set[int] = set()
    for entry in entries:
        number = hash((entry["host"], entry.get("epoch"), entry["seq"]))
        text = hash((entry["host"], entry.get("time"), entry.get("service"), entry.get("pid"), said(entry)))
        if number not in seen and text not in seen:
            yield entry
        seen |= {number, text}


# --- on the disk


def files(directory: Path, hosts: Sequence[str], services: Sequence[str], first_day: str) -> list[Path]:
    """Return the files that may hold what is looked for, the oldest first; an empty list of names stands for all.

    :param first_day: as 2026-11-28; the days before are left out
    """
    found = []
    for path in directory.glob("*/*.jsonl*"):
        name = _DAY.match(path.name)
        if (
            name
            and name["day"] >= first_day
            and (not hosts or path.parent.name in hosts)
            and (not services or name["service"] in services)
        ):
            found.append((name["day"], str(path), path))
    return [path for _, _, path in sorted(found)]


def lines(path: Path, rough: Sequence[str] = ()) -> Iterator[str]:
    """Give the lines of a file, compressed or not, that contain every word of `rough`."""
    with (
        gzip.open(path, "rt", encoding="utf-8", errors="replace")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", errors="replace") as source
    ):
        for line in source:
            if all(word in line for word in rough):
                yield line


def find(directory: Path, query: Query, limit: int) -> list[Entry]:
    """Return the newest lines that are looked for, each once, in the order of their time.

    :param limit: how many at most
    """
    hosts, services = [query.host] if query.host else [], [query.service] if query.service else []
    # A file has the day on which its lines arrived, which is never before they were written.
    found = (
        entry
        for path in files(directory, hosts, services, query.since[:10])
        for line in lines(path, query.rough())
        if (entry := read(line)) is not None and matches(entry, query)
    )
    return sorted(once(found), key=lambda entry: str(entry.get("time")))[-limit:]


def render(entry: Mapping[str, Any]) -> str:
    """Return a line as people read it."""
    data = dict(fields(entry))
    text = str(entry.get("message") or data.pop("message", "") or "")
    more = " ".join(f"{key}={value}" for key, value in data.items() if key not in ("time", "logger"))
    release = f" {entry['release']}/{entry.get('colour')}" if entry.get("release") else ""
    who = f"{entry.get('from') or entry.get('host')} {entry.get('service')}{release}"
    return f"{str(entry.get('time'))[:23]}Z {who}: {' '.join(filter(None, (text, more)))}"
