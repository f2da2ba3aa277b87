"""The edge as its clients ask it, and the modules that switch it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEADERS = {
    "strict-transport-security": "max-age=63072000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "strict-origin-when-cross-origin",
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@pytest.fixture
def headers() -> dict[str, str]:
    """What stands on every answer over TLS, as a client must see it."""
    return dict(HEADERS)


@pytest.fixture(scope="session")
def script() -> Callable[..., subprocess.Popen[str]]:
    """Start a Python script on a host: script(host, text, *arguments)."""

    def start(host: Any, text: str, *arguments: str) -> subprocess.Popen[str]:
        # As an argument, not by standard input: the caller need not wait to send it.
        command = ["docker", "exec", host.backend.name, "python3", "-c", text, *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


@pytest.fixture(scope="session")
def begin(script) -> Callable[..., Callable[[], list[dict[str, Any]]]]:
    """Begin to ask the edge; what is returned waits for the answers.

    begin(host, path, source=, headers=, method=, length=, body=, times=, tls=, proxy=): `times` requests on one
    connection from address `source`, a body of `length` announced and `body` sent, and client `proxy` told by the PROXY
    protocol.
    """

    def ask(host: Any, path: str, **how: Any) -> Callable[[], list[dict[str, Any]]]:
        running = script(host, _ASK, path, json.dumps(how))

        def answers() -> list[dict[str, Any]]:
            said, errors = running.communicate(timeout=60)
            assert running.returncode == 0, errors
            return json.loads(said)

        return answers

    return ask


@pytest.fixture(scope="session")
def ask(begin) -> Callable[..., dict[str, Any]]:
    """Ask the edge once, see `begin`: status (0 without an answer), headers in lower case, body, seconds."""
    return lambda host, path, **how: begin(host, path, **how)()[-1]


_ASK = """
import http.client, json, socket, ssl, sys, time
path, how = sys.argv[1], json.loads(sys.argv[2])
tls = how.get("tls", True)
def connect():
    plain = socket.create_connection(("edge1", 443 if tls else 80), 30, (how.get("source", ""), 0))
    if how.get("proxy"):
        plain.sendall(f"PROXY TCP4 {how['proxy']} 192.0.2.1 50000 443\\r\\n".encode())
    if not tls:
        return plain
    context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
    return context.wrap_socket(plain, server_hostname="football.test")
connection = http.client.HTTPConnection("football.test", timeout=30)
answers = []
for _ in range(how.get("times", 1)):
    began = time.monotonic()
    try:
        if connection.sock is None:
            connection.sock = connect()
        connection.putrequest(how.get("method", "GET"), path, skip_host="Host" in how.get("headers", {}))
        for name, value in how.get("headers", {}).items():
            connection.putheader(name, value)
        if "length" in how:
            connection.putheader("Content-Length", how["length"])
        connection.endheaders(how.get("body", "").encode() or None)
        answer = connection.getresponse()
        found = {}
        for name, value in answer.getheaders():
            found[name.lower()] = ", ".join(filter(None, [found.get(name.lower()), value]))
        said = {"status": answer.status, "headers": found, "body": answer.read().decode()}
    except (OSError, http.client.HTTPException) as error:
        said = {"status": 0, "headers": {}, "body": repr(error)}
        connection.close()
    answers.append(said | {"seconds": time.monotonic() - began})
print(json.dumps(answers))
"""


@pytest.fixture(scope="session")
def stranger(on) -> Callable[[], str]:
    """Return an address of user1 that the edge has not seen before, each time another one."""
    host = on("user1")
    network = host.check_output("hostname -i").split()[0].rpartition(".")[0]

    def fresh() -> str:
        taken = len(host.check_output("ip -4 -o address show dev eth0").splitlines())
        host.check_output(f"ip address add {network}.{100 + taken}/24 dev eth0")
        return f"{network}.{100 + taken}"

    return fresh


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run a module of golive on the edge: module(name, check=False, **arguments) -> its result."""
    inventories = (ROOT / "molecule/shared/inventory", Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "hosts.yml")
    command = ["ansible", "edge1", *(f"--inventory={path}" for path in inventories)]

    def run(name: str, check: bool = False, **arguments: Any) -> dict[str, Any]:
        done = subprocess.run(
            [*command, f"--module-name={name}", *([f"--args={json.dumps(arguments)}"] if arguments else [])]
            + (["--check"] if check else []),
            cwd=ROOT,
            # Molecule at a terminal asks for colours, which are no JSON.
            env={
                **os.environ,
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_FORCE_COLOR": "0",
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "=>" in done.stdout, done.stdout + done.stderr
        return json.loads(done.stdout.partition("=>")[2])

    return run


@pytest.fixture(scope="session")
def workers(host) -> Callable[[], str]:
    """Return the pid of the master and those of its workers."""
    return lambda: host.check_output("pgrep haproxy | sort | tr '\\n' ' '")


@pytest.fixture(scope="session")
def becomes() -> Callable[[Callable[[], bool]], bool]:
    """Ask again until it is so, 30 s at most."""

    def wait(look: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + 30
        while not (seen := look()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return seen

    return wait


@pytest.fixture(scope="session")
def admin(host) -> Callable[[str], str]:
    """Give the newest worker a command, and return its answer."""
    script = """python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect("/run/haproxy/admin.sock")
s.sendall(sys.argv[1].encode() + b"\\n"); print(s.makefile().read())'"""
    return lambda command: host.check_output(f"{script} '{command}'")


@pytest.fixture(scope="session")
def connections(script) -> Callable[..., int]:
    """Open connections at a time, and return how many got an answer: connections(host, number, source="", proxy="")."""

    def count(host: Any, number: int, source: str = "", proxy: str = "") -> int:
        said, errors = script(host, _CONNECTIONS, str(number), source, proxy).communicate(timeout=60)
        assert said, errors
        return int(said)

    return count


_CONNECTIONS = """
import socket, ssl, sys
number, source, proxy = int(sys.argv[1]), *sys.argv[2:]
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
kept, answered = [], 0
for _ in range(number):
    try:
        plain = socket.create_connection(("edge1", 443), 10, (source, 0))
        if proxy:
            plain.sendall(f"PROXY TCP4 {proxy} 192.0.2.1 50000 443\\r\\n".encode())
        kept.append(context.wrap_socket(plain, server_hostname="football.test"))
        kept[-1].sendall(b"GET /echo HTTP/1.1\\r\\nHost: football.test\\r\\n\\r\\n")
        answered += bool(kept[-1].recv(4096))
    except OSError:
        pass
print(answered)
"""


@pytest.fixture(scope="session")
def log(host) -> Callable[[str], dict[str, Any]]:
    """Return the last line of the access log with a request id."""

    def find(request_id: str) -> dict[str, Any]:
        return json.loads(
            host.check_output(f"journalctl --no-pager -o cat -t haproxy | grep -F '\"{request_id}\"' | tail -1")
        )

    return find


@pytest.fixture
def serving(host, module) -> None:
    """Let blue serve, without canary and maintenance, whatever the test before has left."""
    found = dict(line.split() for line in host.file("/etc/haproxy/live.map").content_string.splitlines()[1:])
    if (found["live"], found["canary"], found["maintenance"]) != ("blue", "none", "off"):
        module("edge_switch", colour="blue", maintenance="off")
