"""What pgBackRest says of its repository, and whether a restored cluster is the one that was backed up. Pure.

pgBackRest's exit codes prove nothing: ``info`` and ``verify`` end with 0 on a repository that is damaged, or that the
key does not open. So what they print is parsed here, the archive is searched for gaps, and a restored copy is compared
with a *fingerprint* of the original.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Table = Mapping[str, Any]  # of a fingerprint: rows, sum, share (of the blocks that were read), or skipped: why

_SEGMENT = re.compile(r"^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:-[0-9a-f]{40}(?:\.\w+)?)?$")
_VERIFIED = re.compile(r"^  (?:archiveId: (?P<archive>[^,]+)|backup: (?P<backup>[^,]+), status: (?P<status>[^,]+)),")
_COUNT = re.compile(r"(missing|checksum invalid|size invalid|other): (\d+)")
_SEGMENT_BYTES = 16 * 1024 * 1024


class Backup(NamedTuple):
    """A backup in the repository. Times are epoch seconds, sizes bytes."""

    label: str
    kind: str
    start: int
    stop: int
    bytes: int  # of the cluster
    repository_bytes: int  # that this backup added
    wal_start: str
    wal_stop: str
    damaged: bool  # pages whose checksum was wrong when they were read
    needs: tuple[str, ...]  # labels of the backups that it builds on
    point: str  # the restore point of its barrier; empty when there is none


class Repository(NamedTuple):
    """What ``pgbackrest info --output=json`` says; `problem` is empty when it can be used."""

    problem: str
    backups: tuple[Backup, ...]  # oldest first
    archive: str  # id of the present archive, such as 17-1
    system: str = ""  # system identifier of the cluster that it is of


def read_info(text: str, stanza: str) -> Repository:
    """Return what ``info`` printed about a stanza, whatever its exit code was."""
    try:
        found = next(entry for entry in json.loads(text) if entry["name"] == stanza)
    except (ValueError, StopIteration, TypeError, KeyError):
        return Repository(f"pgbackrest info tells nothing of stanza {stanza}", (), "")
    problem = ""
    if found["status"]["code"] != 0:
        parts = [found["status"], *(repository["status"] for repository in found.get("repo", []))]
        message = max((str(part["message"]) for part in parts), key=len)
        problem = f"status {found['status']['code']}: {readable(message)}"
        if "FormatError" in message or "CryptoError" in message:
            problem += " (the key does not open it)"
    backups = tuple(
        Backup(
            label=entry["label"],
            kind=entry["type"],
            start=entry["timestamp"]["start"],
            stop=entry["timestamp"]["stop"],
            bytes=entry["info"]["size"],
            repository_bytes=entry["info"]["repository"]["delta"],
            wal_start=entry["archive"]["start"] or "",
            wal_stop=entry["archive"]["stop"] or "",
            damaged=bool(entry["error"]),
            needs=tuple(entry["reference"] or ()),
            point=(entry.get("annotation") or {}).get("golive-point", ""),
        )
        for entry in found.get("backup", [])
    )
    archives = found.get("archive") or [{"id": ""}]
    systems = [str(entry.get("system-id", "")) for entry in found.get("db") or []]
    return Repository(problem, backups, archives[-1]["id"], systems[-1] if systems else "")


def readable(message: str, limit: int = 200) -> str:
    """Return the first telling line of what pgBackRest printed, without time stamps or what it could not decipher."""
    lines = [re.sub(r"^[\d-]+ [\d:.]+ P\d+ +", "", line).strip() for line in message.splitlines()]
    lines = [line for line in lines if line and line.isprintable() and "�" not in line]
    told = [line for line in lines if line.startswith("ERROR")] or lines
    return re.sub(r"^ERROR: ", "", told[0])[:limit] if told else "it printed nothing that can be read"


def spoken(line: str) -> str:
    """Return a line of PostgreSQL's or pgBackRest's log without its time stamp and process."""
    return re.sub(r"^[\d-]+ [\d:.]+ (?:\w+ )?(?:\[\d+\]|P\d+) +", "", line).strip()


def chain_problems(repository: Repository, archived: Iterable[str]) -> list[str]:
    """Return what keeps the repository from restoring each of its backups, and from going on to now.

    :param archived: names of the files of the present archive, with or without directories
    """
    if repository.problem:
        return [repository.problem]
    if not repository.backups:
        return ["there is no backup"]
    there = {backup.label for backup in repository.backups}
    problems = [
        f"backup {backup.label} needs {label}, which is gone"
        for backup in repository.backups
        for label in backup.needs
        if label not in there
    ]
    problems += [f"backup {b.label} holds pages with wrong checksums" for b in repository.backups if b.damaged]
    segments = wal_segments(archived)
    first = repository.backups[0].wal_start
    ends = {end for backup in repository.backups for end in (backup.wal_start, backup.wal_stop) if end}
    missing = sorted({*wal_gaps([*segments, *ends], first), *(ends - set(segments))} - set(segments))
    return problems + [f"WAL segment {name} is missing: no restore gets past it" for name in missing]


def wal_segments(names: Iterable[str]) -> list[str]:
    """Return the WAL segments among the file names of an archive, in order."""
    found = (_SEGMENT.match(name.rpartition("/")[2]) for name in names)
    return sorted({match.group(1) + match.group(2) + match.group(3) for match in found if match})


def wal_gaps(segments: Iterable[str], first: str, segment_bytes: int = _SEGMENT_BYTES) -> list[str]:
    """Return the segments that are missing between those that are there, on each timeline, from `first` on."""
    per_log = 0x1_0000_0000 // segment_bytes
    timelines: dict[str, set[int]] = {}
    for name in segments:
        if name >= first or name[:8] != first[:8]:
            number = int(name[8:16], 16) * per_log + int(name[16:], 16)
            timelines.setdefault(name[:8], set()).add(number)
    return [
        f"{timeline}{number // per_log:08X}{number % per_log:08X}"
        for timeline, there in sorted(timelines.items())
        for number in range(min(there), max(there) + 1)
        if number not in there
    ]


def verify_problems(text: str) -> list[str]:
    """Return what ``pgbackrest verify --output=text --verbose`` found wrong, whatever its exit code was."""
    problems: list[str] = []
    status, of = "", ""
    for line in text.splitlines():
        if line.startswith("status: "):
            status = line.removeprefix("status: ").strip()
        elif match := _VERIFIED.match(line):
            of = f"backup {match['backup']}" if match["backup"] else f"WAL archive {match['archive']}"
            if match["backup"] and match["status"] not in ("valid", "in-progress"):
                problems.append(f"{of} is {match['status']}")
        elif counts := [(what, int(number)) for what, number in _COUNT.findall(line) if int(number)]:
            problems += [f"{of}: {number} files {what}" for what, number in counts]
        elif status == "error" and line.startswith("  ") and line.strip().startswith("No usable"):
            problems.append(line.strip())
    if status != "ok" and not problems:
        problems.append(f"pgbackrest verify says {status or 'nothing'}")
    return problems


# --- fingerprints


def share_to_read(size: int, others: int, seconds: float, bytes_per_second: float) -> float:
    """Return which share of a table's blocks to read, so that all of them fit into the time that is left.

    :param size: bytes of the table
    :param others: bytes of the tables that are still to come; smaller ones come first
    :param seconds: what is left for all of them
    :param bytes_per_second: what was seen so far
    :returns: 1 for all of it, otherwise at least 0.001
    """
    affordable = max(seconds, 0.0) * bytes_per_second
    if size + others <= affordable or size * 20 <= affordable:
        return 1.0
    return round(min(1.0, max(affordable / (size + others), 0.001)), 4)


def differences(wanted: Mapping[str, Mapping[str, Table]], found: Mapping[str, Mapping[str, Table]]) -> list[str]:
    """Return, in sentences, where a restored cluster is not the one whose fingerprint was taken.

    :param wanted: database to table to ``{rows, sum, share}``, at the barrier
    :param found: the same of the restored cluster
    """
    problems = []
    for database, tables in sorted(wanted.items()):
        restored = found.get(database)
        if restored is None:
            problems.append(f"database {database} was not restored")
            continue
        for name, table in sorted(tables.items()):
            if "skipped" in table:
                continue
            copy = restored.get(name)
            if copy is None:
                problems.append(f"table {database}.{name} was not restored")
            elif copy["rows"] != table["rows"]:
                problems.append(f"{database}.{name} has {copy['rows']} rows, had {table['rows']}")
            elif copy["sum"] != table["sum"]:
                problems.append(f"{database}.{name} has {copy['rows']} rows with other content")
        problems += [f"table {database}.{name} was not there" for name in sorted(set(restored) - set(tables))]
    return problems


def extent(databases: Mapping[str, Mapping[str, Table]]) -> str:
    """Return how much a fingerprint covers: "12 tables, 20,500 rows; football.x by 5 % of its blocks"."""
    tables = {f"{base}.{name}": table for base, names in databases.items() for name, table in names.items()}
    rows = sum(table.get("rows", 0) for table in tables.values())
    told = [f"{len(tables)} tables, {rows:,} rows"]
    told += [
        f"{name} by {table['share']:.1%} of its blocks" for name, table in tables.items() if table.get("share", 1) < 1
    ]
    told += [f"{name} not compared ({table['skipped']})" for name, table in tables.items() if "skipped" in table]
    return "; ".join(told[:6])


# --- what the hosts tell of it


def due(last: Mapping[str, Any] | None, labels: Sequence[str], max_age: float, now: float) -> str:
    """Return why a job, a backup or a restore test, is to be run now; empty when its last run still counts.

    :param last: the result of that, as the program on the backup host writes it
    :param labels: the backups that are there
    :param max_age: seconds for which it counts
    """
    if not last:
        return "it was never done"
    if not last.get("ok"):
        return "the last one failed"
    if last.get("label") not in labels:
        return f"backup {last.get('label')}, of which the last one was, is not in the repository any more"
    age = now - float(last["finished"])
    if age < 0:  # the clock was set back: nobody knows how old it is
        return f"the end of the last one is {-age:.0f} s in the future"
    return f"the last one is {age:.0f} s old" if age > max_age else ""


def metrics(backup: Mapping[str, Any] | None, test: Mapping[str, Any] | None, backups: Sequence[Backup]) -> str:
    """Return the state in Prometheus's text format.

    :param backup: the result of the last run that made a backup
    :param test: that of the last restore test
    """
    rows: list[tuple[str, str, str, float]] = []
    for kind in ("full", "diff", "incr"):
        last = next((entry for entry in reversed(backups) if entry.kind == kind), None)
        if last:
            label = f'{{kind="{kind}"}}'
            rows += [
                ("golive_backup_completed_timestamp_seconds", "When the last backup was complete.", label, last.stop),
                ("golive_backup_duration_seconds", "How long it took.", label, last.stop - last.start),
                ("golive_backup_size_bytes", "Size of the cluster in it.", label, last.bytes),
                ("golive_backup_repository_bytes", "What it added to the repository.", label, last.repository_bytes),
            ]
    if backup:
        rows.append(("golive_backup_failed", "Whether the last run made no backup.", "", 0 if backup.get("ok") else 1))
        if "pause_seconds" in backup:
            text = "For how long the barrier kept writers waiting."
            rows.append(("golive_backup_write_pause_seconds", text, "", backup["pause_seconds"]))
    if test:
        rows.append(
            ("golive_restore_test_failed", "Whether the last restore test failed.", "", 0 if test.get("ok") else 1)
        )
        rows.append(("golive_restore_test_timestamp_seconds", "When it ended.", "", test["finished"]))
        for key, text in (
            ("rto_seconds", "From its start until the copy answered."),
            ("rpo_seconds", "What was not archived."),
        ):
            if key in test:
                rows.append((f"golive_restore_test_{key}", text, "", test[key]))
    lines: list[str] = []
    for name, text, label, value in sorted(rows):
        if not any(line.startswith(f"# TYPE {name} ") for line in lines):
            lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines.append(f"{name}{label} {value:.6g}" if value < 1_000_000 else f"{name}{label} {value:.0f}")
    return "\n".join(lines) + "\n" if lines else ""
