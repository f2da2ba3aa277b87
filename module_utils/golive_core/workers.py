"""Which worker containers of the application may run on a host: decided from what the edge says, never from a memory.

Workers are what the application runs beside its API: schedulers, consumers, importers. Their containers are made with
each colour and start only where that colour serves. The permission to run is a lease: an answer of an edge that names
the colour, good for some seconds. Whoever gets no answer stops its workers, so that another host, or the other colour,
never works beside them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import engine_api
from .colours import NONE, Live

START, STOP = "start", "stop"
# After a worker has ended by itself: seconds to its next start, longer each time, until it has run for a while.
FIRST_PAUSE, LONGEST_PAUSE, STEADY = 1.0, 60.0, 60.0
# Seconds that a worker may take to end unless app_workers says otherwise.
GRACE = 30
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
# Seconds for which another colour must have served before workers move: a rehearsal is over by then.
SETTLE = 3.0
# Added to a lease and a grace before a worker is taken over from another host: clocks run apart, answers travel.
MARGIN = 5.0


@dataclass(frozen=True)
class Container:
    """A worker's container: of which worker and colour it is, and whether it runs."""

    id: str
    worker: str
    colour: str
    running: bool


@dataclass(frozen=True)
class Step:
    """What is to be done with a container, and why."""

    act: str
    container: Container
    why: str


@dataclass(frozen=True)
class Terms:
    """What a host may do.

    :ivar here: workers that run on this host
    :ivar single: those of them that run on no other host at the same time
    :ivar elsewhere: workers that run on another host only
    :ivar lease: seconds for which an edge's answer is good
    :ivar grace: longest time that any worker takes to end, in seconds
    """

    here: frozenset[str]
    single: frozenset[str]
    elsewhere: frozenset[str]
    lease: float
    grace: float

    @classmethod
    def of(cls, workers: Mapping[str, Mapping[str, Any]], lease: float) -> Terms:
        """Return them from the settings of a host: worker to here, single and grace_seconds."""
        here = {name for name, worker in workers.items() if worker["here"]}
        return cls(
            here=frozenset(here),
            single=frozenset(name for name in here if workers[name]["single"]),
            elsewhere=frozenset(workers) - here,
            lease=lease,
            grace=max([float(worker["grace_seconds"]) for worker in workers.values()], default=0.0),
        )

    @property
    def takeover(self) -> float:
        """Return the seconds after which no other host can be running what this one was given."""
        return self.lease + self.grace + MARGIN


def read_containers(rows: Iterable[Mapping[str, Any]]) -> list[Container]:
    """Return the workers among the containers that the engine lists."""
    found = []
    for row in rows:
        labels = row.get("Labels") or {}
        if name := labels.get("golive.worker"):
            # One that is paused or is being restarted is not over.
            running = row.get("State") not in ("created", "exited", "dead")
            found.append(Container(str(row["Id"]), name, labels.get("golive.colour", ""), running))
    return found


