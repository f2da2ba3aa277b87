"""The record of a go-live: append-only events in a hash chain, and what is told from them.

An event is one line of JSON: ``{"seq", "time", "kind", "data", "previous", "hash"}``. ``hash`` is the SHA-256 of the
event without it, in canonical JSON; ``previous`` is the hash of the event before. A changed, removed or swapped line
breaks the chain at that line.

A finished record has a head, ``head.json``: run, number of events, hash of the last, SHA-256 of every file. It is
signed (``head.json.sig``), so that a cut-off tail, a swapped or an added file are noticed, too, and the edge keeps a
copy of both.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import measurement, signing
from .measurement import utc_now

EVENTS = "events.jsonl"
HEAD = "head.json"
SIGNATURE = "head.json.sig"
SCHEMA = 1
HEAD_SCHEMA = 1
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
        try:
            expected = chained(event.get("kind", ""), event.get("data", {}), last, event.get("time", ""))
        except (TypeError, ValueError):  # its data is no dictionary, or no text that can be hashed
            expected = {}
        if event != expected:
            raise BrokenChain(f"event {number} ({event.get('kind', 'unknown')}) does not follow from the one before it")
        last = event


def read_events(directory: Path, *, repair: bool = False) -> list[Event]:
    """Return the events of a record, oldest first; a last line cut off by a crash is left out.

    :param repair: whether to remove that line, so that the next event can be appended
    :raises BrokenChain: when a line is not JSON, unless it is the unfinished last one
    """
    path = directory / EVENTS
    if not path.exists():
        return []
    events, unfinished = _parse(path)
    if unfinished and repair:
        _truncate(path, unfinished)
    return events


def _parse(path: Path) -> tuple[list[Event], int]:
    """Return the events of a file, and how many bytes follow the last whole line: none, unless a writer died.

    :raises BrokenChain: when a line is not a JSON object
    """
    *lines, unfinished = path.read_bytes().split(b"\n")
    events: list[Event] = []
    for number, line in enumerate(lines, start=1):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, an endless number, too deep
            raise BrokenChain(f"line {number} of {path} is not JSON") from error
        if not isinstance(event, dict):
            raise BrokenChain(f"line {number} of {path} is not an event")
        events.append(event)
    return events, len(unfinished)


def _truncate(path: Path, surplus: int) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - surplus)


def append(directory: Path, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Event]:
    """Append events and make them durable before returning.

    :param rows: (kind, data) of each event, in order
    :returns: the events as written
    """
    written: list[Event] = []
    with (directory / EVENTS).open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # hosts that fail together write at the same time
        existing = read_events(directory, repair=True)
        last = existing[-1] if existing else None
        for kind, data in rows:
            last = chained(kind, data, last, utc_now())
            written.append(last)
            file.write(canonical(last).decode() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return written


def last(records: Path) -> dict[str, Any] | None:
    """Return ``{id, verdict, passed, all}`` of the newest finished record; None when there is none that can be read."""
    for path in sorted(records.glob("*/record.json"), reverse=True):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            passed = sum(gate["verdict"] == "PASS" for gate in told["gates"])
            return {"id": path.parent.name, "verdict": told["verdict"], "passed": passed, "all": len(told["gates"])}
    return None


# --- raw samples

RAW = "raw"


def keep_samples(
    directory: Path, events: Sequence[Mapping[str, Any]], measurements: Sequence[Mapping[str, Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Write the raw samples that events are judged by to ``raw/SHA256.txt``, and name the file in the event's ``raw``.

    The hash is that which the probe took on its host, so the file is what was measured there.

    :param events: ``{kind, data}`` each; those without ``data.sha256`` have no samples
    :param measurements: of probes, in any order
    :returns: (kind, data) of each event
    """
    texts = {row["sha256"]: str(row.get("samples") or "") for row in measurements}
    rows = []
    for event in events:
        data = dict(event["data"])
        text = texts.get(data.get("sha256", ""), "")
        if text and hashlib.sha256(text.encode()).hexdigest() == data["sha256"]:
            data["raw"] = f"{RAW}/{data['sha256']}.txt"
            path = directory / data["raw"]
            path.parent.mkdir(mode=0o750, exist_ok=True)
            if not path.exists():
                draft = path.with_suffix(".new")
                draft.write_text(text, encoding="utf-8")
                draft.replace(path)
        rows.append((event["kind"], data))
    return rows


