"""The workers as the engines of two hosts show them."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def running(on) -> Callable[[str], list[str]]:
    """Return the workers that run on a host, such as `blue-mailer`."""

    def look(name: str) -> list[str]:
        said = on(name).check_output("docker ps --filter label=golive.worker --format '{{.Names}}'")
        return sorted(line.removeprefix("football-") for line in said.split())

    return look


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
