"""The watcher itself: a service on every edge that guards the release which serves, and gives the traffic back.

It needs nobody for that but the HAProxy beside it: it reads the access log from a local datagram, asks the application
through the edge and directly, decides once a second (watcher.py), and acts like module edge_switch does. Times are
those of a clock that no correction steps.
"""

from __future__ import annotations

import argparse
import http.server
import itertools
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import edge_peers, prometheus, watch_guard
from .colours import COLOURS, Live, read_map, replace_map
from .haproxy import Edge, EdgeError, master
from .http import NoAnswer, fetch, target
from .measurement import utc_now
from .record import BrokenChain
from .signing import SigningError
from .systemd import tell_systemd
from .watch_guard import ARMED, DISARMED, Home, Order, map_lock, write_json
from .watch_log import AGENT, Book, Sample, exposition, families, probes_due, read_line
from .watcher import (
    MINUTE,
    NORMAL,
    ROLLBACK,
    STRICT,
    Before,
    Counts,
    Finding,
    Judge,
    Limits,
    Metric,
    Resource,
    Seen,
    leads,
    recovered,
    window,
)

CHECK_SECONDS = 5.0  # between two health checks, as the guide counts them
ASK_SECONDS = 15.0  # between two questions to Prometheus
RECOVERY_SECONDS = 60.0
SAVE_SECONDS = 10.0
PEER_SECONDS = 5.0  # a peer that has not answered for so long is dead
PROBE_TIMEOUT = 10.0
CHECK_TIMEOUT = 3.0
RECEIVE_BUFFER = 4 * 1024 * 1024


def say(sentence: str) -> None:
    """Write a sentence to the journal."""
    print(sentence, flush=True)


