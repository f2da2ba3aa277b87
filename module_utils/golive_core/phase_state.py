"""Phases whose work on a host is finished: what they were made of, and what the host looked like then.

A phase stands while nothing has changed: not its inputs, not the host's configuration, packages and services, not its
boot. Then it is measured again, and not done again.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Bigger files are told apart by size and time of change: nobody configures with them.
READ_AT_MOST = 16 * 1024 * 1024


@dataclass(frozen=True)
class Look:
    """How a host looks.

    :ivar boot: id of its boot
    :ivar files: path to a digest of kind, owner, mode and content
    :ivar units: services, timers, sockets and paths that are enabled and active
    """

    boot: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    units: Sequence[str] = ()

    def difference(self, now: Look, *, files: bool = True) -> str:
        """Return what is not any more as it was, in a few words; empty when nothing is.

        :param files: whether files count
        """
        if now.boot != self.boot:
            return "the host was booted since"
        gone = sorted(set(self.units) - set(now.units))
        if gone:
            return f"{_few(gone)} no longer {'run' if len(gone) > 1 else 'runs'}"
        if not files:
            return ""
        changed = sorted(path for path, seen in self.files.items() if now.files.get(path) != seen)
        new = sorted(set(now.files) - set(self.files))
        if changed or new:
            return f"{_few(changed + new)} {'are' if len(changed + new) > 1 else 'is'} not as it was"
        return ""


def _few(names: list[str]) -> str:
    """Return the first names of many."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def files_of(roots: Iterable[str], without: Iterable[str]) -> dict[str, str]:
    """Return the files, links and directories below some paths, each to what tells it from others.

    :param roots: directories or files; one that is not there has none
    :param without: patterns, as for the shell, of what may change by itself; a directory with all that is in it
    """
    patterns = tuple(without)
    found: dict[str, str] = {}
    waiting = [root for root in roots if os.path.lexists(root)]
    while waiting:
        path = waiting.pop()
        if _left_out(path, patterns):
            continue
        try:
            told = os.lstat(path)
            found[path] = _tell(path, told)
            if stat.S_ISDIR(told.st_mode):
                waiting += [entry.path for entry in os.scandir(path)]
        except FileNotFoundError:  # between the listing and the look: somebody's draft
            found.pop(path, None)
    return found


