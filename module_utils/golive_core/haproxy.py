"""HAProxy's runtime commands, asked of every worker.

The admin socket reaches only the newest worker, while workers from before a reload still answer kept connections. The
socket of the master reaches them all, by pid.
"""

from __future__ import annotations

import csv
import io
import re
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from .colours import COLOURS, MAP_FILE, Live, from_entries

MASTER_SOCKET = "/run/haproxy-master.sock"
PASSED = "L7OK"  # until its first check has ended, a server of a new worker counts as UP without having answered

Ask = Callable[[str], str]


class EdgeError(Exception):
    """HAProxy did not answer, or refused; the message is one sentence."""


def master(path: str = MASTER_SOCKET, within_seconds: float = 10.0) -> Ask:
    """Return a function that sends one command to the master process and returns its answer.

    During a reload the master executes itself anew, refuses connections and drops those it has: such a command is sent
    again until `within_seconds` have passed. Every command used here may be sent twice.
    """

    def once(command: str) -> str:
        answer = bytearray()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(within_seconds)
            connection.connect(path)
            connection.sendall(command.encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)  # the master keeps the connection open otherwise
            while piece := connection.recv(65536):
                answer += piece
        if not answer:
            raise ConnectionResetError("the connection was closed without an answer")
        return answer.decode(errors="replace")

    def ask(command: str) -> str:
        deadline = time.monotonic() + within_seconds
        while True:
            try:
                return once(command)
            except OSError as error:
                if isinstance(error, FileNotFoundError) or time.monotonic() > deadline:
                    raise EdgeError(
                        f"HAProxy does not answer on {path} ({error}); see systemctl status haproxy"
                    ) from error
            time.sleep(0.05)

    return ask


def read_workers(text: str) -> list[int]:
    """Return the pids of all workers, old ones included, from `show proc`."""
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return [int(row[0]) for row in rows if len(row) > 1 and row[1] == "worker"]


def read_show_map(text: str) -> dict[str, str]:
    """Return key to value from `show map FILE`, whose rows are `0xADDRESS key value`."""
    rows = (line.split(None, 2) for line in text.splitlines() if line.startswith("0x"))
    return {row[1]: row[2].strip() for row in rows if len(row) == 3}


@dataclass(frozen=True)
class Server:
    """One server of a backend, as one worker or all of them see it."""

    name: str
    address: str
    status: str
    check: str
    in_flight: int

    @property
    def up(self) -> bool:
        """Whether it is UP because a check passed."""
        return self.status == "UP" and self.check.endswith(PASSED)

    @property
    def described(self) -> str:
        """Name, state and the result of its last check."""
        return f"{self.name} {self.status} ({self.check or 'not checked yet'})"


def read_servers(text: str) -> dict[str, list[Server]]:
    """Return colour to servers from the CSV of `show stat`."""
    servers: dict[str, list[Server]] = {colour: [] for colour in COLOURS}
    for row in csv.DictReader(io.StringIO(text.lstrip("# "))):
        colour = (row.get("pxname") or "").removeprefix("be_")
        if colour in servers and row["svname"] not in ("FRONTEND", "BACKEND"):
            server = Server(row["svname"], row["addr"], row["status"], row["check_status"], int(row["scur"] or 0))
            servers[colour].append(server)
    return servers


def sum_workers(views: Iterable[Mapping[str, list[Server]]]) -> dict[str, list[Server]]:
    """Return the newest worker's view (the first) with the requests in flight of all of them.

    A server that only an old worker still knows is left out: no new request can reach it.
    """
    views = list(views)
    total: dict[str, list[Server]] = {}
    for colour in COLOURS:
        total[colour] = [
            replace(
                server,
                in_flight=sum(twin.in_flight for view in views for twin in view[colour] if twin.name == server.name),
            )
            for server in (views[0][colour] if views else [])
        ]
    return total


class Edge:
    """The running HAProxy, through its master process."""

    def __init__(self, ask: Ask, map_file: str = MAP_FILE) -> None:
        """Take the function that asks the master, and the path of the map as the configuration names it."""
        self._ask = ask
        self._map_file = map_file

    def workers(self) -> list[int]:
        """Return the pids of all workers, the newest first."""
        return read_workers(self._ask("show proc"))

    def _each(self, command: str) -> dict[int, str]:
        """Ask every worker; one that ended meanwhile is left out, because it serves nobody any more."""
        return {pid: self._ask(f"@!{pid} {command}") for pid in self.workers()}

    def _of_living(self, answers: Mapping[int, str]) -> dict[int, str]:
        living = self.workers()
        return {pid: answer for pid, answer in answers.items() if pid in living}

    def maps(self) -> dict[int, Live | None]:
        """Return what each worker holds; None for one whose map cannot be read."""
        held: dict[int, Live | None] = {}
        for pid, answer in self._of_living(self._each(f"show map {self._map_file}")).items():
            try:
                held[pid] = from_entries(read_show_map(answer))
            except ValueError:
                held[pid] = None
        return held

    def set_map(self, wanted: Live, attempts: int = 3) -> dict[int, Live | None]:
        """Give every worker the new map and read it back.

        The map file must have been replaced before: then a worker that a reload starts later reads it by itself.

        :returns: what each worker held at the end
        :raises EdgeError: when a worker still holds something else
        """
        for _ in range(attempts):
            for pid in self.workers():
                self._replace_map(pid, wanted)
            held = self.maps()
            if held and all(found == wanted for found in held.values()):
                return held
            time.sleep(0.1)  # a worker is starting or ending
        wrong = ", ".join(f"{pid} has {found.described if found else 'no map'}" for pid, found in held.items())
        raise EdgeError(f"not every worker of HAProxy took {wanted.described}: {wrong or 'it has none'}")

    def _replace_map(self, pid: int, wanted: Live) -> None:
        """Replace all entries in one step, so that no request sees half of them."""
        prepared = self._ask(f"@!{pid} prepare map {self._map_file}")
        version = prepared.rpartition(":")[2].strip()
        if not version.isdigit():
            return  # ended, or without this map: the read-back tells
        for key, value in wanted.entries().items():
            self._ask(f"@!{pid} add map @{version} {self._map_file} {key} {value}")
        self._ask(f"@!{pid} commit map @{version} {self._map_file}")

    def started(self) -> int:
        """Return when the newest worker started, in seconds since 1970.

        :raises EdgeError: when HAProxy does not answer, or not with that
        """
        workers = self.workers()
        said = self._ask(f"@!{workers[0]} show info") if workers else ""
        found = re.search(r"^Start_time_sec: (\d+)$", said, re.MULTILINE)
        if not found:
            raise EdgeError("HAProxy does not say when its newest worker started")
        return int(found[1])

    def servers(self) -> dict[str, list[Server]]:
        """Return colour to servers, with the requests in flight of all workers."""
        answers = self._of_living(self._each("show stat -1 4 -1"))
        return sum_workers(map(read_servers, answers.values()))


def not_up(servers: Iterable[Server]) -> list[str]:
    """Return a few words on each server that has not passed its check."""
    return [server.described for server in servers if not server.up]