def read_samples(directory: Path, told: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return name to numbers of every file of raw samples that a record's gates name; unreadable ones are left out."""
    found: dict[str, list[float]] = {}
    for name in {str(gate["raw"]) for gate in told["gates"] if gate.get("raw")}:
        # The name comes from an event: it must not lead out of the directory.
        if re.fullmatch(r"raw/[0-9a-f]{64}\.txt", name):
            with suppress(OSError, ValueError):
                numbers = measurement.read_samples((directory / name).read_text(encoding="utf-8"))
                found[name] = [number for number in numbers if math.isfinite(number)]
    return found


# --- the head


def _files(directory: Path) -> dict[str, Path]:
    """Return every file of a record but its head and the head's signature: name below the directory to path."""
    found = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if not path.is_dir()}
    return {name: found[name] for name in sorted(found) if name not in (HEAD, SIGNATURE)}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def head(directory: Path) -> dict[str, Any]:
    """Return what is signed of a record: ``{schema, run_id, app, release, events, head, files: {name: sha256}}``.

    :raises BrokenChain: when it has no event that it begins with
    """
    events = read_events(directory)
    if not events or events[0].get("kind") != "run.started":
        raise BrokenChain(f"the record in {directory} does not begin with the event run.started")
    run = events[0]["data"]
    return {
        "schema": HEAD_SCHEMA,
        "run_id": run.get("id", directory.name),
        "app": run.get("app", ""),
        "release": run.get("release", ""),
        "events": len(events),
        "head": events[-1]["hash"],
        "files": {name: _sha256(path) for name, path in _files(directory).items()},
    }


@dataclass(frozen=True)
class Checked:
    """What became of checking a record.

    `head` is what its head.json says ({} when it says nothing), `signer` the identity that signed it ("" when nobody
    known did), `problems` one sentence each; there are none in a record that can be relied on.
    """

    directory: Path
    head: dict[str, Any]
    signer: str
    problems: tuple[str, ...]


DISTRUST = "do not rely on this record, and take it from a backup"


def verify(directory: Path, allowed_signers: Path) -> Checked:
    """Check a record against its signed head. Reads only, and asks nobody.

    :param allowed_signers: file that names the keys that may sign, in the form of ssh-keygen(1)
    """
    if not directory.is_dir():
        return Checked(
            directory, {}, "", (f"there is no record {directory}; `./golive record list` names those there are.",)
        )
    try:
        return _verify(directory, allowed_signers)
    except OSError as error:
        reason = f"the record in {directory} cannot be read: {error}; make it readable to you and run again."
        return Checked(directory, {}, "", (reason,))


