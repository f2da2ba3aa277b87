"""To which moment a cluster is to be restored, from which backup, and what that costs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from .backup import Backup, Repository, wal_segments

KINDS = ("newest", "time", "point", "xid")


class Refused(ValueError):
    """Cannot be restored to that moment. The message is one sentence."""


class Target(NamedTuple):
    """The moment: the newest one, a time with its zone, a named restore point, or just before a transaction."""

    kind: str
    value: str = ""

    def epoch(self) -> float:
        """Return a time as epoch seconds.

        :raises Refused: when it is none, or has no zone
        """
        try:
            moment = datetime.fromisoformat(self.value)
        except ValueError:
            raise Refused(f"{self.value!r} is no time; write it as 2026-11-28T12:00:00+00:00") from None
        if moment.tzinfo is None:
            raise Refused(f"{self.value} has no time zone; write it as {self.value}+00:00, or whatever zone it is of")
        return moment.timestamp()


def parse(wanted: Mapping[str, str]) -> Target:
    """Return the target that was asked for.

    :param wanted: at most one of time, point, xid with a value
    :raises Refused: when it is more than one, or none that can be
    """
    given = [(kind, str(wanted[kind])) for kind in KINDS if str(wanted.get(kind) or "")]
    if len(given) > 1:
        raise Refused(f"one moment at a time, not {' and '.join(kind for kind, _ in given)}")
    target = Target(*given[0]) if given else Target("newest")
    if target.kind == "time":
        target.epoch()
    if target.kind == "xid" and not target.value.isdecimal():
        raise Refused(f"transaction id {target.value!r} is no number")
    return target


def choose(repository: Repository, target: Target, label: str = "") -> Backup:
    """Return the backup to begin with: the newest that was complete before the moment, or the one with this label.

    :raises Refused: when there is none
    """
    if repository.problem:
        raise Refused(f"the repository cannot be used: {repository.problem}")
    backups = repository.backups
    if label:
        found = [backup for backup in backups if backup.label == label]
        what = f"there is no backup {label}"
    elif target.kind == "time":
        found = [backup for backup in backups if backup.stop <= target.epoch()]
        what = f"no backup was complete by {target.value}"
    elif target.kind == "point" and target.value.startswith("golive-2"):
        found = [backup for backup in backups if backup.point == target.value]
        what = f"no backup has the point {target.value}"
    else:
        found, what = list(backups), "there is no backup"
    if not found:
        there = ", ".join(f"{backup.label} ({_utc(backup.stop)})" for backup in backups) or "none"
        raise Refused(f"{what}; there are: {there}")
    return found[-1]


def options(target: Target, backup: Backup) -> list[str]:
    """Return the options of ``pgbackrest restore`` that end the recovery at the moment and let the server write."""
    chosen = [f"--set={backup.label}"]
    kind = {"newest": "default", "point": "name"}.get(target.kind, target.kind)
    if target.kind == "newest":
        return [*chosen, f"--type={kind}"]
    value = f"{datetime.fromtimestamp(target.epoch(), UTC):%Y-%m-%d %H:%M:%S.%f}+00" if kind == "time" else target.value
    # Just before the transaction, and all that was committed by the time.
    exclusive = ["--target-exclusive"] if kind == "xid" else []
    return [*chosen, f"--type={kind}", f"--target={value}", *exclusive, "--target-action=promote"]


def lost(target: Target, backup: Backup, archived: Mapping[str, int], now: float) -> str:
    """Return, in a sentence, which writes will be gone.

    :param archived: name of each file of the archive and when it came (epoch seconds)
    """
    if target.kind == "newest":
        return "nothing that was archived"
    if target.kind == "xid":
        return f"transaction {target.value} and all that began after it; how much that is, is not known before"
    if target.kind == "time":
        since = target.epoch()
        later = {name for name, came in archived.items() if came > since}
    else:
        since = float(backup.stop)
        later = {name for name in archived if name.rpartition("/")[2][:24] > backup.wal_stop}
    return f"all writes of the last {_span(now - since)}, {_count(wal_segments(later))} of WAL"


def _count(segments: Iterable[str]) -> str:
    number = len(list(segments))
    return f"{number} segment{'' if number == 1 else 's'}"


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _utc(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d %H:%M:%S} UTC"
