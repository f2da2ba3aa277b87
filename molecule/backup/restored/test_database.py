"""Rows of one database are deleted, and it is put back alone, while another of the same cluster is written to."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.full  # minutes

# Owner, rights, settings and all else that a database has beside its content, without its name.
PROPERTIES = """
    SELECT pg_get_userbyid(datdba), datacl, encoding, datlocprovider, datcollate, datctype, datlocale, datconnlimit,
           (SELECT json_agg(json_build_array(setrole::regrole, setconfig) ORDER BY setrole) FROM pg_db_role_setting
             WHERE setdatabase = pg_database.oid)
      FROM pg_database WHERE datname = 'football'
"""
# Whatever an extension, a view or a trigger needs, and what pg_dump could order wrongly.
CONTENT = """
    SET ROLE football_owner;
    CREATE TABLE IF NOT EXISTS match (id int PRIMARY KEY, home int REFERENCES team, note text DEFAULT 'it''s');
    INSERT INTO match SELECT n, n FROM generate_series(1, 100) n ON CONFLICT DO NOTHING;
    CREATE OR REPLACE VIEW named AS SELECT match.id, name FROM match JOIN team ON home = team.id;
"""


@pytest.fixture(scope="module")
def before(sql):
    """A restore point after which rows go; the properties of the database at that moment."""
    sql("DROP DATABASE IF EXISTS other", "postgres")
    sql("CREATE DATABASE other", "postgres")
    sql("CREATE TABLE note (text text)", "other")
    sql(CONTENT)
    for statement in (
        'ALTER DATABASE football SET search_path = public, "$user"',
        "ALTER DATABASE football SET default_transaction_isolation = 'read committed'",
        "ALTER ROLE football_reader IN DATABASE football SET statement_timeout = '7s'",
    ):
        sql(statement)
    properties = sql(PROPERTIES)
    sql("SELECT pg_create_restore_point('before-delete')", "postgres")
    time.sleep(1)
    sql("DELETE FROM match")
    sql("INSERT INTO note VALUES ('written after the moment')", "other")
    return properties


@pytest.mark.usefixtures("before")
def test_without_the_name_it_says_what_it_would_cost_and_touches_nothing(sql, restore):
    code, said = restore(restore_database="football", restore_point="before-delete", confirm="other")
    assert code != 0
    assert "Nothing was touched" in said
    assert "Lost in it: all writes of the last" in said
    assert sql("SELECT count(*) FROM match") == "0"


@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"restore_database": "football", "restore_point": "no-such-point"}, "did not reach"),
        ({"restore_database": "fotball", "restore_point": "before-delete"}, 'database "fotball" does not exist'),
    ],
)
def test_what_cannot_be_had_leaves_all_as_it_is(host, sql, restore, wanted, why):
    code, said = restore(**wanted, confirm=wanted["restore_database"])
    assert code != 0
    assert why in said
    assert sql("SELECT count(*) FROM match") == "0"
    assert sql("SELECT count(*) FROM pg_database WHERE datname ~ 'golive|before'") == "0"
    assert host.check_output("ls /var/lib/golive-scratch/football") == ""


@pytest.fixture(scope="module")
def restored(before, restore):  # noqa: ARG001  # first the rows go
    code, said = restore(restore_database="football", restore_point="before-delete", confirm="football")
    assert code == 0, said
    return said


@pytest.mark.usefixtures("restored")
def test_the_rows_are_back(sql):
    assert sql("SELECT count(*) FROM match") == "100"
    assert sql("SELECT count(*) FROM named WHERE name <> ''") == "100"
    assert sql("SELECT count(*) FROM team") == "20000"


def test_it_says_what_was_compared_and_how_long_nobody_could_connect(restored):
    assert "football is back, from backup" in restored
    assert "3 tables, " in restored
    assert "nobody could connect for" in restored


@pytest.mark.usefixtures("restored")
def test_owner_rights_and_settings_are_as_they_were(sql, before):
    assert sql(PROPERTIES) == before
    assert sql("SET ROLE football_writer; INSERT INTO ledger (team) VALUES (1) RETURNING team").splitlines()[1] == "1"


@pytest.mark.usefixtures("restored")
def test_the_other_database_was_not_touched(sql):
    assert sql("SELECT text FROM note", "other") == "written after the moment"


def test_what_served_before_stays_under_another_name(sql, restored):
    kept = sql("SELECT datname FROM pg_database WHERE datname ~ '^football_before_'")
    assert f"What served before is database {kept}" in restored
    assert sql("SELECT count(*) FROM match", kept) == "0"
    sql(f"DROP DATABASE {kept}", "postgres")
    sql("DROP DATABASE other", "postgres")


@pytest.mark.usefixtures("restored")
def test_it_is_backed_up_anew_and_nothing_of_the_copy_is_left(host):
    made = json.loads(host.file("/var/lib/golive-backup/backup.json").content_string)
    assert (made["ok"], made["kind"]) == (True, "diff"), made
    assert host.check_output("ls /var/lib/golive-scratch/football") == ""
