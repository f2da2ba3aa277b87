"""Every right that was granted works, every other is refused: real connections, with and without TLS, two hosts."""

from __future__ import annotations

import pytest

UNITS = ["postgresql@*"]
DENIED = "refused 42501"  # insufficient_privilege
FORBIDDEN = "no pg_hba.conf entry"
REJECTED = "pg_hba.conf rejects connection"


@pytest.fixture(scope="module", autouse=True)
def tables(connect):
    """Tables as a migration makes them."""
    for statement in (
        "CREATE TABLE IF NOT EXISTS match (id serial PRIMARY KEY, name text)",
        "INSERT INTO match (name) VALUES ('first')",
    ):
        assert connect("app1", "football_migrator", statement).startswith("done")


GRANTED = [
    ("app1", "football_migrator", "CREATE TABLE made (id int)"),
    ("app1", "football_migrator", "ALTER TABLE made ADD COLUMN name text"),
    ("app1", "football_migrator", "CREATE INDEX ON made (id)"),
    ("app1", "football_migrator", "DROP TABLE made"),
    ("app1", "football_migrator", "CREATE SCHEMA IF NOT EXISTS extra"),
    ("app1", "football_writer", "SELECT * FROM match"),
    ("app1", "football_writer", "INSERT INTO match (name) VALUES ('second')"),
    ("app1", "football_writer", "UPDATE match SET name = 'third' WHERE id = 1"),
    ("app1", "football_writer", "DELETE FROM match WHERE id = 2"),
    ("app1", "football_writer", "SELECT nextval('match_id_seq')"),
    ("app1", "football_reader", "SELECT * FROM match"),
    ("ops1", "golive_monitor", "SELECT count(*) FROM pg_stat_activity WHERE query IS NOT NULL"),
    ("ops1", "golive_monitor", "SELECT pg_database_size('football')"),
    ("ops1", "golive_backup", "SELECT * FROM match"),
    ("ops1", "golive_backup", "SELECT last_value FROM match_id_seq"),
]


@pytest.mark.parametrize(("name", "role", "statement"), GRANTED)
def test_what_is_granted_works(connect, name, role, statement):
    assert connect(name, role, statement).startswith("done")


REFUSED = [
    ("app1", "football_writer", "CREATE TABLE other (id int)"),
    ("app1", "football_writer", "ALTER TABLE match ADD COLUMN other text"),
    ("app1", "football_writer", "DROP TABLE match"),
    ("app1", "football_writer", "TRUNCATE match"),
    ("app1", "football_writer", "CREATE INDEX ON match (name)"),
    ("app1", "football_writer", "CREATE SCHEMA other"),
    ("app1", "football_writer", "CREATE EXTENSION pg_trgm"),
    ("app1", "football_writer", "CREATE TEMPORARY TABLE other (id int)"),
    ("app1", "football_writer", "SET ROLE football_owner"),
    ("app1", "football_writer", "CREATE ROLE other"),
    ("app1", "football_writer", "ALTER ROLE football_reader PASSWORD 'other'"),
    ("app1", "football_writer", "SELECT rolpassword FROM pg_authid"),
    ("app1", "football_writer", "SELECT pg_read_file('/etc/passwd')"),
    ("app1", "football_writer", "COPY match TO '/tmp/match'"),
    ("app1", "football_writer", "SELECT pg_reload_conf()"),
    ("app1", "football_reader", "INSERT INTO match (name) VALUES ('other')"),
    ("app1", "football_reader", "UPDATE match SET name = 'other'"),
    ("app1", "football_reader", "DELETE FROM match"),
    ("app1", "football_reader", "SELECT nextval('match_id_seq')"),
    ("app1", "football_reader", "CREATE TABLE other (id int)"),
    ("app1", "football_migrator", "CREATE ROLE other"),
    ("app1", "football_migrator", "CREATE DATABASE other"),
    ("app1", "football_migrator", "ALTER SYSTEM SET fsync = off"),
    ("ops1", "golive_monitor", "SELECT * FROM public.match"),
    (
        "ops1",
        "golive_monitor",
        "SELECT pg_reload_conf()",
    ),
    ("ops1", "golive_backup", "DELETE FROM match"),
    ("ops1", "golive_backup", "CREATE TABLE other (id int)"),
]


@pytest.mark.parametrize(("name", "role", "statement"), REFUSED)
def test_what_is_not_granted_is_refused(connect, name, role, statement):
    assert connect(name, role, statement).startswith(DENIED)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("ops1", "football_writer"),
        ("ops1", "football_migrator"),
        ("ops1", "football_reader"),
        ("app1", "golive_monitor"),
        ("app1", "golive_backup"),
        ("app1", "football_owner"),
        ("app1", "postgres"),
        ("ops1", "postgres"),
    ],
)
def test_another_address_is_refused(connect, name, role):
    assert REJECTED in connect(name, role, "SELECT 1")


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("app1", "football_writer"),
        ("app1", "football_reader"),
        ("app1", "football_migrator"),
        ("ops1", "golive_monitor"),
        ("ops1", "golive_backup"),
    ],
)
def test_without_tls_or_with_a_wrong_password_it_is_refused(connect, name, role):
    assert REJECTED in connect(name, role, "SELECT 1", tls=False)
    assert "password authentication failed" in connect(name, role, "SELECT 1", password="wrong")


def test_other_databases_are_closed(connect):
    assert REJECTED in connect("app1", "football_writer", "SELECT 1", database="postgres")
    assert REJECTED in connect("app1", "football_writer", "SELECT 1", database="template1")


def test_a_statement_that_takes_too_long_is_ended(connect):
    said = connect("app1", "football_writer", "SHOW statement_timeout")
    assert "15s" in said


def test_only_the_server_reads_the_rules(host):
    file = host.file(host.check_output("ls /etc/postgresql/*/main/pg_hba.conf"))
    assert (file.user, file.group, file.mode) == ("root", "postgres", 0o640)


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
