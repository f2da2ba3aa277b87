"""Stop the colour that gave over, when its window has passed: cool_colour.py NOTE

The colour may serve again by now: somebody flipped back at the edge, of which this host hears nothing. So the edges are
asked which release serves. The colour is stopped when every edge that answers tells another one; while no edge answers,
nobody can say, and it stays up. The image stays in any case.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TRY_AGAIN = 1


class Straight(http.client.HTTPSConnection):
    """A connection to an address, under the public name."""

    def __init__(self, address: str, name: str, authority: str) -> None:
        super().__init__(address, timeout=10)
        self._name, self._authority = name, authority

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = ssl.create_default_context(cafile=self._authority).wrap_socket(
            self.sock, server_hostname=self._name
        )


def ask(note: dict[str, Any], edge: str) -> str:
    """Return the release that an edge serves.

    :raises OSError, ValueError, http.client.HTTPException: when it does not say
    """
    plain = http.client.HTTPConnection(edge, timeout=10)
    connection = Straight(edge, note["public_name"], note["ca_file"]) if note["ca_file"] else plain
    try:
        connection.request("GET", note["version_path"], headers={"Host": note["public_name"]})
        answer = connection.getresponse()
        body = answer.read(65_536)
    finally:
        connection.close()
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    found: Any = json.loads(body)
    for key in note["version_key"].split("."):
        found = found.get(key) if isinstance(found, dict) else None
    if not found:
        raise ValueError(f"no {note['version_key']} in its answer")
    return str(found)


def serving(note: dict[str, Any]) -> set[str]:
    """Return the releases that the edges serve, of those that answer."""
    found = set()
    for edge in note["edges"]:
        try:
            found.add(ask(note, edge))
        except (OSError, ValueError, http.client.HTTPException) as error:
            print(f"{edge} does not say what serves: {error}")
    return found


def docker(*words: str) -> str:
    """Return what docker says; nothing when it fails."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False).stdout.strip()


def running(container: str, swarm: bool) -> str:
    """Return the release that runs in a container; empty when none does."""
    if swarm:  # which names containers itself
        named = f"label=golive.container={container}"
        return docker("ps", "--filter", named, "--format", '{{ .Label "golive.release" }}').partition("\n")[0]
    form = '{{ if .State.Running }}{{ index .Config.Labels "golive.release" }}{{ end }}'
    return docker("container", "inspect", "--format", form, container)


def main(path: Path) -> int:
    """Look, then stop it or say why not."""
    if not path.exists():
        print("Something else is done with this colour by now: nothing to stop.")
        return 0
    note = json.loads(path.read_text(encoding="utf-8"))
    container, release, swarm = note["container"], note["release"], note.get("engine") == "swarm"
    if time.time() < note["until"]:
        print(f"{container} stays up until its window has passed.")
        return 0
    if swarm and docker("info", "--format", "{{ .Swarm.ControlAvailable }}") != "true":
        print(f"{container} is stopped by the host that manages the swarm.")
        return 0
    if running(container, swarm) != release:
        print(f"{container} does not run {release} any more: nothing to stop.")
        return 0
    live = serving(note)
    if not live:
        print(f"No edge says what serves: {container} stays up.")
        return TRY_AGAIN
    if release in live:
        print(f"{release} serves: {container} stays up.")
        return 0
    stop = ["docker", "stack", "rm", container] if swarm else ["docker", "stop", container]
    subprocess.run(stop, check=True, capture_output=True)
    print(f"{', '.join(sorted(live))} serves, the window has passed: stopped {container} ({release}); its image stays.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
