"""The linters, all begun at once: the slowest goes on while the unit tests run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from support import ROOT

PLUGINS = ("action_plugins", "plugin_utils", "filter_plugins", "lookup_plugins", "vars_plugins", "callback_plugins")
SLOW = {"ansible-lint": ("ansible-lint", "--offline", "--profile", "production", "--strict")}
QUICK = {
    "ruff": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy": ("mypy", "module_utils/golive_core", "src", *PLUGINS),
    "mypy library": ("mypy", "--scripts-are-modules", "library", "roles/docker/files"),
    "yamllint": ("yamllint", "--strict", "."),
}

Ended = subprocess.CompletedProcess[str]


def _run(command: tuple[str, ...]) -> Ended:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def linters() -> Iterator[dict[str, Future[Ended]]]:
    """Every linter by its name, running or ended."""
    with ThreadPoolExecutor(2) as pool:  # the slow one takes a core for itself
        yield {name: pool.submit(_run, command) for name, command in {**SLOW, **QUICK}.items()}
