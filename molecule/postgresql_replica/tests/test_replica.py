"""A row that is written on the one is there on the other, also after either was away; nobody else may follow."""

from __future__ import annotations

import time

import pytest

UNITS = ["postgresql@*"]
CERTIFICATE = "sslrootcert=/etc/golive/tls/ca.crt sslcert=/etc/golive/tls/host.crt sslkey=/etc/golive/tls/host.key"


@pytest.fixture(scope="module")
def primary(on):
    return on("data1")


@pytest.fixture(scope="module")
def ledger(primary, sql):
    """A table on the primary, and a function that writes a row."""
    sql(primary, "CREATE TABLE IF NOT EXISTS ledger (id int PRIMARY KEY)")

    def enter(number: int) -> None:
        sql(primary, f"INSERT INTO ledger VALUES ({number})")

    return enter


def seen(host, sql, number):
    """Return whether a row arrives within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if sql(host, f"SELECT count(*) FROM ledger WHERE id = {number}") == "1":
            return True
        time.sleep(0.2)
    return False


def test_a_row_is_seen_on_the_other_host(host, sql, ledger):
    ledger(1)
    assert seen(host, sql, 1)


def test_it_only_reads(host):
    said = host.run("runuser -u postgres -- psql -c 'DELETE FROM ledger'")
    assert "cannot execute DELETE in a read-only transaction" in said.stderr


def test_what_is_written_while_it_is_away_arrives(host, sql, ledger):
    host.check_output("systemctl stop postgresql@*-main")
    ledger(2)
    host.check_output("systemctl start postgresql")
    assert seen(host, sql, 2)


def test_what_is_written_after_a_restart_of_the_primary_arrives(host, primary, sql, ledger):
    primary.check_output("systemctl restart postgresql")
    ledger(3)
    assert seen(host, sql, 3)


def test_the_primary_keeps_what_it_needs_and_no_more(primary, sql):
    assert sql(primary, "SELECT slot_name, active FROM pg_replication_slots") == "golive_data2|t"
    assert sql(primary, "SHOW max_slot_wal_keep_size") == "10GB"


def test_it_is_asked_for_by_tls_alone(primary, sql):
    assert sql(primary, "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)") == "t"


def follow(host, address, words, client=""):
    """Ask for the replication protocol, and return what the server said."""
    wanted = f"host={address('data1')} user=golive_replica dbname=football replication=true {words} {client}"
    return host.run(f"psql '{wanted}' -c IDENTIFY_SYSTEM").stderr


@pytest.mark.parametrize(
    ("name", "words", "client", "why"),
    [
        ("data2", "sslmode=require", "", "requires a valid client certificate"),
        ("data2", "sslmode=disable", "", "no pg_hba.conf entry"),
        ("data1", "sslmode=require", CERTIFICATE, "no pg_hba.conf entry"),
    ],
    ids=["without a certificate", "without TLS", "from another host, with its certificate"],
)
def test_nobody_else_may_follow(on, address, name, words, client, why):
    assert why in follow(on(name), address, words, client)


def test_it_may_not_read_a_table(host, address):
    wanted = f"host={address('data1')} user=golive_replica dbname=football sslmode=require {CERTIFICATE}"
    assert "pg_hba.conf rejects connection" in host.run(f"psql '{wanted}' -c 'SELECT 1'").stderr


def test_the_account_of_the_exporter_may_ask_it(host, secret):
    wanted = "host=127.0.0.1 user=golive_monitor dbname=postgres sslmode=verify-full sslrootcert=/etc/golive/tls/ca.crt"
    said = host.run(f"PGPASSWORD={secret('db_monitor')} psql '{wanted}' -qtAc 'SELECT pg_is_in_recovery()'")
    assert said.stdout.strip() == "t", said.stderr


def test_nobody_reads_its_files(host, sql):
    place = sql(host, "SHOW config_file").replace("postgresql.conf", "")
    for name in ("conf.d/golive-replica.conf", "pg_hba.conf", "pg_ident.conf"):
        file = host.file(place + name)
        assert (file.group, file.mode) == ("postgres", 0o640), name


def test_no_secret_is_shown(host, leaks):
    assert leaks(host) == []