@dataclass
class Keeper:
    """Decides, second by second. All times are seconds of one clock that nobody sets.

    :ivar colour: which serves, as the edges have said for long enough
    :ivar heard: when they said so
    :ivar since: since when this host has been allowed to run workers without a break; when nothing served, for ever
    """

    terms: Terms
    colour: str = NONE
    heard: float | None = None
    since: float | None = None
    _next: str = NONE
    _seen: float = 0.0
    _ended: dict[str, int] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)

    def hear(self, answers: Iterable[Live], now: float) -> None:
        """Take what the edges answer: the newest counts, because an edge that was away comes back with an old one."""
        newest = max(answers, key=lambda live: live.generation, default=None)
        if newest is None:
            return
        lapsed = not self.leased(now)
        if lapsed:
            self.since = now
        self.heard = now
        if newest.live != self._next:
            self._next, self._seen = newest.live, now
        # Who has heard nothing for long runs nothing, and has nothing to keep up while the colours settle.
        if lapsed or NONE in (self.colour, newest.live) or now - self._seen >= SETTLE:
            self.colour = newest.live
        if newest.live == NONE:
            self.since = float("-inf")  # nothing serves, so no worker runs anywhere

    def leased(self, now: float) -> bool:
        """Return whether workers may run at all."""
        return self.heard is not None and now - self.heard <= self.terms.lease

    def steps(self, containers: Iterable[Container], now: float, busy: Iterable[str] = ()) -> list[Step]:
        """Return what is to be done now.

        :param busy: ids of containers that are being stopped or started already
        """
        there, taken = list(containers), set(busy)
        found = []
        for one in there:
            if one.running and one.id not in taken and (why := self._forbidden(one, now)):
                found.append(Step(STOP, one, why))
                self._ended.pop(one.id, None)  # it did not end by itself
                self._started.pop(one.id, None)
        if self.leased(now) and self.colour != NONE and self.colour == self._next:
            found += [step for name in sorted(self.terms.here) for step in self._start(name, there, taken, now)]
        return found

    def _forbidden(self, one: Container, now: float) -> str:
        if not self.leased(now):
            return f"no edge has said for {self.terms.lease:.0f} s which colour serves"
        if one.worker in self.terms.elsewhere:
            return "it runs on another host"
        # One that the newest release does not have goes on until the release that has it gives over.
        return "" if one.colour == self.colour else f"{self.colour} serves"

    def _start(self, name: str, there: list[Container], taken: set[str], now: float) -> list[Step]:
        of_name = [one for one in there if one.worker == name]
        if any(one.running or one.id in taken for one in of_name):
            self._note_running(of_name, now)
            return []
        mine = next((one for one in of_name if one.colour == self.colour), None)
        if mine is None or not self._taken_over(name, now) or now < self._not_before(mine.id):
            return []
        self._ended[mine.id] = self._ended.get(mine.id, -1) + 1
        self._started[mine.id] = now
        return [Step(START, mine, f"{self.colour} serves")]

    def _note_running(self, of_name: list[Container], now: float) -> None:
        for one in of_name:
            if one.running and now - self._started.get(one.id, now) > STEADY:
                self._ended[one.id] = 0

    def _not_before(self, id_: str) -> float:
        if id_ not in self._started:
            return float("-inf")
        pause: float = FIRST_PAUSE * 2 ** min(self._ended[id_], 10)
        return self._started[id_] + min(LONGEST_PAUSE, pause)

    def _taken_over(self, name: str, now: float) -> bool:
        return name not in self.terms.single or (self.since is not None and now - self.since >= self.terms.takeover)

    def starts(self, containers: Iterable[Container]) -> dict[str, int]:
        """Return worker to how often its container was started again because it had ended."""
        found: dict[str, int] = {}
        for one in containers:
            found[one.worker] = found.get(one.worker, 0) + self._ended.get(one.id, 0)
        return found


def exposition(keeper: Keeper, containers: Iterable[Container], now: float) -> str:
    """Return what the host's exporter shows of the workers, in Prometheus's text format."""
    there = list(containers)
    wanted = keeper.terms.here if keeper.colour != NONE else frozenset()
    running = {one.worker for one in there if one.running and one.colour == keeper.colour}
    rows = [
        "# HELP golive_worker_wanted Whether the worker has to run on this host.",
        "# TYPE golive_worker_wanted gauge",
        *(f'golive_worker_wanted{{worker="{name}"}} {int(name in wanted)}' for name in sorted(keeper.terms.here)),
        "# HELP golive_worker_running Whether it runs, in the colour that serves.",
        "# TYPE golive_worker_running gauge",
        *(f'golive_worker_running{{worker="{name}"}} {int(name in running)}' for name in sorted(keeper.terms.here)),
        "# HELP golive_worker_ended Times that it ended by itself and was started again, lately.",
        "# TYPE golive_worker_ended gauge",
        *(f'golive_worker_ended{{worker="{name}"}} {count}' for name, count in sorted(keeper.starts(there).items())),
        "# HELP golive_worker_leased Whether an edge allows workers to run on this host.",
        "# TYPE golive_worker_leased gauge",
        f"golive_worker_leased {int(keeper.leased(now))}",
    ]
    return "\n".join(rows) + "\n"