def _left_out(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _tell(path: str, told: os.stat_result) -> str:
    head = f"{told.st_mode:o} {told.st_uid} {told.st_gid} ".encode()
    if stat.S_ISLNK(told.st_mode):
        body = os.fsencode(Path(path).readlink())
    elif stat.S_ISREG(told.st_mode):
        big = told.st_size > READ_AT_MOST
        body = f"{told.st_size} {told.st_mtime_ns}".encode() if big else Path(path).read_bytes()
    else:
        body = b""
    return hashlib.sha256(head + body).hexdigest()[:16]


def units_of(shown: str, without: Iterable[str] = ()) -> list[str]:
    """Return the units that are enabled: others come and go with who asks for them.

    :param shown: what `systemctl show --property=Id,UnitFileState` says of active units, an empty line between them
    :param without: patterns, as in :func:`files_of`, of the files of units that do not count
    """
    patterns = tuple(without)
    units = (dict(line.partition("=")[::2] for line in block.splitlines()) for block in shown.split("\n\n"))
    return sorted(
        unit["Id"]
        for unit in units
        if unit.get("UnitFileState") in ("enabled", "enabled-runtime", "linked")
        and not _left_out(f"/etc/systemd/system/{unit['Id']}", patterns)
    )


@dataclass(frozen=True)
class Finished:
    """A phase that was finished on this host: what it was made of, in which run, when (seconds since 1970)."""

    inputs: str
    run: str
    at: float


@dataclass
class State:
    """What a host remembers.

    :ivar phases: name to how it was finished
    :ivar look: the host when the last of them was
    :ivar begun: a phase whose work has begun and is not finished, so that it has changed files by now; or empty
    """

    phases: dict[str, Finished] = field(default_factory=dict)
    look: Look = field(default_factory=Look)
    begun: str = ""

    @classmethod
    def read(cls, path: Path) -> State:
        """Return what a file holds; nothing when it is missing, or cannot be understood."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            phases = {name: Finished(**entry) for name, entry in told["phases"].items()}
            return cls(phases, Look(**told["look"]), told["begun"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def text(self) -> str:
        """Return what :meth:`read` understands."""
        return json.dumps(asdict(self), sort_keys=True) + "\n"

    def begin(self, phase: str) -> None:
        """Forget that a phase was finished: its work begins."""
        self.phases.pop(phase, None)
        self.begun = phase

    def finish(self, phase: str, finished: Finished, look: Look) -> None:
        """Remember that a phase is finished, and how the host looks now."""
        self.phases[phase] = finished
        self.look = look
        self.begun = ""

    def standing(
        self, inputs: Mapping[str, str], look: Look, now: float, max_age: float
    ) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """Return which phases stand, with run and time; and why others that were finished do not.

        :param inputs: phase to what it would be made of now
        :param look: the host now
        :param now: seconds since 1970
        :param max_age: seconds after which a phase is done anew whatever its inputs
        """
        standing: dict[str, dict[str, Any]] = {}
        anew: dict[str, str] = {}
        different = self.look.difference(look, files=not self.begun)
        for phase, finished in self.phases.items():
            if phase not in inputs:
                continue
            why = (
                "what it is made of has changed"
                if inputs[phase] != finished.inputs
                else different or _old(now - finished.at, max_age)
            )
            if why:
                anew[phase] = why
            else:
                standing[phase] = {"run": finished.run, "at": finished.at}
        return standing, anew


def _old(age: float, max_age: float) -> str:
    """Return that something is too old; empty when it is not. A clock that was set back makes it so, too."""
    return "" if 0 <= age <= max_age else f"it was finished {age / 3600:.0f} h ago"


def to_work(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], phase: str) -> str:
    """Return, as a pattern, the hosts on which a phase does not stand; none when the go-live does not go on.

    :param hostvars: host to its variables, of which `golive_phases` is what module phase_state said when asked; of
        localhost, `golive_go_on`
    """
    go_on = hostvars.get("localhost", {}).get("golive_go_on")
    return _pattern(host for host in hosts if go_on and not _stands(hostvars[host], phase))


def to_remember(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], phase: str) -> str:
    """Return, as a pattern, the hosts that have something to remember after the judgement of a phase.

    All is well: those that did its work. The phase is red: those on which it stood, since its work may mend that.

    :param hostvars: as for :func:`to_work`; of localhost, `golive_red` is the phase whose gates are red
    """
    controller = hostvars.get("localhost", {})
    if controller.get("golive_go_on"):
        return to_work(hosts, hostvars, phase)
    red = controller.get("golive_red") == phase
    return _pattern(host for host in hosts if red and _stands(hostvars[host], phase))


def _stands(variables: Mapping[str, Any], phase: str) -> bool:
    return phase in (variables.get("golive_phases") or {}).get("standing", ())


def _pattern(hosts: Iterable[str]) -> str:
    return ":".join(hosts) or "!all"


def notes(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the record's notes on the phases that stand, and on those that were finished and do not.

    :param hostvars: as for :func:`to_work`
    """
    stands: dict[tuple[str, str], list[str]] = {}
    anew: dict[tuple[str, str], list[str]] = {}
    for host in hosts:
        told = hostvars[host].get("golive_phases") or {}
        for phase, finished in told.get("standing", {}).items():
            stands.setdefault((phase, finished["run"]), []).append(host)
        for phase, why in told.get("anew", {}).items():
            anew.setdefault((phase, why), []).append(host)

    def where(some: list[str]) -> list[str] | dict[str, str]:
        return {"en": "every host", "zh": "所有主机"} if len(some) == len(hosts) else some

    return [
        {"note": "phase.stands", "values": {"phase": phase, "hosts": where(some), "run": run}}
        for (phase, run), some in sorted(stands.items())
    ] + [
        {"note": "phase.anew", "values": {"phase": phase, "hosts": where(some), "why": why}}
        for (phase, why), some in sorted(anew.items())
    ]
