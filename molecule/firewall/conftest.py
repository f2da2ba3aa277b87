"""The hosts with something behind every port, and who reaches it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

# What the hosts have, whether it may be reached or not.
LISTENING = (80, 5432, 6379, 7000, 8003, 9090, 9100, 9187)
PUBLISHED = (8001, 8002)  # by Docker, on app1
PORTS = (22, *LISTENING, *PUBLISHED)

# Prints for each address:port among its arguments what comes of a connection.
_CONNECT = """
import concurrent.futures, socket, sys
def state(place):
    address, port = place.split(":")
    try:
        socket.create_connection((address, int(port)), 1.5).close()
    except TimeoutError:
        return "filtered"
    except OSError:
        return "refused"
    return "open"
places = sys.argv[1:]
with concurrent.futures.ThreadPoolExecutor(len(places)) as pool:
    print(*pool.map(state, places))
"""
_LISTEN = """
import selectors, socket, sys
choose = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    choose.register(socket.create_server(("", port), backlog=100), selectors.EVENT_READ)
while True:
    for key, _ in choose.select():
        key.fileobj.accept()[0].close()
"""


@pytest.fixture(scope="session")
def reach(on, address) -> Callable[[str, str, Iterable[int]], dict[int, str]]:
    """Return what comes of connections: reach(from, to, ports) -> {port: "open", "refused" or "filtered"}."""

    def connect(source: str, target: str, ports: Iterable[int]) -> dict[int, str]:
        ports = list(ports)
        places = [f"{address(target)}:{port}" for port in ports]
        command = ["python3", "-", *places]
        if source != "controller":
            command = ["docker", "exec", "-i", on(source).backend.name, *command]
        done = subprocess.run(command, input=_CONNECT, capture_output=True, text=True, check=True)
        return dict(zip(ports, done.stdout.split(), strict=True))

    return connect


@pytest.fixture(scope="session")
def opened(reach) -> Callable[[str], dict[str, set[int]]]:
    """Return who reaches which ports of a host: opened(to) -> {from: ports}."""

    def by_source(target: str) -> dict[str, set[int]]:
        sources = [name for name in ("app1", "data1", "edge1", "desk1", "controller") if name != target]
        with ThreadPoolExecutor(len(sources)) as pool:
            seen = pool.map(lambda source: reach(source, target, PORTS), sources)
            return {
                source: {port for port, state in states.items() if state == "open"}
                for source, states in zip(sources, seen, strict=True)
            }

    return by_source


@pytest.fixture(scope="session", autouse=True)
def listeners(on) -> None:
    """Something behind every port, of the hosts and of a container: what is closed is closed by the firewall."""
    for name in ("app1", "data1"):
        if not on(name).service("listeners").is_running:
            unit = ["systemd-run", "--unit", "listeners", "python3", "-c", _LISTEN, *map(str, LISTENING)]
            subprocess.run(["docker", "exec", on(name).backend.name, *unit], check=True, capture_output=True)
    app1 = on("app1")
    if not app1.check_output("docker ps --quiet"):
        # An image of nothing but the links into /usr, which the container shares with its host.
        app1.check_output("tar -C / -c bin lib lib64 sbin | docker import - links")
        ports = " ".join(f"-p {port}:8000" for port in PUBLISHED)
        serve = "python3 -m http.server 8000"
        app1.check_output(f"docker run -d --name web --restart always -v /usr:/usr:ro {ports} links {serve}")


@pytest.fixture(scope="session")
def rules() -> Callable[[Any], str]:
    """Return the rules that a host's kernel has."""
    return lambda host: host.check_output("nft -s list table inet golive")


@pytest.fixture(scope="session")
def ssh(on, address, state: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command on a host as its administrator does. The second set of variables comes with the same key."""
    key = state / "ssh_key"
    if not key.exists():
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = key.with_suffix(".pub").read_text(encoding="utf-8")

    def run(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        place = ["docker", "exec", "-i", on(name).backend.name]
        subprocess.run([*place, "install", "-d", "-m", "700", "/root/.ssh"], check=True)
        subprocess.run([*place, "tee", "/root/.ssh/authorized_keys"], input=public, text=True, check=True)
        how = ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=3"]
        command = ["ssh", "-F", "none", *how, "-i", str(key), f"root@{address(name)}", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run
