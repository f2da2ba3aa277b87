"""The record of a go-live: append-only events in a hash chain, and what is told from them.

An event is one line of JSON: ``{"seq", "time", "kind", "data", "previous", "hash"}``. ``hash`` is the SHA-256 of the
event without it, in canonical JSON; ``previous`` is the hash of the event before. A changed, removed or swapped line
breaks the chain at that line.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .measurement import utc_now

EVENTS = "events.jsonl"
SCHEMA = 1
GENESIS = "0" * 64
PHASES = (
    "preflight",
    "evidence",
    "infrastructure",
    "security",
    "monitoring",
    "database",
    "release",
    "performance",
    "watch",
    "record",
)

Event = dict[str, Any]


class BrokenChain(ValueError):
    """An event that does not follow from the one before it."""


def canonical(data: Mapping[str, Any]) -> bytes:
    """Return the one JSON text that is hashed: sorted keys, no spaces, UTF-8."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained(kind: str, data: Mapping[str, Any], last: Event | None, time: str) -> Event:
    """Return the event that follows `last` (None for the first)."""
    event: Event = {
        "seq": last["seq"] + 1 if last else 1,
        "time": time,
        "kind": kind,
        "data": dict(data),
        "previous": last["hash"] if last else GENESIS,
    }
    event["hash"] = hashlib.sha256(canonical(event)).hexdigest()
    return event


def verify_chain(events: Sequence[Event]) -> None:
    """Check that every event follows from the one before.

    :raises BrokenChain: naming the first event that does not
    """
    last: Event | None = None
    for number, event in enumerate(events, start=1):
        expected = chained(event.get("kind", ""), event.get("data", {}), last, event.get("time", ""))
        if event != expected:
            raise BrokenChain(f"event {number} ({event.get('kind', 'unknown')}) does not follow from the one before it")
        last = event


def read_events(directory: Path) -> list[Event]:
    """Return the events of a record, oldest first; a last line cut off by a crash is left out.

    :raises BrokenChain: when a line is not JSON, unless it is the unfinished last one
    """
    path = directory / EVENTS
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    unfinished = lines.pop()  # "" when the file ends in a newline, as it does unless a writer died
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise BrokenChain(f"line {number} of {path} is not JSON") from error
    if unfinished:
        _truncate(path, len(unfinished.encode()))
    return events


def _truncate(path: Path, surplus: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - surplus)


def append(directory: Path, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Event]:
    """Append events and make them durable before returning.

    :param rows: (kind, data) of each event, in order
    :returns: the events as written
    """
    existing = read_events(directory)
    last = existing[-1] if existing else None
    written: list[Event] = []
    with (directory / EVENTS).open("a", encoding="utf-8") as file:
        for kind, data in rows:
            last = chained(kind, data, last, utc_now())
            written.append(last)
            file.write(canonical(last).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return written


def tell(events: Sequence[Event]) -> dict[str, Any]:
    """Return what happened, from the events alone (the content of record.json).

    A phase counts as complete by its completion event, never by the absence of a failure: an unreachable host cannot
    leave a failure behind.
    """
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "run": {},
        "phases": {phase: {"state": "not reached"} for phase in PHASES},
        "gates": [],
        "failures": [],
        "notes": [],
        "switches": [],
    }
    for event in events:
        data = event["data"]
        if event["kind"] == "run.started":
            told["run"] = {**data, "started": event["time"]}
        elif event["kind"] == "run.fact":
            told["run"].update(data)
        elif event["kind"] == "phase.started":
            told["phases"][data["phase"]] = {"state": "started", "started": event["time"]}
        elif event["kind"] == "phase.completed":
            told["phases"][data["phase"]].update(state="complete", finished=event["time"])
        elif event["kind"] == "phase.failed":
            told["phases"][data["phase"]].update(state="failed", finished=event["time"])
            told["failures"].append({**data, "time": event["time"]})
        elif event["kind"] == "gate":
            told["gates"].append({**data, "time": event["time"]})
        elif event["kind"] == "note":
            told["notes"].append({**data, "time": event["time"]})
        elif event["kind"] in ("switch", "flip_back"):
            told["switches"].append({**data, "kind": event["kind"], "time": event["time"]})
    if events:
        told["run"]["finished"] = events[-1]["time"]
        told["chain"] = {"events": len(events), "head": events[-1]["hash"]}
    told["verdict"] = _verdict(told)
    told["blocking"] = [failure["message"] for failure in told["failures"]] + [
        f"{gate['gate']} {gate['verdict']} on {gate['host']}: {gate['message']}"
        for gate in told["gates"]
        if gate["verdict"] != "PASS" and not gate.get("waived")
    ]
    return told


def _verdict(told: Mapping[str, Any]) -> str:
    """LIVE; VERIFIED: nothing had to change; ROLLED BACK; UNPROVEN: switched, neither proven nor back; or NOT LIVE."""
    wanted = told["run"].get("phases") or [phase for phase in PHASES if phase != "record"]
    complete = all(told["phases"][phase]["state"] == "complete" for phase in wanted)
    switches = told["switches"]
    if switches and switches[-1]["kind"] == "flip_back":
        return "ROLLED BACK"
    if not complete:
        return "UNPROVEN" if switches else "NOT LIVE"
    return "LIVE" if switches else "VERIFIED"
