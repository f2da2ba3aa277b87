"""The service that runs the application's workers where their colour serves. What it does, workers.py decides."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from .colours import Live
from .edge_peers import Unusable, ask
from .engine_api import Engine, EngineError
from .systemd import tell_systemd
from .workers import GRACE, STOP, Container, Keeper, Step, Terms, exposition, read_containers

EVERY_SECONDS = 1.0
ANSWER_SECONDS = 3.0


def say(sentence: str) -> None:
    """Write a sentence to the journal."""
    print(sentence, flush=True)


class Service:
    """Edges, engine and keeper together."""

    def __init__(self, settings: Mapping[str, Any], engine: Engine) -> None:
        """Take the settings that role workers wrote, and the engine of this host."""
        self.settings, self.engine = settings, engine
        self.keeper = Keeper(Terms.of(settings["workers"], float(settings["lease_seconds"])))
        self.graces = {name: float(worker["grace_seconds"]) for name, worker in settings["workers"].items()}
        self._edges = ThreadPoolExecutor(max(1, len(settings["edges"])), "edge")
        self._acts = ThreadPoolExecutor(8, "act")
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._said: dict[str, str] = {}

    def answers(self) -> list[Live]:
        """Ask every edge at once which colour serves."""
        deadline = time.monotonic() + ANSWER_SECONDS
        asked = [self._edges.submit(self._ask, edge, deadline) for edge in self.settings["edges"]]
        return [live for one in asked if (live := one.result())]

    def _ask(self, edge: Mapping[str, Any], deadline: float) -> Live | None:
        try:
            live = ask(edge, self.settings["authority"], deadline)
            self._once(f"edge {edge['name']}", "" if live else f"{edge['name']} does not answer.")
            return live
        except Unusable as error:
            self._once(f"edge {edge['name']}", f"{error}.")
        except (OSError, ValueError) as error:
            self._once(f"edge {edge['name']}", f"{edge['name']} cannot be asked: {error}.")
        return None

    def _once(self, about: str, sentence: str) -> None:
        """Say something when it is new."""
        if self._said.get(about, "") != sentence:
            self._said[about] = sentence
            if sentence:
                say(sentence)

    def look(self) -> list[Container] | None:
        """Return the workers of this host; None when the engine does not tell."""
        try:
            rows = self.engine.labelled(f"golive.app={self.settings['app']}")
        except EngineError as error:
            self._once("engine", f"{error}.")
            return None
        self._once("engine", "")
        return read_containers(rows)

    def turn(self) -> None:
        """Ask, decide, act; what takes time goes on beside the next turns."""
        self.keeper.hear(self.answers(), time.monotonic())
        there = self.look()
        if there is None:
            return
        now = time.monotonic()
        with self._lock:
            busy = set(self._busy)
        for step in self.keeper.steps(there, now, busy):
            with self._lock:
                self._busy.add(step.container.id)
            self._acts.submit(self._act, step)
        self._show(exposition(self.keeper, there, now))

    def _act(self, step: Step) -> None:
        one = step.container
        try:
            if step.act == STOP:
                # The newest release may not have it.
                self.engine.stop(one.id, self.graces.get(one.worker, GRACE))
            else:
                self.engine.start(one.id)
            say(f"{one.worker} of {one.colour}: {step.act}, because {step.why}.")
        except EngineError as error:
            say(f"{one.worker} of {one.colour}: {step.act} failed: {error}.")
        finally:
            with self._lock:
                self._busy.discard(one.id)

    def _show(self, text: str) -> None:
        path = Path(self.settings["metrics_file"])
        draft = path.with_suffix(".new")
        with suppress(OSError):  # no exporter on this host
            draft.write_text(text, encoding="utf-8")
            draft.chmod(0o644)
            draft.replace(path)


def main(arguments: list[str]) -> int:
    """Run until it is ended; the one argument is the file of the settings."""
    settings = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    socket.setdefaulttimeout(ANSWER_SECONDS)
    service = Service(settings, Engine(timeout=30))
    tell_systemd("READY=1")
    while True:
        began = time.monotonic()
        service.turn()
        tell_systemd("WATCHDOG=1")
        time.sleep(max(0.1, EVERY_SECONDS - (time.monotonic() - began)))
