"""What happens in a run, told as events for people and programs: the terminal shows these, `--json` prints them.

Fed by what Ansible reports (the callback plugin, or ansible-runner's events), it knows phases by the names of the plays
("Release | Switch at the edge"), verdicts by the answers of `gate_verdict`, and the run by those of `golive_record`.

An event is a dictionary; `event` says what it is:

``run.started``      playbook, check, app, release, kind, directory
``run.fact``         what the run has learnt: previous, already_live, ...
``phase.started``    phase, place and all (3 of 10; None outside a go-live), last_seconds, expected gates
``gate``             as in the record: gate, host, verdict, message, title, remedy, waived, value, bound, unit
``failed``           task, host, message, of a step that failed; a rescue may follow
``changed``          task, hosts, diff: only in a plan, or when differences are asked for
``note``             message of the run to its operator
``warning``          message
``phase.finished``   phase, state (complete, failed, planned), seconds, last_seconds, gates: {passed, all}, changed
``run.finished``     told (the record), exit_name, code, seconds, last_seconds, failures; changed and lost: number
                     per host
"""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import ending, record
from .catalogue import failure_sentence
from .report import lasted

Event = dict[str, Any]
# What these roles say to the operator is in the verdicts and in the last lines already.
SAID_BY_ITSELF = ("gates", "record")
LONGEST_DIFF = 400  # lines

# ansible.builtin.find says so of a directory that is still to be made: on every new host.
_EXPECTED = re.compile(r"Skipped '.+' path due to this access issue: '.+' is not a directory$")


