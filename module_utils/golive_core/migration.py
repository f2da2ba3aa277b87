"""Running a migration by the application's own command, once, with an eye on what it locks and on what it leaves.

The command is the application's, in its image; what is here does not know the tool. Locks are seen in ``pg_locks``,
what a migration left behind is the difference of two lists of the schema's objects.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .measurement import summarise

# By what they stop (https://www.postgresql.org/docs/current/explicit-locking.html, table 13.2); the last stops all.
LOCK_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
_STOPS_WRITERS = LOCK_MODES.index("ShareLock")
_WORD = re.compile(r"(?m)^\S+")


def lock_key(app: str) -> int:
    """Return the number of the advisory lock of an application's migrations: 64 bits, with a sign."""
    return int.from_bytes(hashlib.sha256(f"golive migration {app}".encode()).digest()[:8], "big", signed=True)


def container_words(container: Mapping[str, Any], environment: Mapping[str, str], command: Sequence[str]) -> list[str]:
    """Return the words after ``docker run`` with which a command of the release runs: no rights, nothing to write to.

    :param container: `name`, `image`, `user`, `network`, `env`, `volumes` (as Docker writes them)
    :param environment: what comes on top of its `env`; no secrets, which are files
    """
    words = ["--name", container["name"], "--pull", "never", "--user", container["user"], "--read-only"]
    words += ["--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    words += ["--network", container["network"], "--log-driver", "json-file"]
    for name, value in {**container["env"], **environment}.items():
        words += ["--env", f"{name}={value}"]
    for volume in container["volumes"]:
        words += ["--volume", volume]
    return [*words, container["image"], *command]


def session_options(lock_seconds: float, statement_seconds: float) -> str:
    """Return PGOPTIONS with the limits of every session of a migration; a server whose client died ends its work."""
    limits = {
        "lock_timeout": lock_seconds,
        "statement_timeout": statement_seconds,
        "client_connection_check_interval": 1,
    }
    return " ".join(f"-c {name}={round(seconds * 1000)}" for name, seconds in limits.items())


def first_words(output: str) -> list[str]:
    """Return the first word of each line of what a command of the application printed: revisions."""
    return [str(word) for word in _WORD.findall(output)]


def last_words(output: str, lines: int = 3) -> str:
    """Return the last lines of what a program said, as one, without the end of a sentence: it stands in another one."""
    rows = [line.strip() for line in output.splitlines() if line.strip()]
    return " | ".join(rows[-lines:]).rstrip(".")


def wait_before(attempt: int, first_seconds: float) -> float:
    """Return the seconds to wait before an attempt (the second is 2), twice as long each time, 30 at most."""
    return float(min(first_seconds * 2 ** (attempt - 2), 30.0))


def difference(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Return what is new (+) and what is gone (-) between two lists of a schema's objects."""
    old, new = set(before), set(after)
    return [f"- {row}" for row in sorted(old - new)] + [f"+ {row}" for row in sorted(new - old)]


# --- locks


class LockSeen(NamedTuple):
    """One lock of the migration's sessions at one look: on what, how strong, and whether it has it yet."""

    relation: str
    mode: str
    granted: bool


@dataclass
class Watched:
    """What was seen of a migration's sessions, look by look."""

    held: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)  # first and last look
    waits: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    looks: int = 0
    others_waited: float = 0.0  # seconds that another session waited for one of its locks
    statement: str = ""  # the last one that was seen at work
    gap: float = 0.0  # the longest time between two looks of one attempt
    last: float | None = None

    def begin(self) -> None:
        """Begin a further attempt: nobody looked since the one before, for there was nothing to see."""
        self.last = None

    def look(self, at: float, locks: Iterable[LockSeen], others_waited: float = 0.0, statement: str = "") -> None:
        """Take in one look, at a time in seconds of any clock that does not jump."""
        self.looks += 1
        self.gap = max(self.gap, at - (at if self.last is None else self.last))
        self.last = at
        for lock in locks:
            log = self.held if lock.granted else self.waits
            key = (lock.relation, lock.mode)
            log[key] = (log.get(key, (at, at))[0], at)
        self.others_waited = max(self.others_waited, others_waited)
        self.statement = statement or self.statement

    def locks(self) -> list[dict[str, Any]]:
        """Return relation, mode and seconds of each lock that stops writers or more, strongest and longest first."""
        rows = [
            {"relation": relation, "mode": mode, "seconds": round(last - first, 3)}
            for (relation, mode), (first, last) in self.held.items()
            if mode in LOCK_MODES[_STOPS_WRITERS:]
        ]
        return sorted(rows, key=lambda row: (-LOCK_MODES.index(row["mode"]), -row["seconds"], row["relation"]))


# --- what is said


@dataclass(frozen=True)
class Outcome:
    """What came of a migration. Revisions as the application prints them, sizes in bytes, times in seconds."""

    before: str
    head: str
    after: str
    code: int
    said: str
    attempts: int
    seconds: float
    changes: Sequence[str]
    locks: Sequence[Mapping[str, Any]]
    others_waited: float
    statement: str
    size_before: int
    size_after: int
    timed_out: bool = False
    gap: float = 0.0  # the longest time that nobody looked

    @property
    def done(self) -> bool:
        """Whether it ended well, where it should."""
        return self.code == 0 and self.after == self.head


def standing(outcome: Outcome) -> str:
    """Return, after a failure, what stands of the migration in the database."""
    at = f"it says revision {outcome.after}"
    if not outcome.changes and outcome.after == outcome.before:
        return f"The database is as before: {at}, and no object of its schema is different"
    rows = summarise(outcome.changes, 6) or "no object of its schema is different"
    seen = f"; the last statement that was seen at work is `{' '.join(outcome.statement.split())[:200]}`"
    invalid = [row for row in outcome.changes if row.startswith("+ index") and "INVALID" in row]
    more = ". Drop the invalid index (DROP INDEX CONCURRENTLY) before the next run" if invalid else ""
    return f"The database is half-way: {at}, and what stands is {rows}{seen if outcome.statement else ''}{more}"


def failure(outcome: Outcome) -> str:
    """Return the sentences that tell of a migration that failed: how it ended, and what stands."""
    tries = f" in {outcome.attempts} attempts" if outcome.attempts > 1 else ""
    how = f"ended with code {outcome.code}"
    if outcome.timed_out:
        how = "was ended because it took longer than migration_timeout_seconds"
    elif outcome.code == 137:
        how = "was killed"
    elif outcome.code == 0:
        how = f"ended well, but left the database at revision {outcome.after}"
    words = outcome.said or "none"
    return (
        f"The migration from {outcome.before} to {outcome.head} {how} after {outcome.seconds:.1f} s{tries}, its last "
        f"words: {words}. {standing(outcome)}"
    )


def told(outcome: Outcome) -> str:
    """Return one sentence about a migration that ended well."""
    locks = [f"{row['mode']} on {row['relation']} for {row['seconds']:.2f} s" for row in outcome.locks]
    tries = f", {outcome.attempts} attempts" if outcome.attempts > 1 else ""
    return (
        f"{outcome.before} to {outcome.head} in {outcome.seconds:.1f} s{tries}; {len(outcome.changes)} changes of the "
        f"schema; {_size(outcome.size_before)} to {_size(outcome.size_after)}; "
        f"locks that stop writers: {summarise(locks) or 'none seen'}; others waited up to {outcome.others_waited:.2f} s"
    )


def _size(number: int) -> str:
    return f"{number / 2**20:.1f} MiB"