def uptime() -> float:
    """Return the time of a clock that goes on while the machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def repeat(seconds: float, task: Callable[[], None]) -> None:
    """Do something again and again, beside the rest."""

    def loop() -> None:
        while True:
            began = time.monotonic()
            task()
            time.sleep(max(0.1, seconds - (time.monotonic() - began)))

    threading.Thread(target=loop, name=task.__name__, daemon=True).start()


class Eyes:
    """What is seen of the application: the log, health, and what Prometheus knows."""

    def __init__(self, settings: Mapping[str, Any], limits: Limits) -> None:
        """Take the settings that role watcher wrote."""
        self.settings = settings
        self.limits = limits
        self.books = {colour: Book(limits.p95_seconds) for colour in COLOURS}
        self.lock = threading.Lock()
        self.unreadable = 0
        self.colour = "none"  # the one to ask directly
        self.edge_failed = self.direct_failed = 0
        self.edge_said = self.direct_said = ""
        self.down: list[str] = []
        self.resources: list[Resource] = []
        self.metrics: list[Metric] = []
        self._failed: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(96, "ask")
        self._probes = itertools.cycle(settings["probes"])
        self._in_flight = 0
        self.past: dict[str, Any] = {}  # of resources and metrics, before the release that is guarded

    # --- the log

    def listen(self) -> None:
        """Read the access log for ever."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
            log.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            log.bind(("127.0.0.1", self.settings["log_port"]))
            while True:
                datagram = log.recv(65536)
                line = read_line(datagram)
                with self.lock:
                    if line:
                        self.books[line.colour].enter(line, time.monotonic())
                    else:
                        self.unreadable += 1

    def close(self, second: int) -> None:
        """End a second of every book."""
        with self.lock:
            for book in self.books.values():
                book.close(second)

    # --- requests of its own

    def probe(self, rate: float) -> None:
        """Add requests through the edge, so that the colour has `rate` in a second; their lines come with the log."""
        with self.lock:
            users = self.books[self.colour].user_rate() if self.colour in self.books else 0.0
            due = min(probes_due(rate, users), 80 - self._in_flight)  # one that hangs holds a thread
            self._in_flight += max(due, 0)
        for number in range(due):
            self._pool.submit(self._probe, next(self._probes), number / due)

    def _probe(self, one: Mapping[str, Any], pause: float) -> None:
        time.sleep(pause)
        with suppress(NoAnswer, ValueError):
            self._through_edge(one["path"], PROBE_TIMEOUT, one.get("headers", {}))
        with self.lock:
            self._in_flight -= 1

    def _through_edge(self, path: str, timeout: float, headers: Mapping[str, Any] | None = None) -> Any:
        aim = target(f"https://{self.settings['public_name']}{path}", self.settings["address"])
        told = {"user-agent": AGENT, **(headers or {})}
        return fetch(aim, headers=told, timeout=timeout, ca_file=self.settings["public_ca"])

    def version(self) -> str:
        """Return the version that answers through the edge; "" without an answer."""
        with suppress(NoAnswer, ValueError, KeyError, TypeError):
            answer = self._through_edge(self.settings["version_path"], 1.0)
            return str(json.loads(answer.body)[self.settings["version_key"]])
        return ""

    # --- health, from two vantage points

    def check(self) -> None:
        """Ask for health through the edge, and every server of the colour directly, at the same time."""
        if self.colour not in COLOURS:  # before the first release nothing can be healthy
            self.forget_checks()
            return
        port = self.settings["ports"].get(self.colour)
        asked = {"": self._pool.submit(self._health_of, "")}
        if port:
            for host, address in self.settings["servers"].items():
                asked[host] = self._pool.submit(self._health_of, f"{address}:{port}")
        said = {host: one.result() for host, one in asked.items()}
        self.edge_said = said.pop("")
        self.edge_failed = self.edge_failed + 1 if self.edge_said else 0
        for host, wrong in said.items():
            self._failed[host] = self._failed.get(host, 0) + 1 if wrong else 0
        # The application as a whole fails when every server does.
        self.direct_failed = min((self._failed[host] for host in said), default=0)
        self.direct_said = next((f"{host}: {wrong}" for host, wrong in said.items() if wrong), "")
        self.down = [host for host in said if self._failed[host] > self.limits.failed_checks]

    def forget_checks(self) -> None:
        """Begin to count anew: a release is judged by its own checks."""
        self.edge_failed = self.direct_failed = 0
        self.down = []
        self._failed.clear()

    def _health_of(self, place: str) -> str:
        """Return what is wrong at a server, or through the edge when no place is given."""
        path = self.settings["health_path"]
        try:
            if place:
                aim = target(f"http://{self.settings['public_name']}{path}")
                address, _, port = place.rpartition(":")
                aim = type(aim)("http", aim.host, int(port), aim.path, address)
                answer = fetch(aim, headers={"user-agent": AGENT}, timeout=CHECK_TIMEOUT)
            else:
                answer = self._through_edge(path, CHECK_TIMEOUT)
        except (NoAnswer, ValueError) as error:
            return str(error)
        return "" if answer.status == 200 else f"{path} answered {answer.status}"

    # --- what Prometheus knows

    def _number(self, query: str, at: float | None = None) -> float | None:
        for base in self.settings["prometheus"]:
            with suppress(prometheus.Unanswered, ValueError, KeyError, TypeError, IndexError):
                asked = {"query": query} | ({"time": f"{at:.3f}"} if at else {})
                return prometheus.query_value(prometheus.ask(base, "/api/v1/query", 3.0, asked), query).value
        return None

    def _history(self, query: str, end: float) -> list[float]:
        asked = {"query": query, "start": f"{end - 3600:.3f}", "end": f"{end:.3f}", "step": "60"}
        for base in self.settings["prometheus"]:
            with suppress(prometheus.Unanswered, ValueError, KeyError, TypeError, IndexError):
                rows = prometheus.ask(base, "/api/v1/query_range", 3.0, asked)["result"]
                return [float(value) for _, value in rows[0]["values"]]
        return []

    def learn_past(self, switched: float) -> None:
        """Ask what resources and metrics were before a switch (seconds since 1970)."""
        before = {one["name"]: self._number(one["query"], switched) for one in self.settings["resources"]}
        history = {one["name"]: self._history(one["query"], switched) for one in self.settings["metrics"]}
        self.past = {"switched": switched, "resources": before, "metrics": history}

    def ask_prometheus(self) -> None:
        """Ask for resources and business metrics; what nobody tells is left out."""
        if not self.settings["prometheus"]:
            return
        self.resources = [
            Resource(
                one["name"],
                self._number(one["query"]),
                self.past.get("resources", {}).get(one["name"]),
                self._number(one["own"]) if one.get("own") else None,
            )
            for one in self.settings["resources"]
        ]
        self.metrics = [
            Metric(
                one["name"],
                self._number(one["query"]),
                self.past.get("metrics", {}).get(one["name"], []),
                1 if one["bad"] == "high" else -1,
                one["act"] == "rollback",
            )
            for one in self.settings["metrics"]
        ]


