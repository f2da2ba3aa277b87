"""The database host is lost, and a new one takes its place."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

pytestmark = pytest.mark.full  # minutes

BACKUPS = "runuser -u postgres -- timeout 30 pgbackrest --stanza=football info"


@pytest.fixture(scope="module")
def lost(on, sql):
    """What was archived when the host was lost: a row in table last."""
    sql("CREATE TABLE last (n int)")
    sql("INSERT INTO last VALUES (1)")
    segment = sql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    sql("SELECT pg_switch_wal()")
    until = time.monotonic() + 60
    while sql(f"SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver") != "t":
        assert time.monotonic() < until
        time.sleep(0.5)
    assert "full backup" in on("data1").run(BACKUPS).stdout
    subprocess.run(["docker", "kill", on("data1").backend.name], check=True, capture_output=True)


@pytest.mark.usefixtures("lost")
def test_a_host_without_the_place_of_the_old_is_refused(restore):
    code, said = restore(restore_host="data2", confirm="football")
    assert code != 0
    assert "Group database begins with data1, wanted data2" in said


@pytest.mark.usefixtures("lost")
def test_without_the_name_nothing_is_provisioned(on, restore):
    code, said = restore("hosts_moved.yml", restore_host="data2")
    assert code != 0
    assert "Lost: nothing that was archived" in said
    assert not on("data2").exists("psql")


@pytest.fixture(scope="module")
def moved(lost, restore):  # noqa: ARG001  # first it is lost
    code, said = restore("hosts_moved.yml", restore_host="data2", confirm="football")
    assert code == 0, said
    return said


@pytest.mark.usefixtures("moved")
def test_all_that_was_archived_is_there(sql):
    assert sql("SELECT n FROM last", host="data2") == "1"
    assert sql("SELECT count(*) FROM team", host="data2") == "20000"


@pytest.mark.usefixtures("moved")
def test_it_is_backed_up_from_there_and_goes_on_archiving(host, sql):
    made = json.loads(host.file("/var/lib/golive-backup/backup.json").content_string)
    assert (made["ok"], made["kind"]) == (True, "full"), made
    assert int(sql("SELECT count(*) FROM pg_stat_archiver WHERE last_archived_time IS NOT NULL", host="data2")) == 1


@pytest.mark.usefixtures("moved")
def test_who_may_connect_may_there(on, address, secret):
    """As the application would, over TLS, from its host."""
    how = f"host={address('data2')} user=football_writer dbname=football sslmode=verify-full"
    how += " sslrootcert=/etc/golive/tls/ca.crt"
    client = on("app1")
    client.check_output("psql --version || apt-get install -qq --no-install-recommends postgresql-client")
    client.check_output("install -m 600 /dev/null /root/.pgpass")
    client.check_output(f"echo '*:*:*:*:{secret('db_writer')}' >/root/.pgpass")
    assert client.check_output(f"psql -XAt -c 'SELECT count(*) > 0 FROM ledger' '{how}'") == "t"


@pytest.mark.usefixtures("moved")
def test_the_old_host_does_not_come_to_the_archive_any_more(on):
    subprocess.run(["docker", "start", on("data1").backend.name], check=True, capture_output=True)
    until = time.monotonic() + 60
    while on("data1").run("systemctl is-active postgresql@17-main").rc:
        assert time.monotonic() < until
        time.sleep(1)
    assert "full backup" not in on("data1").run(BACKUPS).stdout
    assert "full backup" in on("data2").run(BACKUPS).stdout