def _verify(directory: Path, allowed_signers: Path) -> Checked:
    if not (directory / HEAD).is_file():
        sentence = (
            f"{HEAD} is missing in {directory}: its run did not come to its end, or the file was removed; {DISTRUST}."
        )
        return Checked(directory, {}, "", (sentence,))
    raw = (directory / HEAD).read_bytes()
    who, problems = "", []
    if (directory / SIGNATURE).is_file():
        try:
            who = signing.signer(raw, directory / SIGNATURE, allowed_signers)
        except signing.SigningError as error:
            problems.append(f"{HEAD} in {directory} is not signed as it should be: {error}.")
    else:
        problems.append(
            f"{directory} is not signed: {SIGNATURE} is missing{_unsigned(directory)}; nothing shows who wrote this "
            "record or that it is whole: compare it with the copy on the edge."
        )
    try:
        told = json.loads(raw)
        _check_head(told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        problems.append(f"{HEAD} in {directory} is not the head of a record; {DISTRUST}.")
        return Checked(directory, {}, who, tuple(problems))
    if told.get("schema") != HEAD_SCHEMA:
        problems.append(
            f"{HEAD} in {directory} has schema {told.get('schema')}, wanted {HEAD_SCHEMA}: check it with the golive "
            "that wrote it."
        )
        return Checked(directory, told, who, tuple(problems))
    if told.get("run_id") != directory.absolute().name:
        problems.append(
            f"{directory} holds the record {told.get('run_id')}: a whole record was put in another's place, or the "
            "directory was renamed; give it its own name."
        )
    problems += _wrong_chain(directory, told) + _wrong_files(directory, told["files"])
    return Checked(directory, told, who, tuple(problems))


def _check_head(told: Any) -> None:
    """Refuse what cannot be the head of a record; a signature may be missing, so it can be anything.

    :raises ValueError: (or TypeError, KeyError) when it cannot
    """
    texts = [told["head"], *told["files"].values()]
    if not isinstance(told["events"], int) or not all(isinstance(text, str) for text in texts):
        raise ValueError


def _unsigned(directory: Path) -> str:
    """Return why a record says that it was not signed, to be put after a sentence."""
    try:
        why = json.loads((directory / "record.json").read_text("utf-8"))["signature"]["why"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" ({why})" if why else ""


def _wrong_chain(directory: Path, told: Mapping[str, Any]) -> list[str]:
    path = directory / EVENTS
    if not path.is_file():
        return []  # the list of files says so
    try:
        events, unfinished = _parse(path)
        if unfinished:
            raise BrokenChain("its last line is not whole")
        verify_chain(events)
    except BrokenChain as error:
        return [f"{path}: {error}: an event was changed, removed or moved there; {DISTRUST}."]
    if len(events) < told.get("events", 0):
        return [f"{path} ends after {len(events)} of {told['events']} signed events: its tail was cut off; {DISTRUST}."]
    if len(events) > told.get("events", 0):
        return [
            f"{path} has {len(events)} events, signed were {told.get('events')}: some were added after the end; "
            f"{DISTRUST}."
        ]
    if not events or events[-1]["hash"] != told.get("head"):
        return [f"{path} is another chain than the signed one ({told.get('head')} is not its head); {DISTRUST}."]
    return []


def _wrong_files(directory: Path, signed: Mapping[str, str]) -> list[str]:
    found = _files(directory)
    problems = []
    for name in sorted({*found, *signed}):
        if name not in found:
            problems.append(f"{name} is missing in {directory}, and was there when the record was signed; {DISTRUST}.")
        elif name not in signed:
            problems.append(
                f"{name} in {directory} was added after the record was signed; it is no part of it, move it away."
            )
        elif not found[name].is_file() or (seen := _sha256(found[name])) != signed[name]:
            how = f"SHA-256 {seen[:12]}…, signed was {signed[name][:12]}…" if found[name].is_file() else "not a file"
            problems.append(f"{name} in {directory} is not the file that was signed ({how}); {DISTRUST}.")
    return problems


def differs(told: Mapping[str, Any], host: str, copy: str) -> str:
    """Return how an edge's copy of a head differs from the head of a record; nothing when it does not.

    :param told: the head of the record
    :param copy: text of the copy
    """
    try:
        kept = json.loads(copy)
        _check_head(kept)
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"the copy of {HEAD} on {host} cannot be read; compare that file by hand"
    if kept != told:
        there, here = _described(kept), _described(told)
        ours, theirs = told.get("files", {}), kept["files"]
        if there == here:
            names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
            there, here = "the same events", f"another {', '.join(names) or 'run, application or release'}"
        return (
            f"{host} keeps another head of record {told.get('run_id')}: {there}, here: {here}; one of the two was "
            f"changed after the run: {DISTRUST}"
        )
    return ""


def _described(head: Mapping[str, Any]) -> str:
    return f"{head.get('events')} events ending in {head.get('head')}"


# --- what is told from the events


def tell(events: Sequence[Event]) -> dict[str, Any]:
    """Return what happened, from the events alone (the content of record.json).

    A phase counts as complete by its completion event, never by the absence of a failure: an unreachable host cannot
    leave a failure behind. It begins when the one before is complete.
    """
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "run": {},
        "phases": {phase: {"state": "not reached"} for phase in PHASES},
        "gates": [],
        "failures": [],
        "notes": [],
        "switches": [],
        "messages": [],
        "signature": {"signed": False, "identity": "", "why": "the record was not finished"},
    }
    for event in events:
        data = event["data"]
        if event["kind"] == "run.started":
            told["run"] = {**data, "started": event["time"]}
            _open_next(told, event["time"])
        elif event["kind"] == "run.fact":
            told["run"].update(data)
        elif event["kind"] == "phase.completed":
            told["phases"][data["phase"]].update(state="complete", finished=event["time"])
            if data["phase"] != "record":  # the last, also of a run that stopped long before
                _open_next(told, event["time"])
        elif event["kind"] == "phase.failed":
            told["phases"][data["phase"]].update(state="failed", finished=event["time"])
            told["failures"].append({**data, "time": event["time"]})
        elif event["kind"] == "gate":
            told["gates"].append({**data, "time": event["time"]})
        elif event["kind"] == "note":
            told["notes"].append({**data, "time": event["time"]})
        elif event["kind"] == "message":
            told["messages"].append({**data, "time": event["time"]})
        elif event["kind"] == "signing":
            told["signature"] = data
        elif event["kind"] == "canary":
            _tell_canary(told, data)
        elif event["kind"] in ("switch", "flip_back"):
            if told.get("canary", {}).get("ended") == "":  # the switch ends a share in the same act
                told["canary"]["ended"] = "switch"
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


def _tell_canary(told: dict[str, Any], data: Mapping[str, Any]) -> None:
    """Enter an event of a canary: its share was set, was held at an edge, or was taken back at one."""
    if data["state"] == "set":
        kept = ("share", "seconds", "by", "before", "after")
        told["canary"] = {**{key: data[key] for key in kept}, "edges": [], "ended": ""}
    elif data["state"] == "held":
        told["canary"]["edges"].append({key: value for key, value in data.items() if key != "state"})
    else:
        told["canary"]["ended"] = "taken back"


def _wanted(told: Mapping[str, Any]) -> list[str]:
    """Return the phases by which the run is judged, in order; the record itself is none of them."""
    named = told["run"].get("phases") or PHASES
    return [phase for phase in PHASES if phase in named and phase != "record"]


def _open_next(told: dict[str, Any], time: str) -> None:
    waiting = (phase for phase in _wanted(told) if told["phases"][phase]["state"] == "not reached")
    if phase := next(waiting, None):
        told["phases"][phase] = {"state": "started", "started": time}


def _verdict(told: Mapping[str, Any]) -> str:
    """Return the verdict on a run.

    LIVE; VERIFIED: nothing had to change; ROLLED BACK; UNPROVEN: switched, neither proven nor back; or NOT LIVE, which
    is NOT VERIFIED where the release serves already, or nothing should go live.
    """
    complete = all(told["phases"][phase]["state"] == "complete" for phase in _wanted(told))
    switches = told["switches"]
    if told["run"].get("kind") == "verify":
        return "VERIFIED" if complete else "NOT VERIFIED"
    if switches and switches[-1]["kind"] == "flip_back":
        return "ROLLED BACK"
    if not complete:
        if not switches and told["run"].get("already_live"):
            return "NOT VERIFIED"
        return "UNPROVEN" if switches else "NOT LIVE"
    return "LIVE" if switches else "VERIFIED"
