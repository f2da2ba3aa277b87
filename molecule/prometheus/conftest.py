"""Prometheus as its clients ask it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def api(host, fetch, address) -> Callable[[str], Any]:
    """Return the data that the API answers a path with."""

    def ask(path: str) -> Any:
        answer = fetch(host, f"http://{address('ops1')}:9090/api/v1/{path}")
        assert answer["status"] == 200, answer
        return json.loads(answer["body"])["data"]

    return ask


@pytest.fixture
def value(api) -> Callable[[str], str]:
    """Return the value of a query; an empty text when there is none."""

    def ask(query: str) -> str:
        found = api(f"query?query={query}")["result"]
        return str(found[0]["value"][1]) if found else ""

    return ask


@pytest.fixture(scope="session")
def becomes() -> Callable[..., Any]:
    """Ask until the answer is as wanted, 40 s at most: the host was just started. Return the last answer."""

    def wait(ask: Callable[[], Any], wanted: Any) -> Any:
        until = time.monotonic() + 40
        while (seen := ask()) != wanted and time.monotonic() < until:
            time.sleep(1)
        return seen

    return wait