@dataclass(frozen=True)
class Before:
    """The last run of the same kind that came to its end: seconds and number of gates per phase, seconds in all."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    gates: Mapping[str, int] = field(default_factory=dict)
    total: float | None = None


def last_run(records: Path, app: str, kind: str, but: str = "") -> Before:
    """Return the last finished run of the same kind; an empty one when there is none.

    :param but: name of the run that goes on now
    """
    for path in sorted(records.glob("*/record.json"), reverse=True):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            run = told["run"]
            if path.parent.name == but or told["verdict"] not in ending.GOOD:
                continue
            if (run.get("app"), run.get("kind", "golive")) != (app, kind):
                continue
            phases = {name: took for name, seen in told["phases"].items() if (took := lasted(seen)) is not None}
            counted: dict[str, int] = {}
            for gate in told["gates"]:
                name = str(gate["gate"]).partition(".")[0]
                counted[name] = counted.get(name, 0) + 1
            return Before(phases, counted, lasted(run))
    return Before()


@dataclass
class Phase:
    """One phase, while it goes on."""

    name: str
    started: float
    measured: set[tuple[str, str]] = field(default_factory=set)
    verdicts: list[Mapping[str, Any]] = field(default_factory=list)
    failed: bool = False
    changed: int = 0


@dataclass(frozen=True)
class Task:
    """A task as Ansible reports it."""

    name: str
    action: str = ""
    role: str = ""

    @property
    def module(self) -> str:
        """The action without its collection."""
        return self.action.rpartition(".")[2]


class Progress:
    """The state of a run. Each method takes one report and returns the events that follow from it."""

    def __init__(
        self, playbook: str, *, check: bool = False, diff: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin.

        :param playbook: its file name
        :param check: whether this is a plan
        :param diff: whether differences are wanted
        """
        self.check, self.diff, self._clock = check, diff, clock
        self.playbook = playbook
        self.began = clock()
        self.run: dict[str, Any] = {}
        self.told: dict[str, Any] | None = None
        self.before = Before()
        self.phase: Phase | None = None
        self.task = Task("")
        self.busy: dict[str, None] = {}  # hosts at work, in order
        self.changed: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        self.failures: list[Event] = []
        self.refused = False
        self._next = ""
        self._seen: list[str] = []  # phases that were begun
        self._warnings: set[str] = set()
        self._changes: dict[tuple[str, tuple[str, ...]], list[str]] = {}  # of this play: task and difference to hosts
        self._ended = False

    # --- reports

    def play(self, name: str) -> list[Event]:
        """A play begins; its phase begins with its first task, for a play may have no hosts."""
        found = self._changed()
        self._next = name.partition(" | ")[0].strip().lower()
        self.busy.clear()
        return found

    def starts(self, task: Task, host: str = "") -> list[Event]:
        """A task begins, on a host when it is known."""
        if task.name != self.task.name:
            self.busy.clear()
        self.task = task
        if host:
            self.busy[host] = None
        return self._open()

    def result(self, host: str, status: str, task: Task, result: Mapping[str, Any]) -> list[Event]:
        """A task has ended on a host.

        :param status: ok, failed, ignored, unreachable or skipped
        """
        self.busy.pop(host, None)
        found = self._open()
        assert self.phase
        found += self._warned(host, result)
        if status == "skipped":
            return found
        if status in ("failed", "unreachable"):
            return found + self._failed(host, status, task, result)
        if result.get("changed") and status == "ok":
            self.phase.changed += 1
            self.changed[host] = self.changed.get(host, 0) + 1
            self._note_change(host, task, result)
        for row in result.get("measurements") or ():
            if isinstance(row, Mapping) and "id" in row:
                self.phase.measured.add((str(row["id"]), host))
        if task.module == "gate_verdict":
            found += self._judged(result.get("verdicts") or ())
        elif task.module == "golive_record":
            found += self._recorded(result)
        elif task.module == "debug":
            found += self._said(task, result)
        return found

    def ends(self, code: int, *, interrupted: bool = False) -> list[Event]:
        """The run is over. Only the first call counts.

        :param code: what Ansible's exit code will be
        """
        if self._ended:
            return []
        self._ended = True
        found = self._close()
        told, finished = self.told, self.told is not None
        if told is None and self.run and not self.check:
            with suppress(OSError, record.BrokenChain, KeyError, ValueError):
                events = record.read_events(Path(self.run["directory"]))
                told = record.tell(events) if events else None
        name = ending.exit_name(
            None if self.check else told,
            code=code,
            interrupted=interrupted,
            finished=finished,
            began=bool(self.run) or not self.refused,
        )
        return [
            *found,
            {
                "event": "run.finished",
                "told": told,
                "check": self.check,
                "exit_name": name,
                "code": ending.NUMBER[name],
                "phase": self._seen[-1] if self._seen else "",
                "seconds": self._clock() - self.began,
                "last_seconds": self.before.total,
                "changed": dict(self.changed),
                "lost": dict(self.lost),
                "failures": list(self.failures),
                "directory": self.run.get("directory", ""),
            },
        ]

    # --- the inside

    def _open(self) -> list[Event]:
        """Begin the phase of the present play, and end the one before."""
        if self.phase and self.phase.name == self._next:
            return []
        found = self._close()
        self.phase = Phase(self._next, self._clock())
        again = self._next in self._seen
        self._seen.append(self._next)
        if not again:
            found.append(
                {
                    "event": "phase.started",
                    "phase": self._next,
                    "place": self._place(self._next),
                    "all": len(record.PHASES) if self._place(self._next) else None,
                    "last_seconds": self.before.seconds.get(self._next),
                    "expected": self.expected(self._next),
                }
            )
        return found

    def _place(self, name: str) -> int | None:
        whole = self.run.get("kind", "golive") == "golive" and self.playbook in ("golive.yml", "")
        return record.PHASES.index(name) + 1 if whole and name in record.PHASES else None

    def expected(self, name: str) -> int | None:
        """Return how many gates a phase had the last time."""
        return self.before.gates.get(name)

    def _close(self) -> list[Event]:
        if not (phase := self.phase):
            return []
        found = self._changed()
        self.phase = None
        passed = sum(verdict["verdict"] == "PASS" for verdict in phase.verdicts)
        red = any(verdict["verdict"] != "PASS" and not verdict.get("waived") for verdict in phase.verdicts)
        state = "failed" if phase.failed or (red and not self.check) else "planned" if self.check else "complete"
        return [
            *found,
            {
                "event": "phase.finished",
                "phase": phase.name,
                "state": state,
                "seconds": self._clock() - phase.started,
                "last_seconds": self.before.seconds.get(phase.name),
                "gates": {"passed": passed, "all": len(phase.verdicts)},
                "not_measured": sum(verdict["verdict"] == "NO-EVIDENCE" for verdict in phase.verdicts),
                "changed": phase.changed,
            },
        ]

    def _failed(self, host: str, status: str, task: Task, result: Mapping[str, Any]) -> list[Event]:
        if task.role == "record" and self.told is not None:
            return []  # the end of the run, which its last lines tell
        assert self.phase
        if status == "unreachable":
            self.lost[host] = self.lost.get(host, 0) + 1
        if not self.run and task.module in ("assert", "validate_argument_spec", "fail"):
            self.refused = True
        self.phase.failed = True
        event = {"event": "failed", "host": host, "task": task.name, "message": failure_sentence(result, host)}
        self.failures.append(event)
        return [event]

    def _warned(self, host: str, result: Mapping[str, Any]) -> list[Event]:
        """Return each warning once, with the host that had it first."""
        told = [text for text in map(str, result.get("warnings") or ()) if not _EXPECTED.match(text)]
        new = [text for text in told if text not in self._warnings]
        self._warnings.update(new)
        return [{"event": "warning", "message": text, "host": host} for text in new]

    def _note_change(self, host: str, task: Task, result: Mapping[str, Any]) -> None:
        rows = [row for row in result.get("results") or [result] if isinstance(row, Mapping) and row.get("changed")]
        diff = [line for row in rows for line in diff_lines(row.get("diff"))] if self.diff else []
        if self.check or diff:
            self._changes.setdefault((task.name, tuple(diff)), []).append(host)

    def _changed(self) -> list[Event]:
        """Return what the play changed: the same on several hosts is told once."""
        found = [
            {"event": "changed", "task": task, "hosts": hosts, "diff": list(diff)}
            for (task, diff), hosts in self._changes.items()
        ]
        self._changes.clear()
        return found

    def _judged(self, verdicts: Iterable[Mapping[str, Any]]) -> list[Event]:
        assert self.phase
        found = []
        for verdict in verdicts:
            self.phase.verdicts.append(verdict)
            found.append(
                {"event": "gate", "check": self.check, "pending": self.check and bool(self.changed), **verdict}
            )
        return found

    def _recorded(self, result: Mapping[str, Any]) -> list[Event]:
        """Take what a run tells its record."""
        found: list[Event] = []
        if isinstance(run := result.get("run"), Mapping):
            directory = Path(result["directory"])
            self.run = {
                **{key: run.get(key) for key in ("app", "release", "kind")},
                "directory": str(directory),
                "id": directory.name,
            }
            self.before = last_run(directory.parent, str(run.get("app")), str(run.get("kind")), directory.name)
            found.append({"event": "run.started", "playbook": self.playbook, "check": self.check, **self.run})
            found[-1]["last_seconds"] = self.before.total
        for event in result.get("events") or ():
            data = event.get("data") or {}
            if event.get("kind") == "run.fact":
                self.run.update(data)
                found.append({"event": "run.fact", **data})
            elif event.get("kind") == "phase.failed" and self.phase:
                self.phase.failed = True
            elif event.get("kind") in ("note", "switch", "flip_back"):
                found.append({"event": event["kind"], **data})
        if isinstance(result.get("told"), Mapping) and not self.check:
            self.told = dict(result["told"])
        return found

    def _said(self, task: Task, result: Mapping[str, Any]) -> list[Event]:
        if self.run and task.role in SAID_BY_ITSELF:
            return []
        message = result.get("msg")
        lines = message if isinstance(message, list) else [message]
        return [{"event": "note", "message": str(line)} for line in lines if line not in (None, "")]


def diff_lines(diff: Any) -> list[str]:
    """Return what a task would write differently, as lines of a unified diff.

    :param diff: as modules return it: one or a list of ``{before, after, before_header, after_header}`` or ``prepared``
    """
    found: list[str] = []
    for row in diff if isinstance(diff, list) else [diff]:
        if not isinstance(row, Mapping):
            continue
        if row.get("prepared"):
            found += str(row["prepared"]).splitlines()
        if "before" in row and "after" in row:
            before, after = (_text(row[side]).splitlines() for side in ("before", "after"))
            names = (str(row.get("before_header") or "before"), str(row.get("after_header") or "after"))
            found += difflib.unified_diff(before, after, *names, lineterm="")
    rest = len(found) - LONGEST_DIFF
    return found if rest <= 0 else [*found[:LONGEST_DIFF], f"... and {rest} lines more; the log has all"]


def _text(side: Any) -> str:
    if isinstance(side, str):
        return side
    return json.dumps(side, indent=2, sort_keys=True, ensure_ascii=False, default=str)
