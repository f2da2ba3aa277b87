"""A table is dropped while others write, and the database is put back to just before that."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.full  # minutes

# Writes a row, and notes its number when the server has said that it is committed.
WRITER = """
import time, psycopg2
with open("/var/lib/postgresql/acknowledged", "a", buffering=1) as noted:
    while True:
        try:
            session = psycopg2.connect("dbname=football host=/run/postgresql")
            session.autocommit = True
            with session.cursor() as cursor:
                while True:
                    cursor.execute("INSERT INTO ledger (team) VALUES (NULL) RETURNING id, txid_current()")
                    print(*cursor.fetchone(), file=noted)
                    time.sleep(0.005)
        except psycopg2.Error:
            time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def acknowledged(on):
    """The rows whose writers were told that they are safe, so far: number to transaction."""
    file = "/var/lib/postgresql/acknowledged"
    return lambda: dict(map(int, line.split()) for line in on("data1").file(file).content_string.splitlines())


@pytest.fixture(scope="module", autouse=True)
def writer(on, acknowledged):
    database = on("data1")
    database.check_output("touch /var/lib/postgresql/acknowledged; chown postgres: /var/lib/postgresql/acknowledged")
    unit = "systemd-run --unit=ledger --collect --property=User=postgres --property=RuntimeMaxSec=600"
    database.check_output(f"{unit} python3 -c '{WRITER}'")
    until = time.monotonic() + 30
    while len(acknowledged()) < 200:
        assert time.monotonic() < until
        time.sleep(0.2)
    yield
    database.run("systemctl stop ledger")


@pytest.fixture(scope="module")
def dropped(sql, acknowledged):
    """What was acknowledged before a point, after which a table is dropped."""
    before = acknowledged()
    sql("SELECT pg_create_restore_point('before-drop')", "postgres")
    time.sleep(1)  # others go on writing
    sql("DROP TABLE team CASCADE")
    return before


def present(sql):
    return set(map(int, sql("SELECT id FROM ledger").split()))


@pytest.mark.usefixtures("dropped")
def test_without_the_name_it_says_what_it_would_cost_and_touches_nothing(sql, restore):
    code, said = restore(restore_point="before-drop")
    assert code != 0
    assert "Nothing was touched" in said
    assert "Lost: all writes of the last" in said
    assert sql("SELECT to_regclass('team') IS NULL") == "t"


def test_a_moment_that_there_never_was_leaves_the_database_as_it_is(sql, dropped, restore):
    code, said = restore(restore_point="no-such-point", confirm="football")
    assert code != 0
    assert "the old data serves again" in said
    assert sql("SELECT to_regclass('team') IS NULL") == "t"  # still dropped: nothing was restored
    assert dropped.keys() <= present(sql)


@pytest.fixture(scope="module")
def restored(dropped, restore):  # noqa: ARG001  # first the table goes
    code, said = restore(restore_point="before-drop", confirm="football")
    assert code == 0, said
    return said


@pytest.mark.usefixtures("restored")
def test_every_row_acknowledged_before_is_there(sql, dropped):
    assert sql("SELECT count(*) FROM team") == "20000"
    assert dropped.keys() - present(sql) == set()


def test_later_ones_are_gone_and_can_be_listed(sql, dropped, acknowledged, restored):
    """They are in the data directory that stays beside the new one, and in the archive."""
    gone = acknowledged().keys() - present(sql)
    assert gone
    assert min(gone) > max(dropped)
    assert "The data of before is in /var/lib/postgresql/17/main.before-" in restored


@pytest.mark.usefixtures("restored")
def test_it_is_backed_up_anew_and_goes_on_archiving(host, gate):
    made = json.loads(host.file("/var/lib/golive-backup/backup.json").content_string)
    assert (made["ok"], made["kind"]) == (True, "full")
    for kind in ("age", "chain", "archiving"):
        seen = gate(kind)
        assert seen["n"] > 0, seen
        assert (bool(seen["failures"]), bool(seen["invalid"])) == (False, False), seen


@pytest.mark.usefixtures("restored")
def test_a_transaction_is_left_out(host, sql, acknowledged, restore):
    """By its number, from the backup that was made after the first restore."""
    label = json.loads(host.file("/var/lib/golive-backup/backup.json").content_string)["label"]
    until, start = time.monotonic() + 30, len(acknowledged())
    while len(acknowledged()) < start + 100:
        assert time.monotonic() < until
        time.sleep(0.2)
    number, transaction = list(acknowledged().items())[-1]
    code, said = restore(restore_xid=str(transaction), restore_backup=label, confirm="football")
    assert code == 0, said
    there = present(sql)
    assert number - 1 in there
    assert number not in there
