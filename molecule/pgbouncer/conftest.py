"""The database as clients ask it through the pool."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def ask(on, secret, address) -> Callable[..., list[str]]:
    """Ask through the pool: ask(statement, role=, client=, clients=, tls=, password=) -> what each client was told."""
    known = {
        "football_migrator": "db_migrator",
        "football_writer": "db_writer",
        "football_reader": "db_reader",
        "golive_monitor": "db_monitor",
    }
    for name in ("app1", "ops1"):
        on(name).check_output("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-psycopg2 >/dev/null")

    def run(
        statement: str,
        role: str = "football_writer",
        client: str = "app1",
        clients: int = 1,
        tls: bool = True,
        password: str = "",
    ) -> list[str]:
        how = {
            "host": address("data1"),
            "port": 6432,
            "user": role,
            "password": password or secret(known[role]),
            "dbname": "football",
            "connect_timeout": 5,
            "sslmode": "verify-full" if tls else "disable",
            "sslrootcert": "/etc/golive/tls/ca.crt" if tls else "",
        }
        done = subprocess.run(
            ["docker", "exec", "-i", on(client).backend.name, "python3", "-c", _ASK],
            input=json.dumps([how, statement, clients]),
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    return run


_ASK = """
import concurrent.futures, json, sys, psycopg2
how, statement, clients = json.load(sys.stdin)

def ask(_):
    try:
        connection = psycopg2.connect(**how)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(statement)
        return "done " + " ".join(map(str, cursor.fetchone()))
    except psycopg2.Error as error:
        return f"refused {error.pgcode or ''} {error}".strip()

with concurrent.futures.ThreadPoolExecutor(clients) as pool:
    print(json.dumps(list(pool.map(ask, range(clients)))))
"""
