"""A mail server and the vendors' endpoints on the host, and the synthetic alert."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from golive_core import synthetic_alert
from golive_core.measurement import Measurement


@pytest.fixture(scope="module")
def sink(host) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
    """Return a function that gives what arrived for a receiver. A file /run/refuse-NAME has it refuse from then on."""
    host.run("rm -f /run/received /run/refuse-*")
    process = subprocess.Popen(
        ["docker", "exec", "-i", host.backend.name, "python3", "-c", _SINK], stdin=subprocess.PIPE, text=True
    )

    def seen(name: str) -> list[dict[str, Any]]:
        rows = [json.loads(line) for line in host.run("cat /run/received 2>/dev/null").stdout.splitlines()]
        return [row for row in rows if row["name"] == name]

    until = time.monotonic() + 20
    while host.run("ss -Hltn | grep -q :9999").rc != 0 and time.monotonic() < until:
        time.sleep(0.2)
    yield seen
    assert process.stdin
    process.stdin.close()  # ends it
    process.wait(10)


@pytest.fixture
def probe(host, address) -> Callable[..., Measurement]:
    """Fire the synthetic alert on the host, as gate monitoring.alert_arrives does."""

    def fire(*receivers: dict[str, str]) -> Measurement:
        check = {
            "id": "monitoring.alert_arrives",
            "receivers": list(receivers),
            "alertmanager": f"http://{address('ops1')}:9093",
            "within_seconds": 20,
        }
        done = subprocess.run(
            ["docker", "exec", "-i", host.backend.name, "python3", "-", json.dumps(check)],
            input=_PROBE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        measured: Measurement = json.loads(done.stdout)
        return measured

    return fire


_PROBE_SOURCE = synthetic_alert.__file__
_PROBE = """
import json, sys
sys.path.insert(0, "/root/core")
from golive_core.synthetic_alert import Check, measure
print(json.dumps(measure(Check(**json.loads(sys.argv[1])), fire=True)))
"""


@pytest.fixture(scope="module", autouse=True)
def core(host) -> None:
    """Put the probe's code on the host, as Ansible does."""
    package = _PROBE_SOURCE.rpartition("/")[0]
    host.run("mkdir -p /root/core")
    subprocess.run(["docker", "cp", "-q", package, f"{host.backend.name}:/root/core/"], check=True)


_SINK = r"""
import http.server, json, os, socketserver, sys, threading
lock = threading.Lock()
def note(name, what):
    with lock, open("/run/received", "a") as file:
        file.write(json.dumps({"name": name, **what}) + "\n")
class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.strip("/").replace("?", "/").split("/")[0]
        refuse = os.path.exists(f"/run/refuse-{name}")
        status, code = (500 if refuse and name == "hook" else 200), (310000 if refuse else 0)
        if not refuse:
            note(name, {"path": self.path, "body": body})
        answer = json.dumps({"errcode": code, "code": code, "errmsg": "sign not match" if code else "ok"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *_):
        pass
class Mail(socketserver.StreamRequestHandler):
    def handle(self):
        say = lambda text: self.wfile.write(text.encode() + b"\r\n")
        say("220 sink")
        for raw in self.rfile:
            word = raw.decode().split()[0].upper() if raw.strip() else ""
            if word == "DATA":
                say("354 go on")
                mail = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    mail.append(part.decode(errors="replace"))
                note("mail", {"mail": "".join(mail)})
                say("250 taken")
            elif word == "QUIT":
                say("221 bye")
                return
            elif word == "MAIL" and os.path.exists("/run/refuse-mail"):
                say("550 not from you")
            else:
                say("250 fine")
class Mails(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
for server in (http.server.ThreadingHTTPServer(("127.0.0.1", 9999), Web), Mails(("127.0.0.1", 2525), Mail)):
    threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
"""
