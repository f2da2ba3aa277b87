"""Containers as the engine of a host shows them, and what was released."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def inspect() -> Callable[[Any, str], dict[str, Any]]:
    """Return what `docker inspect` shows of a container or an image on a host."""
    return lambda host, name: json.loads(host.check_output(f"docker inspect {name}"))[0]


@pytest.fixture(scope="session")
def released(state: Path) -> Callable[[str], dict[str, Any]]:
    """Return the release.json of a release."""
    return lambda name: json.loads((state / "releases" / name / "release.json").read_text(encoding="utf-8"))
