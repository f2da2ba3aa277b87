"""The database as its administrator asks it, and the dumps."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sql(on) -> Callable[..., str]:
    """Return what a query returns, as the superuser on the database host: sql(query, database=)."""

    def ask(query: str, database: str = "football") -> str:
        words = ["docker", "exec", "-u", "postgres", on("data1").backend.name, "psql", "-XAt", database, "-c", query]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    return ask


@pytest.fixture
def dumps() -> Callable[[Any, str], list[str]]:
    """Return the dumps in a directory of a host, oldest first."""
    return lambda host, directory: sorted(host.check_output(f"find {directory} -name '*.pgc'").split())
