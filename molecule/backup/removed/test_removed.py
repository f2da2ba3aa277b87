"""What is gone, and what stays."""

from __future__ import annotations

import time


def test_the_password_and_the_timers_are_gone_and_the_backups_are_not(host, pgbackrest):
    assert not host.file("/etc/golive/backup.pgpass").exists
    assert host.run("systemctl list-timers --all --no-legend 'golive-*'").stdout == ""
    assert "full backup" in pgbackrest("info")


def test_nothing_is_sent_or_taken_any_more_and_the_archives_stay(host, on):
    for name in ("ops1", "data1"):
        assert on(name).run("systemctl list-unit-files --no-legend 'golive-state*'").stdout == ""
        assert not on(name).file("/var/lib/golive-state").exists
    assert host.check_output("ls /var/backups/golive/football/hosts/data1")


def test_the_database_goes_on_archiving(sql):
    archived = "SELECT archived_count FROM pg_stat_archiver"
    before = int(sql(archived))
    sql("CREATE TABLE later (n int)")
    sql("SELECT pg_switch_wal()")
    until = time.monotonic() + 60
    while int(sql(archived)) <= before:
        assert time.monotonic() < until
        time.sleep(0.5)
