"""A backup that was made while others wrote, and what shows that it can be restored."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

UNITS = ["golive-backup@full", "golive-backup@diff", "golive-restore-test", "pgbackrest"]
REPOSITORY = "/var/backups/golive/football/repository"
KINDS = ["age", "chain", "archiving", "restore_test"]


def good(seen):
    """Whether nothing keeps a gate from passing but perhaps its limit."""
    return seen["n"] > 0 and not seen["failures"] and not seen["invalid"]


def told(host, result):
    return json.loads(host.file(f"/var/lib/golive-backup/{result}.json").content_string)


def newest(host, pattern):
    """The newest file below the repository whose path matches a pattern of find."""
    found = host.check_output(f"find {REPOSITORY} -type f -path '{pattern}' -printf '%T@ %p\\n' | sort -n | tail -1")
    return found.split(" ", 1)[1]


@contextmanager
def flipped(host, path) -> Iterator[None]:
    """One bit of a file is another one."""
    host.check_output(f"cp -a {path} /root/kept")
    change = (
        "import sys; file = open(sys.argv[1], 'r+b'); body = bytearray(file.read()); body[len(body) // 2] ^= 1; "
        "file.seek(0); file.write(body)"
    )
    host.check_output(f'python3 -c "{change}" {path}')
    try:
        yield
    finally:
        host.check_output(f"mv /root/kept {path}")


# --- what a go-live did before this (backed_up.yml)


def test_the_backup_has_a_barrier_and_says_how_long_writers_waited(host):
    made = told(host, "backup")
    assert made["ok"], made
    assert made["kind"] == "full"  # the first one is, whatever was asked for
    assert 0 < made["pause_seconds"] < made["seconds"]
    assert made["point"] == f"golive-{made['label']}"
    assert made["rpo_seconds"] > 60  # archive_timeout, and what the archiving takes


def test_every_row_was_there_again(host):
    test = told(host, "restore_test")
    assert test["ok"], test
    assert test["label"] == told(host, "backup")["label"]
    rows = int(re.search(r"([0-9,]+) rows", test["extent"])[1].replace(",", ""))
    assert rows > 20000  # 20,000 teams, and what the writers had written by then
    assert test["rto_seconds"] > 0


def test_others_wrote_all_the_while(sql):
    assert int(sql("SELECT count(*) FROM ledger")) > 500


@pytest.mark.parametrize("kind", KINDS)
def test_the_gate_passes(gate, kind):
    seen = gate(kind)
    assert good(seen), seen


def test_the_key_of_the_controller_opens_the_backups(gate, secret):
    seen = gate("key", key=secret("backup_cipher"))
    assert good(seen), seen


def test_nothing_of_the_copy_is_left(host):
    assert host.check_output("ls /var/lib/golive-scratch/football") == ""
    assert host.run("pgrep -u postgres -x postgres").rc == 1


# --- what keeps a backup from being one


def test_a_backup_that_was_changed_is_seen(host, job, gate):
    with flipped(host, newest(host, "*/backup/football/*/bundle/*")):
        test = job("golive-restore-test.service", "restore_test")
        assert not test["ok"]
        assert not good(gate("restore_test"))
    assert job("golive-restore-test.service", "restore_test")["ok"]


@pytest.mark.full
def test_a_wal_segment_that_was_changed_is_seen(host, job):
    barrier = told(host, "backup")["label"]
    wal = json.loads(host.file(f"/var/backups/golive/football/barriers/{barrier}.json").content_string)["wal"]
    with flipped(host, newest(host, f"*/archive/*/{wal}-*")):
        assert not job("golive-restore-test.service", "restore_test")["ok"]
    assert job("golive-restore-test.service", "restore_test")["ok"]


def test_a_wal_segment_that_is_missing_is_named(host, job, gate):
    barrier = told(host, "backup")["label"]
    wal = json.loads(host.file(f"/var/backups/golive/football/barriers/{barrier}.json").content_string)["wal"]
    path = newest(host, f"*/archive/*/{wal}-*")
    host.check_output(f"mv {path} /root/kept")
    try:
        seen = gate("chain")
        assert not good(seen)
        assert f"WAL segment {wal} is missing" in seen["observed"]
        assert not job("golive-restore-test.service", "restore_test")["ok"]
    finally:
        host.check_output(f"mv /root/kept {path}")
    assert job("golive-restore-test.service", "restore_test")["ok"]
    assert good(gate("chain"))


def test_another_key_is_seen(gate):
    seen = gate("key", key="not-the-key")
    assert not good(seen)
    assert "does not open" in seen["observed"]


@pytest.mark.full
def test_a_copy_with_other_rows_is_seen(host, job):
    """Of a fingerprint that says more, as if rows had been lost on the way."""
    label = told(host, "backup")["label"]
    path = f"/var/backups/golive/football/barriers/{label}.json"
    host.check_output(f"cp -a {path} /root/barrier")
    barrier = json.loads(host.file(path).content_string)
    barrier["databases"]["football"]["public.team"]["rows"] += 1
    host.check_output(f"cat > {path} <<'EOF'\n{json.dumps(barrier)}\nEOF")
    try:
        test = job("golive-restore-test.service", "restore_test")
        assert test["problems"] == ["football.public.team has 20000 rows, had 20001"]
    finally:
        host.check_output(f"mv /root/barrier {path}")
    assert job("golive-restore-test.service", "restore_test")["ok"]


# --- who may see what


def test_the_repository_is_closed_and_unreadable_without_its_key(host):
    directory = host.file("/var/backups/golive/football")
    assert (directory.user, directory.group, directory.mode) == ("postgres", "postgres", 0o750)
    assert host.run(f"grep -rlaE 'team 1|SCRAM-SHA' {REPOSITORY}").stdout == ""


def test_only_those_who_need_them_read_the_secrets(host, on):
    for path, owner, mode in [
        ("/etc/golive/backup.pgpass", "postgres", 0o600),
        ("/etc/pgbackrest/pgbackrest.conf", "root", 0o640),
        ("/etc/pgbackrest/golive-scratch.conf", "root", 0o640),
    ]:
        file = host.file(path)
        assert (file.user, file.mode) == (owner, mode), path
    assert "cipher" not in on("data1").file("/etc/pgbackrest/pgbackrest.conf").content_string


@pytest.mark.parametrize("name", ["ops1", "data1"])
def test_nobody_without_a_certificate_of_a_host_is_answered(on, address, name):
    asked = f"openssl s_client -connect {address(name)}:8432 -CAfile /etc/golive/tls/ca.crt -verify_return_error"
    said = on("app1").run(f"echo | timeout 5 {asked} -quiet; echo code=$?").stdout
    assert "code=0" not in said


def test_another_host_of_the_fleet_is_not_answered(on, address):
    """Its certificate is good, and it is none of the two."""
    ours = "--repo1-host-ca-file=/etc/golive/tls/ca.crt --repo1-host-cert-file=/etc/golive/tls/host.crt"
    ours += " --repo1-host-key-file=/root/key --repo1-host-type=tls --stanza=football"
    command = f"pgbackrest --repo1-host={address('ops1')} {ours} info"
    on("app1").check_output("install -m 600 /etc/golive/tls/host.key /root/key")
    on("app1").check_output("command -v pgbackrest || apt-get install -qq --no-install-recommends pgbackrest")
    assert "access denied" in on("app1").run(command).stdout


@pytest.fixture
def login(host, address):
    """Log in from the backup host, as the program does, with an sslmode."""

    def try_it(mode):
        how = f"host={address('data1')} user=golive_backup dbname=football sslmode={mode}"
        files = "PGPASSFILE=/etc/golive/backup.pgpass PGSSLROOTCERT=/etc/golive/tls/ca.crt"
        done = host.run(f"runuser -u postgres -- env {files} psql -XAt -c 'SELECT 1' '{how}'")
        return done.stdout.strip() or done.stderr

    return try_it


def test_its_way_to_the_database_is_tls_or_none(login):
    assert login("verify-full") == "1"
    assert "no encryption" in login("disable")


@pytest.mark.parametrize("name", ["ops1", "data1"])
def test_no_secret_is_seen(on, leaks, name):
    assert leaks(on(name)) == []


# --- what others see of it


def test_the_exporter_of_the_host_finds_the_figures(host):
    metrics = host.file("/var/lib/prometheus/node-exporter/golive_backup.prom").content_string
    for name in ('golive_backup_completed_timestamp_seconds{kind="full"}', "golive_restore_test_rto_seconds"):
        assert name in metrics


def test_the_timers_wait(host):
    waiting = host.check_output("systemctl list-timers --no-legend 'golive-*'")
    for kind in ("backup-full", "backup-diff", "backup-incr", "restore-test"):
        assert f"golive-{kind}.timer" in waiting
