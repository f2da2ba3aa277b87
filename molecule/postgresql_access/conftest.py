"""Connections as clients make them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def connect(on, secret, address) -> Callable[..., str]:
    """Log in and run a statement: connect(from, role, statement, password=, tls=, database=) -> done or refused."""
    known = {
        "football_migrator": "db_migrator",
        "football_writer": "db_writer",
        "football_reader": "db_reader",
        "golive_monitor": "db_monitor",
        "golive_backup": "db_backup",
        "football_owner": "db_writer",  # cannot log in, whatever the password
        "postgres": "db_writer",
    }
    for name in ("app1", "ops1"):
        on(name).check_output("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-psycopg2 >/dev/null")

    def run(
        name: str, role: str, statement: str, password: str = "", tls: bool = True, database: str = "football"
    ) -> str:
        how: dict[str, Any] = {
            "host": address("data1"),
            "user": role,
            "password": password or secret(known[role]),
            "dbname": database,
            "connect_timeout": 5,
            "sslmode": "verify-full" if tls else "disable",
        } | ({"sslrootcert": "/etc/golive/tls/ca.crt"} if tls else {})
        done = subprocess.run(
            ["docker", "exec", "-i", on(name).backend.name, "python3", "-c", _CONNECT],
            input=json.dumps([how, statement]),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip() or done.stderr

    return run


_CONNECT = """
import json, sys, psycopg2
how, statement = json.load(sys.stdin)
try:
    connection = psycopg2.connect(**how)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(statement)
    print("done", cursor.fetchall() if cursor.description else "")
except psycopg2.Error as error:
    print("refused", error.pgcode or "", str(error).strip())
"""
