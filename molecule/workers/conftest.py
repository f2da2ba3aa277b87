"""An edge that is switched, and the workers as the engines of two hosts show them."""

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


@pytest.fixture(scope="session")
def switch() -> Callable[..., None]:
    """Switch the edge: switch(colour)."""
    inventories = (ROOT / "molecule/shared/inventory", Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "hosts.yml")
    command = ["ansible", "edge1", *(f"--inventory={path}" for path in inventories), "--module-name=edge_switch"]

    def to(colour: str) -> None:
        words = [*command, f"--args={json.dumps({'colour': colour, 'release': colour})}"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return to


@pytest.fixture(scope="session")
def running(on) -> Callable[[str], list[str]]:
    """Return the workers that run on a host, such as `blue-mailer`."""

    def look(name: str) -> list[str]:
        said = on(name).check_output("docker ps --filter label=golive.worker --format '{{.Names}}'")
        return sorted(line.removeprefix("football-") for line in said.split())

    return look


@pytest.fixture(scope="session")
def becomes() -> Callable[..., bool]:
    """Ask again until it is so: becomes(look, wanted, seconds)."""

    def wait(look: Callable[[], Any], wanted: Any, seconds: float = 40) -> bool:
        deadline = time.monotonic() + seconds
        while look() != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
        return bool(look() == wanted)

    return wait


@pytest.fixture(scope="session")
def turns(on) -> Callable[[str, str], list[tuple[float, str]]]:
    """Return when a worker's containers on a host began and ended, in order."""

    def read(name: str, worker: str) -> list[tuple[float, str]]:
        lines = []
        for colour in ("blue", "green"):
            said = on(name).run(f"docker logs football-{colour}-{worker}")
            lines += [(float(line.split()[0]), f"{colour} {line.split()[1]}") for line in said.stdout.splitlines()]
        return sorted(lines)

    return read
