"""The server as its administrator asks it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sql() -> Callable[[Any, str], str]:
    """Return what a query on the socket of a host returns, as its superuser."""

    def ask(host: Any, query: str) -> str:
        done = subprocess.run(
            ["docker", "exec", "-u", "postgres", host.backend.name, "psql", "-XAtc", query],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return ask
