"""What the Docker engine says of containers and images, asked over its socket with the standard library."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

SOCKET = "/var/run/docker.sock"
VERSION = "v1.41"  # of engine 20.10; newer ones still speak it
_SHORTEST_SECRET = 8
# Where a dockerd that runs has its number: written when it starts.
_STARTED = Path("/run/docker.pid")
# Labels of role app, of golive_core/stack.py and of Swarm, which workers' hosts have without that file.
_NAME, _DEPLOYED, _SWARM = "golive.container", "golive.deployed", "com.docker.swarm.service.id"


class EngineError(Exception):
    """The engine did not answer, or refused; the message is one sentence."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """The engine behind a socket."""

    def __init__(self, path: str = SOCKET, timeout: float = 5.0) -> None:
        """Take the socket, and the seconds that an answer may take."""
        self._path = path
        self._timeout = timeout

    def _ask(self, path: str, method: str = "GET", seconds: float = 0.0) -> tuple[int, bytes]:
        connection = _Connection(self._path, self._timeout + seconds)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"the Docker engine does not answer on {self._path}: {error}") from error
        finally:
            connection.close()

    def _json(self, path: str, method: str = "GET") -> Any:
        status, body = self._ask(f"/{VERSION}{path}", method)
        content = json.loads(body)
        if status != http.client.OK:
            raise EngineError(f"the Docker engine answered {status}: {content.get('message', '')}")
        return content

    def answers(self) -> None:
        """Ask whether it is there.

        :raises EngineError: when it is not
        """
        status, body = self._ask("/_ping")
        if status != http.client.OK:
            raise EngineError(f"the Docker engine answered {status} {body.decode(errors='replace')[:80]}")

    def container(self, name: str) -> dict[str, Any]:
        """Return what `docker inspect` shows of a container; one that Swarm has named is found by its label.

        :raises EngineError: when there is none of this name
        """
        rows = self.labelled(f"{_NAME}={name}")
        # Swarm keeps those from before for a while.
        newest = max(rows, key=lambda row: (row["State"] == "running", row["Created"]), default={"Id": name})
        found: dict[str, Any] = self._json(f"/containers/{quote(newest['Id'])}/json")
        return found

    def deployed(self, container: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return what `docker inspect` shows of those that Swarm started before this one, for the same deployment."""
        labels = container["Config"].get("Labels") or {}
        if _DEPLOYED not in labels:
            return []
        wanted = [f"{label}={labels[label]}" for label in (_NAME, _DEPLOYED)]
        rows = [row for row in self.containers({"label": wanted}) if row["Id"] != container["Id"]]
        return [self._json(f"/containers/{row['Id']}/json") for row in rows]

    def labelled(self, label: str) -> list[dict[str, Any]]:
        """Return all containers with a label (``key=value``), stopped ones included, as `docker ps` lists them."""
        return self.containers({"label": [label]})

    def containers(self, filters: Mapping[str, list[str]] | None = None) -> list[dict[str, Any]]:
        """Return all containers, stopped ones included, as `docker ps` lists them."""
        query = quote(json.dumps(filters or {}))
        found: list[dict[str, Any]] = self._json(f"/containers/json?all=true&filters={query}")
        return found

    def start(self, name: str) -> None:
        """Start a container; one that runs goes on.

        :raises EngineError: when it does not start
        """
        self._act(f"/containers/{quote(name)}/start")

    def stop(self, name: str, grace: float) -> None:
        """Stop a container and wait for it; one that does not run is let be.

        :param grace: seconds from SIGTERM to SIGKILL
        :raises EngineError: when it does not stop
        """
        self._act(f"/containers/{quote(name)}/stop?t={grace:.0f}", grace)

    def _act(self, path: str, seconds: float = 0.0) -> None:
        status, body = self._ask(f"/{VERSION}{path}", "POST", seconds)
        if status not in (http.client.NO_CONTENT, http.client.NOT_MODIFIED):
            raise EngineError(f"the Docker engine answered {status}: {body.decode(errors='replace').strip()[:200]}")

    def stats(self, name: str) -> dict[str, Any]:
        """Return what a container uses now, as `docker stats` reads it.

        :raises EngineError: when there is none of this name
        """
        found: dict[str, Any] = self._json(f"/containers/{quote(name)}/stats?stream=false&one-shot=true")
        return found

    def history(self, image_id: str) -> list[str]:
        """Return the commands that an image was built by, as `docker history` shows them.

        :raises EngineError: when it is not there
        """
        return [str(layer.get("CreatedBy") or "") for layer in self._json(f"/images/{quote(image_id)}/history")]

    def image_ids(self) -> set[str]:
        """Return the ids of all images, as `docker image ls` lists them."""
        return {image["Id"] for image in self._json("/images/json")}

    def remove_image(self, image_id: str) -> None:
        """Remove an image with all its names. Never forced: what a container uses stays.

        :raises EngineError: when it is not there, or in use
        """
        image: dict[str, Any] = self._json(f"/images/{quote(image_id)}/json")
        for name in image["RepoTags"] or [image_id]:
            self._json(f"/images/{quote(name, safe='')}", "DELETE")


@dataclass(frozen=True)
class Colour:
    """The container of one colour."""

    release: str
    image_id: str
    running: bool
    engine: str = "compose"


