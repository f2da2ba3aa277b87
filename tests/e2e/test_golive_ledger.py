"""Database, migration and backup host are killed in the middle of a go-live while a client writes: it loses no row."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from .conftest import Fleet
from .test_golive_kills import BOUNDARIES, NEW, TAGS, back_to_old, start
from .test_golive_rehearsal import UNSEEN, release, sql

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.usefixtures("first_release")]

STOP = "/run/ledger.stop"
WRITE = """
import json, pathlib, sys, time, psycopg2
how, stop = json.load(sys.stdin)
number, connection, acknowledged, ends = 0, None, [], time.monotonic() + 1200
while not pathlib.Path(stop).exists() and time.monotonic() < ends:
    number += 1
    try:
        connection = connection or psycopg2.connect(**how)
        with connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO ledger VALUES (%s)", (number,))
        acknowledged.append(number)  # the commit came back
    except psycopg2.Error:
        connection = None
    time.sleep(0.02)
print(json.dumps(acknowledged))
"""


@pytest.fixture(autouse=True)
def table(fleet: Fleet) -> Iterator[None]:
    """A table that the application's account may write to."""
    sql(fleet, "CREATE TABLE ledger (id int PRIMARY KEY); GRANT INSERT ON ledger TO football_writer, football_writer_b")
    yield
    sql(fleet, "DROP TABLE ledger")


@pytest.fixture(scope="module", autouse=True)
def what_comes_next_finds_the_old_release(fleet: Fleet) -> Iterator[None]:
    """As what came before left it."""
    yield
    back_to_old(fleet)


@contextmanager
def writing(fleet: Fleet) -> Iterator[None]:
    """Write rows from an application host while the block runs; then each that was acknowledged has to be there."""
    fleet.on("app1", "rm", "-f", STOP)
    how = {
        "host": fleet.on("data1", "hostname", "-i").split()[0],
        "dbname": "football",
        "user": "football_writer",
        "password": (fleet.lab.state / "secrets" / "db_writer").read_text(encoding="utf-8").split()[0],
        "sslmode": "verify-full",
        "sslrootcert": "/etc/golive/tls/ca.crt",
        "connect_timeout": 2,
    }
    writer = subprocess.Popen(
        ["docker", "exec", "-i", f"{fleet.lab.name}-app1", "python3", "-c", WRITE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdin
    writer.stdin.write(json.dumps([how, STOP]))
    writer.stdin.close()
    writer.stdin = None
    try:
        yield
    finally:
        fleet.on("app1", "touch", STOP)
        said = writer.communicate(timeout=30)[0]
    acknowledged = set(json.loads(said))
    there = set(map(int, sql(fleet, "SELECT id FROM ledger").split()))
    assert len(acknowledged) > 200
    assert acknowledged - there == set()
    print(f"{len(acknowledged)} rows acknowledged, {len(there)} there")


def hurt(fleet: Fleet, words: str, act: Callable[[], Any], **variables: Any) -> tuple[int, str]:
    """Begin a go-live, do something when it says `words`, and wait for its end; return code and output."""
    process = start(fleet, **variables)
    assert process.stdout
    said, done = "", False
    for line in process.stdout:
        said += line
        if words in line and not done:
            act()
            done = True
    assert done, said[-4000:]
    assert "Traceback" not in said
    return process.wait(timeout=60), said


def comes_back(fleet: Fleet, host: str) -> None:
    """Wait until a host has booted."""
    until = time.monotonic() + 90
    while fleet.on(host, "systemctl", "is-system-running", check=False).strip() not in ("running", "degraded"):
        assert time.monotonic() < until, f"{host} did not come up again"
        time.sleep(1)


def test_a_database_that_is_killed(fleet: Fleet) -> None:
    def crash() -> None:
        fleet.on("data1", "pkill", "-KILL", "-x", "postgres")
        time.sleep(2)
        fleet.on("data1", "systemctl", "restart", "postgresql")

    back_to_old(fleet)
    with writing(fleet):
        hurt(fleet, BOUNDARIES["stage"], crash)
        again = fleet.golive(NEW, "--tags", TAGS)
    assert again.code == 0, again.output[-4000:]
    assert fleet.version()["release"] == NEW


def test_a_backup_host_that_goes_down(fleet: Fleet) -> None:
    name = f"{fleet.lab.name}-ops1"

    def fall() -> None:
        time.sleep(3)
        subprocess.run(["docker", "kill", name], check=True, capture_output=True)

    back_to_old(fleet)
    serving = fleet.version()["release"]
    with writing(fleet):
        try:
            code, said = hurt(fleet, BOUNDARIES["database"], fall)
        finally:
            subprocess.run(["docker", "start", name], check=True, capture_output=True)
            comes_back(fleet, "ops1")
        assert code != 0
        assert "ops1" in said
        assert fleet.version()["release"] == serving
        again = fleet.golive(NEW, "--tags", TAGS)
    assert again.code == 0, again.output[-4000:]


def test_a_migration_that_is_killed_half_way(fleet: Fleet) -> None:
    statements = ("CREATE TABLE half (id int)", "SELECT pg_sleep(10)")
    name = release(fleet, "1.2.0-killed", *statements)
    serving, before = fleet.version()["release"], sql(fleet, "SELECT version_num FROM alembic_version")
    once = {**UNSEEN, "migration_rehearsal": "never"}
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"

    def stop() -> None:
        until = time.monotonic() + 60
        while sql(fleet, asked) == "0":
            assert time.monotonic() < until, "the migration never began"
            time.sleep(0.2)
        fleet.on("app1", "docker", "kill", "football-migration")

    with writing(fleet):
        code, _ = hurt(fleet, "PLAY [Database | Migrate", stop, release=name, **once)
        assert code != 0
        assert sql(fleet, "SELECT version_num FROM alembic_version") == before
        assert sql(fleet, "SELECT to_regclass('half') IS NULL") == "t"
        assert fleet.version()["release"] == serving
        again = fleet.golive(name, "--tags", "preflight,database", **once)
        assert again.code == 0, again.output[-4000:]
        assert sql(fleet, "SELECT to_regclass('half') IS NULL") == "f"
    sql(fleet, f"DROP TABLE half; UPDATE alembic_version SET version_num = '{before}'")
