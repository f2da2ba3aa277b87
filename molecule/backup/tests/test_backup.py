"""Dumps made from another host: complete, private, restorable."""

from __future__ import annotations

import subprocess

import pytest

DIRECTORY = "/var/backups/golive/football"
FINGERPRINT = """
    SELECT (SELECT count(*) || ' ' || md5(string_agg(team::text, ',' ORDER BY id)) FROM team) || ' ' ||
           (SELECT count(*) || ' ' || md5(string_agg(match::text, ',' ORDER BY id)) FROM match)
"""


@pytest.fixture
def restored(host, on, sql, dumps):
    """A scratch database with the newest dump."""
    sql("CREATE DATABASE scratch")
    dump = subprocess.run(
        ["docker", "exec", host.backend.name, "cat", dumps(host, DIRECTORY)[-1]], capture_output=True, check=True
    ).stdout
    words = ["-u", "postgres", on("data1").backend.name, "pg_restore", "--exit-on-error", "--dbname", "scratch"]
    subprocess.run(["docker", "exec", "-i", *words], input=dump, capture_output=True, check=True)
    yield "scratch"
    sql("DROP DATABASE scratch")


def test_every_row_is_there_again(restored, sql):
    assert sql(FINGERPRINT) == sql(FINGERPRINT, restored)
    assert sql(FINGERPRINT, restored).startswith("500 ")


def test_what_changes_after_the_dump_is_not_in_it(restored, sql):
    sql("UPDATE team SET name = 'other' WHERE id = 1")
    try:
        assert sql(FINGERPRINT) != sql(FINGERPRINT, restored)
    finally:
        sql("UPDATE team SET name = 'team 1' WHERE id = 1")


def test_the_last_are_kept(host, dumps):
    assert [name.rpartition("-")[2] for name in dumps(host, DIRECTORY)] == ["second.pgc", "third.pgc"]


def test_nothing_half_is_left(host):
    assert host.check_output(f"ls {DIRECTORY}/incoming") == ""


@pytest.mark.parametrize("path", [DIRECTORY, f"{DIRECTORY}/incoming"])
def test_only_root_opens_the_directory(host, path):
    directory = host.file(path)
    assert (directory.user, directory.group, directory.mode) == ("root", "root", 0o700)


def test_only_root_reads_a_dump(host, dumps):
    assert {(host.file(name).user, host.file(name).mode) for name in dumps(host, DIRECTORY)} == {("root", 0o600)}
    assert "Permission denied" in host.run(f"runuser -u nobody -- cat {dumps(host, DIRECTORY)[-1]}").stderr


def test_only_root_reads_the_password(host):
    file = host.file("/etc/golive/backup.pgpass")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


@pytest.fixture
def login(host, address):
    """Log in from the backup host, as the role does, with an sslmode."""

    def try_it(mode):
        how = f"host={address('data1')} user=golive_backup dbname=football sslmode={mode}"
        files = "PGPASSFILE=/etc/golive/backup.pgpass PGSSLROOTCERT=/etc/golive/tls/ca.crt"
        done = host.run(f"env {files} psql -XAt -c 'SELECT 1' '{how}'")
        return done.stdout.strip() or done.stderr

    return try_it


def test_its_way_to_the_database_is_tls_or_none(login):
    assert login("verify-full") == "1"
    assert "no encryption" in login("disable")


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
