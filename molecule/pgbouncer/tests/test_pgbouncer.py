"""Many clients share few connections, with their own passwords; what the server refuses is refused here, too."""

from __future__ import annotations

import pytest

UNITS = ["pgbouncer", "postgresql@*"]


def test_the_application_reaches_the_database_as_itself(ask):
    assert ask("SELECT current_user") == ["done football_writer"]


def test_many_clients_share_few_connections(ask, sql, host):
    assert ask("SELECT pg_sleep(0.2)", clients=30) == ["done "] * 30
    there = sql(host, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'football_writer'")
    assert 1 <= int(there) <= 3


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"password": "wrong"}, "SASL authentication failed"),
        ({"tls": False}, "SSL required"),
        ({"role": "football_migrator"}, "login rejected"),
        ({"role": "golive_monitor"}, "login rejected"),
        ({"client": "ops1"}, "login rejected"),
    ],
    ids=["a wrong password", "without TLS", "the migrator", "an account of golive", "from another host"],
)
def test_who_is_refused(ask, how, why):
    (said,) = ask("SELECT 1", **how)
    assert said.startswith("refused")
    assert why in said


def test_what_the_role_may_not_do_is_refused_by_the_server(ask):
    (said,) = ask("CREATE TABLE own (id int)")
    assert said.startswith("refused 42501")


def test_it_stores_what_the_server_stores_and_no_password(host, sql, secrets):
    file = host.file("/etc/pgbouncer/userlist.txt")
    assert (file.user, file.group, file.mode) == ("postgres", "postgres", 0o640)
    rows = dict(line.strip('"').split('" "') for line in file.content_string.splitlines())
    assert set(rows) == {"football_writer", "football_reader"}
    for name, verifier in rows.items():
        assert sql(host, f"SELECT rolpassword FROM pg_authid WHERE rolname = '{name}'") == verifier
    assert not any(secret in file.content_string for secret in secrets)


def test_it_asks_the_server_by_tls(host, sql, ask):
    assert ask("SELECT 1") == ["done 1"]
    query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'football_writer'"
    assert sql(host, query) == "t"


def test_it_starts_with_the_host(host):
    assert host.service("pgbouncer").is_running
    assert host.service("pgbouncer").is_enabled


def test_no_secret_is_shown(host, leaks):
    assert leaks(host) == []


def test_what_the_next_converge_must_keep_is_noted(host):
    host.check_output("systemctl show --property=MainPID --value pgbouncer > /root/seen-pid")
