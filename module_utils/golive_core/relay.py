"""The relay: takes alerts from Alertmanager and tells those receivers that Alertmanager does not speak to.

A small HTTP server on loopback. What it has answered 200 to is on disk, and is tried until it was told:

- ``POST /alerts/NAME``: Alertmanager's webhook, for the receiver of that name;
- ``POST /probe``: the same, of the synthetic alert alone, which is only noted;
- ``POST /switch?id=ID&seconds=N``: lets the synthetic alert with this id fire, for so many seconds;
- ``GET /deliveries``: the last messages and what became of them, as JSON;
- ``GET /metrics``: for Prometheus, the synthetic alert's switch among them.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from . import delivery, notify

MOST_BYTES = 1 << 20  # of one request
SAME_NEWS_SECONDS = 300.0  # Alertmanager tries again, and a second one says the same; it repeats itself much later
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
KEPT_DELIVERIES = 200
LONGEST_PROBE = 300.0


@dataclass
class Relay:
    """What the relay knows. `config`: address, port, state (directory), language, receivers."""

    config: Mapping[str, Any]
    deliveries: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_DELIVERIES))
    switched: dict[str, float] = field(default_factory=dict)  # id of a probe to the time at which it ends
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    due: dict[str, tuple[float, float]] = field(default_factory=dict)  # spooled message to its next try and its pause
    wake: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.spool = delivery.Spool(Path(self.config["state"]))
        self.receivers = {str(receiver["name"]): receiver for receiver in self.config["receivers"]}

    def take(self, name: str, payload: Mapping[str, Any]) -> None:
        """Take a message for a receiver; it is on disk when this returns.

        :raises KeyError: when there is no such receiver
        :raises ValueError: when it is not what Alertmanager posts
        """
        self.receivers[name]
        message = notify.of_alerts(payload)
        if self.spool.told(name, message, SAME_NEWS_SECONDS):
            self.note(name, message, "again")
            return
        self.spool.put(name, message, "")
        self.wake.set()

    def note(self, name: str, message: notify.Message, state: str, why: str = "") -> None:
        """Note what became of a message."""
        row = {
            "time": time.time(),
            "receiver": name,
            "state": state,
            "why": why,
            "id": message.id,
            "probes": message.facts.get("probes", []),
        }
        with self.lock:
            self.deliveries.append(row)
            self.counts[name, state] = self.counts.get((name, state), 0) + 1

    def work(self) -> float:
        """Try every message that is due once; return after how many seconds the next one is."""
        now, stuck = time.monotonic(), set()
        rows = self.spool.rows()
        waiting = {self.spool.key(name, message) for name, message, _ in rows}
        self.due = {key: when for key, when in self.due.items() if key in waiting}
        for name, message, _ in rows:
            key = self.spool.key(name, message)
            when, pause = self.due.get(key, (now, FIRST_PAUSE))
            receiver = self.receivers.get(name)
            if receiver is None or name in stuck or when > now:
                continue
            try:
                delivery.send(receiver, message, str(self.config["language"]), self.spool.directory)
            except delivery.NotTold as error:
                stuck.add(name)
                self.due[key] = (time.monotonic() + pause, min(2 * pause, LONGEST_PAUSE))
                self.note(name, message, "failed", str(error))
                print(f"{name} was not told, next try in {pause:.0f} s: {error}", flush=True)
            else:
                self.spool.take(name, message)
                self.due.pop(key, None)
                self.note(name, message, "sent")
        left = [when for when, _ in self.due.values()]
        return max(0.1, min(left) - time.monotonic()) if left else LONGEST_PAUSE

    def switch(self, id: str, seconds: float) -> None:
        """Let the synthetic alert fire for so many seconds, 0 to end it."""
        with self.lock:
            self.switched[id] = time.time() + min(seconds, LONGEST_PROBE)

    def metrics(self) -> str:
        """Return the metrics in Prometheus' text format."""
        now = time.time()
        waiting = [name for name, _, _ in self.spool.rows()]
        with self.lock:
            self.switched = {id: end for id, end in self.switched.items() if end > now}
            lines = ["# HELP golive_probe Synthetic alerts that are to fire.", "# TYPE golive_probe gauge"]
            lines += [f'golive_probe{{probe="{id}"}} 1' for id in self.switched]
            lines += [
                "# HELP golive_relay_waiting Messages that could not be told yet.",
                "# TYPE golive_relay_waiting gauge",
            ]
            lines += [f'golive_relay_waiting{{receiver="{name}"}} {waiting.count(name)}' for name in self.receivers]
            lines += ["# HELP golive_relay_messages_total Tries.", "# TYPE golive_relay_messages_total counter"]
            lines += [
                f'golive_relay_messages_total{{receiver="{name}",state="{state}"}} {number}'
                for (name, state), number in self.counts.items()
            ]
        return "\n".join(lines) + "\n"


def handler(relay: Relay) -> type[BaseHTTPRequestHandler]:
    """Return what answers the requests to a relay."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # of a client that says nothing

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self.answer(200, relay.metrics(), "text/plain; version=0.0.4")
            elif self.path == "/deliveries":
                with relay.lock:
                    rows = list(relay.deliveries)
                self.answer(200, json.dumps(rows, ensure_ascii=False), "application/json")
            else:
                self.answer(404, "there is nothing here\n")

        def do_POST(self) -> None:
            where = urllib.parse.urlsplit(self.path)
            try:
                length = int(self.headers.get("Content-Length") or 0)
                if not 0 <= length <= MOST_BYTES:
                    self.answer(413, f"more than {MOST_BYTES} bytes\n")
                    return
                body = self.rfile.read(length)
                self.post(where.path, dict(urllib.parse.parse_qsl(where.query)), body)
            except (ValueError, AttributeError) as error:  # no JSON, no number, not what Alertmanager posts
                self.answer(400, f"{error}\n")
            except KeyError as error:
                self.answer(404, f"there is no receiver {error}\n")
            except OSError as error:  # a full disk: Alertmanager keeps it and asks again
                self.answer(503, f"{error}\n")

        def post(self, path: str, query: Mapping[str, str], body: bytes) -> None:
            if path == "/switch":
                id = query.get("id", "")
                if not re.fullmatch(r"[\w-]{1,64}", id):
                    raise ValueError("id must be 1 to 64 letters, digits, - or _")
                relay.switch(id, float(query.get("seconds", "60")))
            elif path == "/probe":
                relay.note("probe", notify.of_alerts(json.loads(body)), "sent")
            elif path.startswith("/alerts/"):
                relay.take(urllib.parse.unquote(path.removeprefix("/alerts/")), json.loads(body))
            else:
                self.answer(404, "there is nothing here\n")
                return
            self.answer(200, "")

        def answer(self, status: int, body: str, kind: str = "text/plain; charset=utf-8") -> None:
            raw = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing of what went well: Prometheus asks every second."""

    return Handler


def main() -> None:
    """Run the relay with the configuration in the file that is named on the command line."""
    config = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    relay = Relay(config)
    server = ThreadingHTTPServer((config["address"], config["port"]), handler(relay))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ended = threading.Event()

    def end(*_: Any) -> None:
        ended.set()
        relay.wake.set()

    signal.signal(signal.SIGTERM, end)
    print(
        f"listens on {config['address']}:{config['port']} for {', '.join(relay.receivers) or 'no receiver'}", flush=True
    )
    while not ended.is_set():
        relay.wake.wait(relay.work())
        relay.wake.clear()
    server.shutdown()
