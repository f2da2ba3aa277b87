"""What the Docker engine says of containers and images, asked over its socket with the standard library."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

SOCKET = "/var/run/docker.sock"
VERSION = "v1.41"  # of engine 20.10; newer ones still speak it
_SHORTEST_SECRET = 8


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
        """Return what `docker inspect` shows of a container.

        :raises EngineError: when there is none of this name
        """
        found: dict[str, Any] = self._json(f"/containers/{quote(name)}/json")
        return found

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


def read_colours(containers: Iterable[Mapping[str, Any]]) -> dict[str, Colour]:
    """Return colour to its container, from the labels that role app gives them; workers are none of them."""
    found = {}
    for container in containers:
        labels = container.get("Labels") or {}
        if (colour := labels.get("golive.colour")) and not labels.get("golive.worker"):
            running = container.get("State") == "running"
            found[colour] = Colour(labels.get("golive.release", ""), container.get("ImageID", ""), running)
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


def unsteady(container: Mapping[str, Any]) -> list[str]:
    """Return that the engine had to start the container again, or that it ran out of memory."""
    state, again = container["State"], int(container.get("RestartCount") or 0)
    problems = [f"the engine started it again {again} times, last exit code {state.get('ExitCode')}"] if again else []
    return [*problems, *(["it ran out of memory"] if state.get("OOMKilled") else [])]


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
        "new privileges possible": any(
            option.startswith("no-new-privileges") and not option.endswith("false")
            for option in host.get("SecurityOpt") or []
        ),
        "privileged": not host.get("Privileged"),
    }
    return [problem for problem, in_force in rules.items() if not in_force]