class Asked(Protocol):
    """What is asked of an engine (see engine_api)."""

    def labelled(self, label: str) -> list[dict[str, Any]]: ...

    def container(self, name: str) -> dict[str, Any]: ...


def not_made(engine: Asked, check: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the containers of the workers before their colour serves.

    :param check: app, colour, workers (names) and image_id, as module container_probe has them
    """
    listed = read_containers(engine.labelled(f"golive.app={check['app']}"))
    there = {one.worker: one for one in listed if one.colour == check["colour"]}
    problems = [f"{name} has no container of {check['colour']}" for name in check["workers"] if name not in there]
    for name in (name for name in check["workers"] if name in there):
        container = engine.container(there[name].id)
        found = ["it runs already"] if there[name].running else []
        if container["Image"] != check["image_id"]:
            found.append(f"its image is {container['Image']}")
        found += engine_api.wrong_limits(container) + engine_api.wrong_user(container)
        problems += [f"{name}: {problem}" for problem in found]
    return problems


def not_running(engine: Asked, check: Mapping[str, Any]) -> list[str]:
    """Return which workers do not run that should, and which run that should not.

    :param check: app, colour, workers (names) and within_seconds, as module container_probe has them
    """
    deadline = time.monotonic() + check["within_seconds"]
    wanted = {(name, check["colour"]) for name in check["workers"]}
    while True:
        listed = read_containers(engine.labelled(f"golive.app={check['app']}"))
        running = {(one.worker, one.colour) for one in listed if one.running}
        if running == wanted or time.monotonic() > deadline:
            missing = [f"{name} of {colour} does not run" for name, colour in sorted(wanted - running)]
            return missing + [f"{name} of {colour} runs" for name, colour in sorted(running - wanted)]
        time.sleep(0.5)


def on_host(workers: Iterable[Mapping[str, Any]], first: bool) -> dict[str, dict[str, Any]]:
    """Return what a host is told of the application's workers.

    :param workers: `app_workers`
    :param first: whether it is the host of those that are single
    """
    return {
        str(worker["name"]): {
            "here": first or not worker.get("single", False),
            "single": bool(worker.get("single", False)),
            "grace_seconds": float(worker.get("grace_seconds", GRACE)),
        }
        for worker in workers
    }


def names_here(workers: Iterable[Mapping[str, Any]], first: bool) -> list[str]:
    """Return the names of the workers that run on a host; arguments as in :func:`on_host`."""
    return [name for name, worker in on_host(workers, first).items() if worker["here"]]


def longest_grace(workers: Iterable[Mapping[str, Any]]) -> float:
    """Return the seconds that the slowest worker may take to end."""
    graces = [float(worker.get("grace_seconds", GRACE)) for worker in workers]
    return max(graces, default=0.0)


def refusals(workers: Iterable[Mapping[str, Any]], described: bool = False) -> list[str]:
    """Return one sentence for each worker that cannot be.

    :param described: whether the application's own Compose files say what they are
    """
    found, names = [], set()
    for worker in workers:
        name = str(worker.get("name", ""))
        if not _NAME.fullmatch(name):
            found.append(f'app_workers has "{name}", wanted a name of small letters, digits and dashes')
        elif name in names:
            found.append(f"app_workers has {name} twice")
        elif name == "app":
            found.append("app_workers has app, which is the name of the application's own service")
        if not worker.get("command") and not described:
            found.append(f"worker {name} has no command")
        grace = worker.get("grace_seconds", GRACE)
        if not 1 <= float(grace) <= 600:
            found.append(f"grace_seconds of worker {name} is {grace}, wanted 1 to 600")
        names.add(name)
    return found