def read_colours(containers: Iterable[Mapping[str, Any]]) -> dict[str, Colour]:
    """Return colour to its container, from the labels that role app gives them; workers are none of them."""
    found: dict[str, Colour] = {}
    for container in containers:
        labels = container.get("Labels") or {}
        if (colour := labels.get("golive.colour")) and not labels.get("golive.worker"):
            running = container.get("State") == "running"
            if not running and colour in found:
                continue  # Swarm keeps those from before; the newest is listed first
            engine = "swarm" if _SWARM in labels else "compose"
            found[colour] = Colour(labels.get("golive.release", ""), container.get("ImageID", ""), running, engine)
    return found


def wrong_image(container: Mapping[str, Any], image_id: str) -> list[str]:
    """Return what differs from a running container of this image."""
    state = container["State"]
    problems = []
    if not state.get("Running") or state.get("Restarting"):
        problems.append(f"it is {state.get('Status')}, exit code {state.get('ExitCode')}")
    if container["Image"] != image_id:
        problems.append(f"its image is {container['Image']}")
    return problems


def wrong_user(container: Mapping[str, Any]) -> list[str]:
    """Return why the container may run as root."""
    user = str(container["Config"].get("User") or "")
    return [] if user.partition(":")[0] not in ("", "0", "root") else [f'its user is "{user or "root"}"']


def unsteady(
    container: Mapping[str, Any], before: Iterable[Mapping[str, Any]] = (), since: float | None = None
) -> list[str]:
    """Return that the engine had to start the container again, or that it ran out of memory.

    :param before: of Swarm, which makes a new one each time: those that it had before
    :param since: seconds since 1970 when the engine was started; what ended before ended with it
    """
    old = [one["State"] for one in before if since is None or _ended(one["State"]) >= since]
    state = max(old, key=_ended, default=container["State"])
    again = int(container.get("RestartCount") or 0) + len(old)
    problems = [f"the engine started it again {again} times, last exit code {state.get('ExitCode')}"] if again else []
    memory = any(one.get("OOMKilled") for one in (container["State"], *old))
    return [*problems, *(["it ran out of memory"] if memory else [])]


def _ended(state: Mapping[str, Any]) -> float:
    """Return when a container ended, in seconds since 1970; now when it has not."""
    text = str(state.get("FinishedAt") or "")
    if state.get("Running") or not text:
        return time.time()
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()


def engine_started() -> float | None:
    """Return when the engine of this host was started, in seconds since 1970; None when nobody knows."""
    with suppress(OSError):
        return _STARTED.stat().st_mtime
    return None


def memory_share(stats: Mapping[str, Any], limit: int) -> float:
    """Return the share of its limit that a container uses; what the kernel can drop at once is not counted.

    :param stats: of :meth:`Engine.stats`; both versions of control groups are read, as `docker stats` does
    :param limit: bytes, of HostConfig.Memory
    :raises EngineError: when there is no limit, or no figure
    """
    memory = stats.get("memory_stats") or {}
    if not limit:
        raise EngineError("it has no memory limit")
    if "usage" not in memory:
        raise EngineError("the engine does not tell how much memory it uses; does it run?")
    told = memory.get("stats") or {}
    used = int(memory["usage"]) - int(told.get("total_inactive_file", told.get("inactive_file", 0)))
    return used / limit


def shown_secrets(container: Mapping[str, Any], history: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Return where secrets can be read by whoever may inspect the container or has its image; never the secret.

    :param history: the commands that its image was built by
    :param secrets: what must not be found; short words are left out, which stand anywhere by chance
    """
    config, words = container["Config"], [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    places = {
        **{f"its variable {row.partition('=')[0]}": row.partition("=")[2] for row in config.get("Env") or []},
        **{f"its label {name}": value for name, value in (config.get("Labels") or {}).items()},
        "its command line": " ".join([*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]),
        **{f"step {number} of its image's history": step for number, step in enumerate(history, 1)},
    }
    return [f"{place} shows a secret" for place, text in places.items() if any(word in text for word in words)]


def wrong_limits(container: Mapping[str, Any]) -> list[str]:
    """Return the limits and restrictions that are not in force."""
    host = container["HostConfig"]
    rules = {
        "no memory limit": bool(host.get("Memory")),
        "no CPU limit": bool(host.get("NanoCpus") or host.get("CpuQuota")),
        "no limit of processes": (host.get("PidsLimit") or 0) > 0,
        "capabilities not dropped": "ALL" in (host.get("CapDrop") or []) and not host.get("CapAdd"),
        "new privileges possible": _closed(container),
        "privileged": not host.get("Privileged"),
    }
    return [problem for problem, in_force in rules.items() if not in_force]


def _closed(container: Mapping[str, Any]) -> bool:
    """Return whether no process in it may gain privileges: as it was asked for, or as the kernel has it."""
    for option in container["HostConfig"].get("SecurityOpt") or []:
        if option.startswith("no-new-privileges"):
            return not option.endswith("false")
    # Swarm cannot ask for it; then the engine does for all its containers, and inspect does not show it.
    with suppress(OSError):
        text = Path(f"/proc/{int(container['State'].get('Pid') or 0)}/status").read_text(encoding="utf-8")
        return "\nNoNewPrivs:\t1\n" in text
    return False