class Neighbours:
    """The other edges: who of them lives, and what they serve."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take the settings that role watcher wrote."""
        self.settings = settings
        self.alive: dict[str, float] = {}
        self.release: dict[str, str] = {}
        self.holder = ""
        self.maps: dict[str, Live] = {}
        self.wrong: dict[str, str] = {}

    def look(self) -> None:
        """Ask every other edge once."""
        holder = self.settings["name"] if self._has_address() else ""
        for peer in self.settings["peers"]:
            with suppress(prometheus.Unanswered, ValueError, KeyError, TypeError):
                url = f"http://{peer['address']}:{self.settings['port']}/state"
                state = json.loads(prometheus.fetch(url, 1.0))
                self.alive[peer["name"]] = time.monotonic()
                self.release[peer["name"]] = str(state["order"]["release"]) if state["order"]["state"] == ARMED else ""
                holder = peer["name"] if state["has_address"] and not holder else holder
            self.wrong.pop(peer["name"], None)
            try:
                # Its name is that of its certificate, which may be the public one.
                asked = {**peer, "name": peer["certificate"]}
                live = edge_peers.ask(asked, self.settings["authority"], time.monotonic() + 1.0)
            except edge_peers.Unusable as error:
                self.wrong[peer["name"]] = str(error)
            except OSError as error:  # no file of the authority
                self.wrong[peer["name"]] = f"{peer['name']} cannot be asked: {error}"
            else:
                if live:
                    self.maps[peer["name"]] = live
        self.holder = holder

    def _has_address(self) -> bool:
        """Whether this edge has the shared address: only then it can be bound."""
        if not self.settings["virtual_address"]:
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            try:
                one.bind((self.settings["virtual_address"], 0))
            except OSError:
                return False
        return True

    def leader(self, release: str) -> str:
        """Return the edge that acts on a release: this one, or one whose watcher guards it, too."""
        name, order = self.settings["name"], self.settings["order"]

        def lives(edge: str) -> bool:
            near = time.monotonic() - self.alive.get(edge, -1e9) < PEER_SECONDS
            return near and self.release.get(edge) == release

        if leads(name, order, lives, self.holder):
            return str(name)
        return str(next(edge for edge in sorted(order, key=lambda edge: edge != self.holder) if lives(edge)))

    def gone_back(self, live: Live, back_colour: str) -> str:
        """Return a neighbour that has already given the traffic back; "" when none has."""
        newer = (name for name, seen in self.maps.items() if seen.generation > live.generation)
        return next((name for name in newer if self.maps[name].live == back_colour), "")


