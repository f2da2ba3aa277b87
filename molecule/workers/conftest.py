"""The workers as the engines of two hosts show them."""

from __future__ import annotations

from collections.abc import Callable

import pytest


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
