"""Grafana, or its API double, as its readers ask it."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

REAL = bool(os.environ.get("GOLIVE_GRAFANA_ARCHIVE"))


def pytest_report_header() -> str:
    """Say what is asked."""
    return "subject: the real Grafana" if REAL else "subject: an API double of Grafana, not Grafana itself"


@pytest.fixture(scope="session")
def grafana_is_real() -> bool:
    """Whether the subject is the vendor's server, and not the double."""
    return REAL


@pytest.fixture
def api(host, fetch, address, secret) -> Callable[..., tuple[int, Any]]:
    """Ask: api(path, user=, password=) -> status and content. The administrator asks unless another is named."""

    def ask(path: str, user: str = "golive-admin", password: str | None = None) -> tuple[int, Any]:
        word = secret("grafana_admin") if password is None else password
        basic = base64.b64encode(f"{user}:{word}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"} if user else {}
        answer = fetch(host, f"https://{address('ops1')}:3000{path}", cafile="/etc/golive/tls/ca.crt", headers=headers)
        try:
            return answer["status"], json.loads(answer["body"])
        except ValueError:
            return answer["status"], answer["body"]

    return ask
