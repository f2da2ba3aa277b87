"""The two edges as one address, and what happens to requests while one of them is away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EDGES = ("edge1", "edge2")


@pytest.fixture(scope="session")
def becomes() -> Callable[[Callable[[], Any]], Any]:
    """Ask again until it is so, 30 s at most."""

    def wait(look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 30
        while not (seen := look()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return seen

    return wait


@pytest.fixture(scope="session")
def virtual(address) -> str:
    """The shared address of the first set of variables."""
    return address("edge1").rpartition(".")[0] + ".200"


@pytest.fixture(scope="session")
def holders(on, virtual) -> Callable[..., list[str]]:
    """Return the edges that have the shared address; one that is off has nothing."""

    def look(wanted: str = virtual) -> list[str]:
        said = {name: on(name).run("ip -4 -o address show") for name in EDGES}
        return [name for name, seen in said.items() if seen.rc == 0 and f" {wanted}/" in seen.stdout]

    return look


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run a module of golive on an edge: module(edge, name, **arguments) -> its result."""
    inventories = (ROOT / "molecule/shared/inventory", Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "hosts.yml")

    named = [f"--inventory={path}" for path in inventories]

    def run(edge: str, name: str, **arguments: Any) -> dict[str, Any]:
        given = [f"--args={json.dumps(arguments)}"] if arguments else []
        done = subprocess.run(
            ["ansible", edge, *named, f"--module-name={name}", *given],
            cwd=ROOT,
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
        assert "SUCCESS =>" in done.stdout or "CHANGED =>" in done.stdout, done.stdout + done.stderr
        return json.loads(done.stdout.partition("=>")[2])

    return run


@pytest.fixture(scope="session")
def docker(on) -> Callable[[str, str], None]:
    """Do something to a host from outside: docker("kill", "edge1") is its power cut."""

    def run(what: str, name: str) -> None:
        subprocess.run(["docker", what, on(name).backend.name], check=True, capture_output=True)

    return run


@dataclass(frozen=True)
class Seen:
    """What a request loop saw: per request when it began and ended (s), its status (0 for none), and what answered."""

    rows: list[dict[str, Any]]

    @property
    def lost(self) -> list[dict[str, Any]]:
        """Requests without an answer, or with one of 500 and above."""
        return [row for row in self.rows if row["status"] == 0 or row["status"] >= 500]

    def seconds(self, fault: float) -> float:
        """From a fault to the begin of the last lost request: whoever came after was served.

        What was lost besides was in flight at the fault; the test fails if it was over by then.
        """
        assert all(row["ended"] > fault for row in self.lost)
        return max([row["began"] - fault for row in self.lost] + [0.0])

    @property
    def slowest(self) -> float:
        """The longest that a request which was answered took."""
        return max(row["ended"] - row["began"] for row in self.rows if row not in self.lost)

    @property
    def silence(self) -> float:
        """The longest time in which no answer arrived at all."""
        ended = sorted(row["ended"] for row in self.rows if row not in self.lost)
        return max(after - before for before, after in pairwise(ended))

    def __str__(self) -> str:
        kinds = {kind: sum(row["kept"] is kept for row in self.lost) for kind, kept in (("new", False), ("kept", True))}
        return (
            f"{len(self.lost)} of {len(self.rows)} lost ({kinds['new']} on new, {kinds['kept']} on kept connections); "
            f"no answer at all for {self.silence:.2f} s; "
            f"slowest answer {self.slowest:.2f} s"
        )


@pytest.fixture
def loop(on, virtual) -> Iterator[Callable[[], Callable[[], Seen]]]:
    """Begin to ask the shared address 100 times a second; what is returned ends it, and tells what it saw."""
    client = on("ops1")
    running: list[subprocess.Popen[str]] = []

    def begin() -> Callable[[], Seen]:
        client.check_output("rm -f /run/request-loop.stop")
        command = ["docker", "exec", client.backend.name, "python3", "-c", _LOOP, virtual]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        time.sleep(2)

        def end() -> Seen:
            client.check_output("touch /run/request-loop.stop")
            said, errors = running[-1].communicate(timeout=60)
            assert running[-1].returncode == 0, errors
            return Seen(json.loads(said))

        return end

    yield begin
    client.check_output("touch /run/request-loop.stop")
    for process in running:
        process.wait(timeout=60)


# Open model: a request begins when it is due, however long others take. Half on new, half on kept connections.
_LOOP = """
import http.client, json, pathlib, queue, socket, ssl, sys, threading, time
ADDRESS, RATE, STOP = sys.argv[1], 100, pathlib.Path("/run/request-loop.stop")
CONTEXT = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
now = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)  # the same on all hosts of one machine, as in /proc/uptime
rows, idle, lock = [], queue.LifoQueue(), threading.Lock()

def connect():
    connection = http.client.HTTPSConnection(ADDRESS, timeout=5)
    plain = socket.create_connection((ADDRESS, 443), 5)
    connection.sock = CONTEXT.wrap_socket(plain, server_hostname="football.test")
    return connection

def ask(kept):
    began, connection, row = now(), None, {"kept": False, "status": 0, "colour": ""}
    try:
        if kept:
            try:
                since, connection = idle.get_nowait()
                row["kept"] = now() < since + 10  # soon the edge would close it
            except queue.Empty:
                pass
        if not row["kept"]:
            connection = connect()
        connection.request("GET", "/version", headers={"Host": "football.test"})
        answer = connection.getresponse()
        body = answer.read()
        row["status"] = answer.status
        row["colour"] = json.loads(body).get("release", "") if answer.status == 200 else ""
        if kept and not answer.will_close:
            idle.put((now(), connection))
        else:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        row["error"] = repr(error)
        if connection:
            connection.close()
    with lock:
        rows.append(row | {"began": began, "ended": now()})

began, sent, threads = now(), 0, []
while not STOP.exists() and now() < began + 300:
    time.sleep(max(0.0, began + sent / RATE - now()))
    threads.append(threading.Thread(target=ask, args=(sent % 2 == 0,)))
    threads[-1].start()
    sent += 1
for thread in threads:
    thread.join()
print(json.dumps(rows))
"""


@pytest.fixture
def both(on, docker, module, holders, becomes) -> str:
    """Have both edges up and blue live, whatever the test before has left; return the edge that has the address."""
    for name in EDGES:
        if on(name).run("true").rc:
            docker("start", name)
        on(name).run("systemctl reset-failed")
        assert becomes(lambda name=name: on(name).run("systemctl is-system-running --wait").rc == 0)
        on(name).check_output("systemctl start haproxy keepalived")
    maps = [_live(on(name)) for name in EDGES]
    if {(row["live"], row["canary"], row["maintenance"]) for row in maps} != {("blue", "none", "off")} or len(
        {row["generation"] for row in maps}
    ) > 1:
        level = max(int(row["generation"]) for row in maps) + 1
        for name in EDGES:
            module(name, "edge_switch", colour="blue", maintenance="off", at_least_generation=level)
    for name in EDGES:
        assert becomes(lambda name=name: on(name).check_output("python3 -c %s", _CHECKED) == "2")
    # keepalived has seen HAProxy answer twice, and its peer.
    assert becomes(lambda: [said(on(name)) for name in EDGES].count("MASTER") == 1 and not_in_fault(on))
    assert len(holders()) == 1
    return holders()[0]


# How many servers of the two colours have passed a check of the newest worker.
_CHECKED = """
import socket
admin = socket.socket(socket.AF_UNIX)
admin.connect("/run/haproxy/admin.sock")
admin.sendall(b"show stat -1 4 -1\\n")
rows = [row.split(",") for row in admin.makefile()]
print(sum(row[0] in ("be_blue", "be_green") and row[17] == "UP" and "L7OK" in row for row in rows if len(row) > 17))
"""


@pytest.fixture(scope="session")
def live(on) -> Callable[[str], dict[str, str]]:
    """Return the map file of an edge."""
    return lambda name: _live(on(name))


def _live(host: Any) -> dict[str, str]:
    """Return the map file of an edge."""
    return dict(line.split() for line in host.file("/etc/haproxy/live.map").content_string.splitlines()[1:])


def said(host: Any) -> str:
    """Return the state that keepalived entered last."""
    lines = host.check_output("journalctl -b -u keepalived --no-pager -o cat").splitlines()
    entered = [found[1] for line in lines if (found := re.search(r"Entering (\w+) STATE", line))]
    return entered[-1] if entered else ""


def not_in_fault(on: Callable[[str], Any]) -> bool:
    """Whether each edge is ready to take the address."""
    return all(said(on(name)) in ("MASTER", "BACKUP") for name in EDGES)


@pytest.fixture
def away(both) -> str:
    """The edge that has not the address."""
    return next(name for name in EDGES if name != both)
