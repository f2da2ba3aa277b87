"""Alerts that are sent, and a receiver that notes what arrives."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def receiver(host) -> Iterator[Callable[..., dict[str, Any]]]:
    """Return a function that waits for the message about an alert on a path of the receiver; 20 s, then it is empty.

    With labels, for the first that tells of an alert that has them.
    """
    process = subprocess.Popen(
        ["docker", "exec", "-i", host.backend.name, "python3", "-c", _RECEIVER], stdin=subprocess.PIPE, text=True
    )

    def wait(path: str, alert: str, **labels: str) -> dict[str, Any]:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for line in host.run("cat /run/received 2>/dev/null").stdout.splitlines():
                found = json.loads(line)
                if found["path"] != path or found["message"]["groupLabels"]["alertname"] != alert:
                    continue
                if any(labels.items() <= row["labels"].items() for row in found["message"]["alerts"]):
                    return found["message"]
            time.sleep(0.2)
        return {}

    yield wait
    assert process.stdin
    process.stdin.close()  # ends it
    process.wait(10)


@pytest.fixture
def send(host, address) -> Callable[..., None]:
    """Send an alert as Prometheus does."""

    def post(**labels: str) -> None:
        labels = {"severity": "urgent", "owner": "operations"} | labels
        alert = json.dumps([{"labels": labels, "annotations": {"summary": "what to do"}}])
        subprocess.run(
            [
                "docker",
                "exec",
                "-i",
                host.backend.name,
                "python3",
                "-c",
                _SEND,
                f"http://{address('ops1')}:9093/api/v2/alerts",
            ],
            input=alert,
            text=True,
            check=True,
        )

    return post


_SEND = """
import sys, urllib.request
request = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), {"Content-Type": "application/json"})
urllib.request.urlopen(request, timeout=5)
"""

_RECEIVER = """
import http.server, json, sys, threading
class Note(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("/run/received", "a") as file:
            file.write(json.dumps({"path": self.path, "message": message}) + "\\n")
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 9999), Note)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
