"""The registry as its clients ask it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def ask(on, address, fetch, secret) -> Callable[..., dict[str, Any]]:
    """Ask from the application host: ask(path, user=, password=, **how of fetch) -> status, body, headers."""

    def run(path: str, user: str = "", password: str = "", scheme: str = "https", **how: Any) -> dict[str, Any]:
        basic = base64.b64encode(f"{user}:{password or secret('registry')}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"} if user else {}
        headers["Accept"] = "application/vnd.docker.distribution.manifest.v2+json"
        url = f"{scheme}://{address('ops1')}:5000{path}"
        return fetch(on("app1"), url, cafile="/etc/golive/tls/ca.crt", headers=headers, **how)

    return run