class Watcher:
    """Guards one release at a time."""

    def __init__(self, settings: Mapping[str, Any], *, dry_run: bool = False) -> None:
        """Take the settings that role watcher wrote."""
        self.settings = settings
        self.dry_run = dry_run or bool(settings["dry_run"])
        self.limits = Limits(**settings["limits"])
        self.home = Home(Path(settings["state_dir"]))
        self.map_file = Path(settings["map_file"])
        self.edge = Edge(master(within_seconds=2.0), settings["map_file"])
        self.eyes = Eyes(settings, self.limits)
        self.near = Neighbours(settings)
        self.order = Order(id="")
        self.judge = Judge(self.limits, Before())
        self.armed_at = time.monotonic()
        self.acted: dict[str, Any] = {}
        self.would_act: dict[str, Any] = {}
        self.recovery: dict[str, Any] = {}
        self.pages: dict[str, str] = {}
        self.rollbacks = 0
        self.live = Live()
        self.back_up: bool | None = None
        self.state: dict[str, Any] = {}
        self._saved = 0.0
        self._ticked = time.time()
        self._notes: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
        self._order_seen: tuple[int, int] = (0, 0)
        self.fingerprint = ""

    # --- what it was told

    @property
    def window(self) -> str:
        """The window of the release that is guarded; "" when none is, or this edge has gone back."""
        if self.order.state != ARMED or self.acted:
            return ""
        on_guard = time.monotonic() - self.armed_at
        return window(on_guard, self.settings["strict_seconds"], self.settings["normal_seconds"])

    def remember(self) -> None:
        """After a start: go on where the last watcher was."""
        self.live = self._map()
        kept = watch_guard.read_json(self.home.guard_file)
        order = self.home.order()
        if not order or (kept.get("order") or {}).get("id") != order.id:
            return  # what was ordered meanwhile is taken by the first tick
        self.order = order
        counts = Counts(*kept["before"]["counts"])
        self.judge = Judge(self.limits, Before(counts, kept["before"]["healthy"]))
        self.acted, self.eyes.past = kept["acted"], kept["past"]
        # Away as long as the clock says, but not less than nothing, should it have been set back.
        self.armed_at = time.monotonic() - kept["on_guard_seconds"] - max(0.0, time.time() - kept["saved"])
        self._order_seen = self._order_stamp()
        if self.order.state == ARMED:
            say(f"On guard over {order.release} again, {self.window or 'after its rollback'}.")

    def _order_stamp(self) -> tuple[int, int]:
        with suppress(OSError):
            seen = self.home.order_file.stat()
            return seen.st_ino, seen.st_mtime_ns
        return 0, 0

    def obey(self) -> None:
        """Take a new order, when there is one."""
        stamp = self._order_stamp()
        if stamp == self._order_seen:
            return
        self._order_seen = stamp
        order = self.home.order()
        if not order or order.id == self.order.id:
            return
        before = self._before(order)
        self.order, self.judge = order, Judge(self.limits, before)
        self.armed_at = time.monotonic()
        self.acted, self.would_act, self.recovery, self.pages = {}, {}, {}, {}
        if order.state == ARMED:
            with self.eyes.lock:
                self.eyes.books[order.colour].restart()
            self.eyes.forget_checks()
            threading.Thread(target=self.eyes.learn_past, args=(order.at,), daemon=True).start()
            told = {**asdict(order), "before": before.counts._asdict(), "healthy_before": before.healthy}
            self.note("watcher.armed", told)
            say(
                f"On guard over {order.release} ({order.colour}); before it {order.back_release or 'nothing'} served: "
                f"{before.counts.errors} of {before.counts.n} answers were 5xx, {before.counts.slow} slow."
            )
        else:
            self.note("watcher.disarmed", asdict(order))
            say(f"Off guard: {order.reason or 'as ordered'}.")
        self.save()

    def _before(self, order: Order) -> Before:
        book = self.eyes.books.get(order.back_colour)
        if not book:
            return Before()
        with self.eyes.lock:
            return Before(book.traffic.last(300), self.eyes.edge_failed <= self.limits.failed_checks)

    def save(self) -> None:
        """Keep what a watcher that starts after this one must know."""
        before = self.judge.before
        write_json(
            self.home.guard_file,
            {
                "order": asdict(self.order),
                "before": {"counts": list(before.counts), "healthy": before.healthy},
                "past": self.eyes.past,
                "acted": self.acted,
                "on_guard_seconds": time.monotonic() - self.armed_at,
                "saved": time.time(),
            },
        )
        self._saved = time.monotonic()

    # --- a tick

    def tick(self) -> None:
        """Do what is due in this second."""
        self.obey()
        self.live = self._map()
        self.eyes.close(int(time.monotonic()))
        armed = self.order.state == ARMED
        self.eyes.colour = self.live.live
        if armed and not self.acted and self.order.colour not in self._served():
            self._superseded()
        elif armed and self.window in (STRICT, NORMAL):
            self._look()
        if self.recovery:
            self._follow()
        self.eyes.probe(self._rate())
        self._publish()
        if time.monotonic() - self._saved > SAVE_SECONDS:
            self.save()

    def _served(self) -> tuple[str, str]:
        return self.live.live, self.live.canary if self.live.canary_share else self.live.live

    def _rate(self) -> float:
        if self.recovery:
            return float(self.settings["strict_rate"])
        return float({STRICT: self.settings["strict_rate"], NORMAL: self.settings["normal_rate"]}.get(self.window, 0))

    def _map(self) -> Live:
        with suppress(OSError, ValueError):
            return read_map(self.map_file.read_text(encoding="utf-8"))
        return self.live

    def _look(self) -> None:
        book, now = self.eyes.books[self.order.colour], time.monotonic()
        if neighbour := self.near.gone_back(self.live, self.order.back_colour):
            sentence = f"{neighbour} has gone back to {self.order.back_release}"
            if not self._no_way_back(leading=True):
                self._act(Finding("neighbour", ROLLBACK, sentence, {"neighbour": neighbour}))
                return
        with self.eyes.lock:
            silent = now - max(book.last or self.armed_at, self.armed_at)
            seen = Seen(
                traffic=book.traffic,
                edge_failed=self.eyes.edge_failed,
                direct_failed=self.eyes.direct_failed,
                edge_said=self.eyes.edge_said,
                direct_said=self.eyes.direct_said,
                down=self.eyes.down,
                silent_seconds=silent,
                resources=self.eyes.resources,
                metrics=self.eyes.metrics,
                back=self._no_way_back(),
                p95_seconds=book.p95(),
            )
            found = self.judge.tick(seen)
        self._page({one.rule: one for one in found if one.act != ROLLBACK})
        if found and found[0].act == ROLLBACK:
            self._act(found[0])

    def _no_way_back(self, *, leading: bool = False) -> str:
        """Return why this edge does not give the traffic back; "" when it may."""
        if not leading and (leader := self.near.leader(self.order.release)) != self.settings["name"]:
            return f"{leader} decides"
        if self.order.back_colour not in COLOURS:
            return "no release served before this one"
        if self.back_up is None:
            return "HAProxy does not answer"
        if not self.back_up:
            return (
                f"no server of {self.order.back_release} is up any more; go back with "
                f"playbooks/rollback.yml -e release={self.order.back_release}"
            )
        return ""

    def see_the_way_back(self) -> None:
        """Ask HAProxy whether the colour to go back to is up. Beside the ticks, because it may not answer."""
        try:
            servers = self.edge.servers().get(self.order.back_colour, [])
            self.back_up = any(server.up for server in servers)
        except EdgeError:
            self.back_up = None

    def _page(self, found: Mapping[str, Finding]) -> None:
        for rule, one in found.items():
            if rule not in self.pages:
                say(f"PAGE: {one.sentence}.")
                self.note("watcher.page", {"rule": rule, "sentence": one.sentence, "numbers": dict(one.numbers)})
        for rule in set(self.pages) - set(found) - {"rollback"}:
            say(f"Over: {self.pages[rule]}.")
        kept = {"rollback": self.pages["rollback"]} if "rollback" in self.pages else {}
        self.pages = {**kept, **{rule: one.sentence for rule, one in found.items()}}

    def _superseded(self) -> None:
        reason = f"{self.live.live} was switched to by somebody else"
        say(f"Off guard: {reason}.")
        self.note("watcher.disarmed", {**asdict(self.order), "reason": reason})
        self.order = Order(**{**asdict(self.order), "state": DISARMED, "reason": reason})
        self.pages = {}
        self.save()

    # --- the act

    def _act(self, finding: Finding) -> None:
        """Give the traffic back: once for a release, whatever comes of it."""
        decided = time.monotonic()
        told: dict[str, Any] = {"rule": finding.rule, "sentence": finding.sentence, "numbers": dict(finding.numbers)}
        told |= {"release": self.order.release, "back_release": self.order.back_release, "time": utc_now()}
        if self.dry_run:
            if not self.would_act:
                self.would_act = told
                say(f"DRY RUN, would go back to {self.order.back_release}: {finding.sentence}.")
                self.note("watcher.would_roll_back", told)
            return
        with map_lock(self.map_file):
            order = self.home.order()
            if not order or order.id != self.order.id:
                return  # told otherwise meanwhile; the next tick obeys
            before = read_map(self.map_file.read_text(encoding="utf-8"))
            if self.order.colour not in (before.live, before.canary):
                return
            others = max((seen.generation for seen in self.near.maps.values()), default=0)
            wanted = before.becoming(
                self.order.back_colour,
                release=self.order.back_release,
                at_least=max(others, before.generation + 1) if finding.rule == "neighbour" else before.generation + 1,
            )
            replace_map(self.map_file, wanted)
            self.acted = told
            write_json(self.home.act_file, {**told, "order": self.order.id, "generation": wanted.generation})
            self.rollbacks += 1
            problem = self._tell_workers(wanted)
        switched = time.monotonic() - decided
        self.live = wanted
        served = self._first_answer(decided)
        self.acted |= {
            "generation": wanted.generation,
            "switch_seconds": round(switched, 3),
            "served_seconds": round(served, 3) if served is not None else None,
        }
        self.home.freeze(
            f"the watcher on {self.settings['name']} took {self.order.release} back: {finding.sentence}",
            self.order.release,
            f"watcher on {self.settings['name']}",
        )
        with self.eyes.lock:
            self.eyes.books[self.order.back_colour].restart()
        self.recovery = {"began": decided, "last": ""}
        self.note("watcher.rolled_back", {**self.acted, "problem": problem})
        self.pages["rollback"] = f"rolled back to {self.order.back_release}: {finding.sentence}"
        say(
            f"ROLLED BACK from {self.order.release} to {self.order.back_release} in {switched:.3f} s: "
            + f"{finding.sentence}. "
            + (f"It answered {served:.3f} s after the decision. " if served is not None else "")
            + "Nothing goes live until somebody runs with -e unfreeze=REASON."
            + (f" {problem}." if problem else "")
        )
        self.save()

    def _tell_workers(self, wanted: Live) -> str:
        """Tell every worker, and return what is wrong; the file is right already, for one that starts."""
        try:
            self.edge.set_map(wanted)
        except EdgeError as error:
            return str(error)
        return ""

    def _first_answer(self, decided: float) -> float | None:
        """Return how long after the decision the version before answered; None when it did not within 3 s."""
        while time.monotonic() - decided < 3.0:
            if self.eyes.version() == self.order.back_release:
                return time.monotonic() - decided
            time.sleep(0.02)
        return None

    def _follow(self) -> None:
        """See that the rollback helps; never act a second time."""
        with self.eyes.lock:
            counts = self.eyes.books[self.order.back_colour].traffic.last(int(RECOVERY_SECONDS))
        right = self.eyes.version() == self.order.back_release
        lacking = recovered(counts, self.limits, right, not self.eyes.edge_failed)
        took = time.monotonic() - self.recovery["began"]
        numbers = {"seconds": round(took, 1), "n": counts.n, "errors": counts.errors}
        if not lacking:
            self.recovery = {}
            self.acted["recovered"] = True
            self.pages = {}
            self.note("watcher.recovered", numbers)
            say(
                f"Recovered after {took:.1f} s: {counts.errors} of {counts.n} answers of {self.order.back_release} 5xx."
            )
            self.save()
        elif took > RECOVERY_SECONDS:
            self.recovery = {}
            self.acted["recovered"] = False
            self.pages = {"rollback": f"going back to {self.order.back_release} did not help: {lacking}"}
            self.note("watcher.not_recovered", {**numbers, "lacking": lacking})
            say(f"PAGE: {self.pages['rollback']}. The watcher does nothing more; somebody has to look.")
            self.save()

    # --- telling

    def note(self, kind: str, told: Mapping[str, Any]) -> None:
        """Have an event appended to the chain, beside the ticks: signing takes a while."""
        self._notes.put((kind, told))

    def write_notes(self) -> None:
        """Append what waits. The journal has it already, should that fail."""
        rows = [self._notes.get()]
        with suppress(queue.Empty):
            while True:
                rows.append(self._notes.get_nowait())
        try:
            self.fingerprint = self.home.note(self.settings["name"], self.settings["app"], rows)
        except (SigningError, OSError, BrokenChain) as error:
            say(f"The chain in {self.home.chain} could not be written or signed: {error}.")

    def _publish(self) -> None:
        book = self.eyes.books.get(self.live.live, Book())
        with self.eyes.lock:
            minute, long, short = (book.traffic.last(seconds) for seconds in (MINUTE, 300, 15))
            p95 = book.p95()
        self.state = {
            "name": self.settings["name"],
            "time": utc_now(),
            "uptime": uptime(),
            "dry_run": self.dry_run,
            "order": asdict(self.order),
            "window": self.window,
            "on_guard_seconds": round(time.monotonic() - self.armed_at, 1) if self.order.state == ARMED else 0,
            "ticks": self.judge.ticks,
            "leader": self.near.leader(self.order.release) if self.settings["peers"] else self.settings["name"],
            "has_address": self.near.holder == self.settings["name"],
            "seen_of_minute": minute.n,
            "minute": minute._asdict(),
            "long": long._asdict(),
            "short": short._asdict(),
            "p95_seconds": round(p95, 4),
            "edge_failed": self.eyes.edge_failed,
            "direct_failed": self.eyes.direct_failed,
            "acted": self.acted,
            "would_act": self.would_act,
            "pages": self.pages | {f"peer {name}": said for name, said in self.near.wrong.items()},
            "frozen": self.home.frozen(),
            "fingerprint": self.fingerprint,
        }
        write_json(watch_guard.STATE, self.state, durable=False)

    def exposition(self) -> str:
        """Return the metrics, of the watcher and of the colours."""
        state = self.state
        if not state:
            return ""
        frozen, order = state["frozen"], state["order"]
        guards = [Sample({"release": order["release"], "window": state["window"]}, 1)] if state["window"] else []
        checks = [Sample({"vantage": at}, state[f"{at}_failed"]) for at in ("edge", "direct")]
        spans = (("60", state["minute"]), ("300", state["long"]))
        pages = [Sample({"rule": rule, "sentence": said}, 1) for rule, said in state["pages"].items()]
        freezes = [Sample({"release": str(frozen.get("release", ""))}, 1)] if frozen else []
        with self.eyes.lock:
            colours = families(self.eyes.books)
            unreadable = self.eyes.unreadable
        gauges = {
            "heartbeat_timestamp_seconds": ("When it last looked.", [Sample({}, self._ticked)]),
            "on_guard": ("The release that it guards, and its window.", guards),
            "leads": ("Whether this edge acts.", [Sample({}, state["leader"] == state["name"])]),
            "dry_run": ("Whether it only tells.", [Sample({}, state["dry_run"])]),
            "failed_checks": ("Health checks in a row that failed.", checks),
            "window_requests": ("Requests of what serves.", [Sample({"seconds": s}, seen["n"]) for s, seen in spans]),
            "window_errors": ("Wrong answers of it.", [Sample({"seconds": s}, seen["errors"]) for s, seen in spans]),
            "p95_seconds": ("P95 of a minute.", [Sample({}, state["p95_seconds"])]),
            "page": ("What somebody should look at now.", pages),
            "frozen": ("1 while nothing may go live.", freezes),
        }
        counters = {
            "rollbacks_total": ("Rollbacks by this watcher since it started.", [Sample({}, self.rollbacks)]),
            "other_lines_total": ("Lines of the log about no colour.", [Sample({}, unreadable)]),
        }
        told = [
            (f"golive_watcher_{name}", kind, *row)
            for kind, rows in (("gauge", gauges), ("counter", counters))
            for name, row in rows.items()
        ]
        return exposition([*told, *colours])

    # --- for ever

    def run(self) -> None:
        """Watch until the end."""
        self.home.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.remember()
        threading.Thread(target=self.eyes.listen, name="log", daemon=True).start()
        _serve(self)
        repeat(CHECK_SECONDS, self.eyes.check)
        repeat(1.0, self.see_the_way_back)
        repeat(0.2, self.write_notes)
        if self.settings["prometheus"]:
            repeat(ASK_SECONDS, self.eyes.ask_prometheus)
        if self.settings["peers"]:
            repeat(1.0, self.near.look)
        say(
            f"Watching {self.settings['app']} on {self.settings['name']}"
            + (", telling only (dry run)." if self.dry_run else ".")
        )
        tell_systemd("READY=1")
        due = time.monotonic()
        while True:
            self._ticked = time.time()
            self.tick()
            tell_systemd("WATCHDOG=1")
            due = max(due + 1.0, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))


