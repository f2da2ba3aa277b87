"""The database as its administrator asks it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def sql(on) -> Callable[[str], str]:
    """Return what a query returns, as the superuser on the database host."""

    def ask(query: str) -> str:
        words = ["docker", "exec", "-u", "postgres", on("data1").backend.name, "psql", "-XAt", "football", "-c", query]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    return ask
