"""What is gone, and what stays."""

from __future__ import annotations

import time


def test_the_password_and_the_timers_are_gone_and_the_backups_are_not(host, pgbackrest):
    assert not host.file("/etc/golive/backup.pgpass").exists
    assert host.run("systemctl list-timers --all --no-legend 'golive-*'").stdout == ""
    assert "full backup" in pgbackrest("info")


def test_the_database_goes_on_archiving(sql):
    archived = "SELECT archived_count FROM pg_stat_archiver"
    before = int(sql(archived))
    sql("CREATE TABLE later (n int)")
    sql("SELECT pg_switch_wal()")
    until = time.monotonic() + 60
    while int(sql(archived)) <= before:
        assert time.monotonic() < until
        time.sleep(0.5)