def _serve(watcher: Watcher) -> None:
    """Answer /metrics and /state, beside the rest."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kinds = {
                "/metrics": ("text/plain; version=0.0.4", watcher.exposition),
                "/state": ("application/json", lambda: json.dumps(watcher.state, ensure_ascii=False)),
            }
            kind, told = kinds.get(self.path, ("", str))
            body = told().encode()
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: it is asked every few seconds."""

    http.server.ThreadingHTTPServer.daemon_threads = True
    server = http.server.ThreadingHTTPServer((watcher.settings["address"], watcher.settings["port"]), Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def _end(problem: threading.ExceptHookArgs) -> None:
    """A watcher that does half of its work is worse than one that is started anew."""
    name = problem.thread.name if problem.thread else "a thread"
    say(f"The watcher ends, because {name} did: {problem.exc_type.__name__}: {problem.exc_value}.")
    os._exit(1)


def main(words: list[str]) -> int:
    """Read the settings, watch."""
    parser = argparse.ArgumentParser(description="Guards the release that serves.")
    parser.add_argument("settings", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    asked = parser.parse_args(words)
    threading.excepthook = _end
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        Watcher(json.loads(asked.settings.read_text(encoding="utf-8")), dry_run=asked.dry_run).run()
    except (OSError, ValueError, KeyError, TypeError) as error:
        say(f"The watcher ends: {type(error).__name__}: {error}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
