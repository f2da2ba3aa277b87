"""The cache as its clients ask it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def ask(secret) -> Callable[..., str]:
    """Run redis-cli on a host: ask(host, user, *words, password=None, tls=True) -> what the server said."""
    known = {"football": "cache_app", "golive_monitor": "cache_monitor", "golive_admin": "cache_admin"}

    def run(host: Any, user: str | None, *words: str, password: str | None = None, tls: bool = True) -> str:
        # The password goes by the environment of the client: redis-cli shows its arguments in the process list.
        told = ["env", f"REDISCLI_AUTH={password or secret(known[user])}"] if user else []
        how = ["--tls", "--cacert", "/etc/golive/tls/ca.crt"] if tls else []
        who = ["--user", user] if user else []
        done = subprocess.run(
            ["docker", "exec", host.backend.name, *told, "redis-cli", *how, *who, *words],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run
