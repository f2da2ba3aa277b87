"""What the second set of variables changes."""

from __future__ import annotations


def test_the_timers_are_the_new_ones(host):
    def next_time(kind):
        return host.check_output(f"systemctl show --property NextElapseUSecRealtime --value golive-backup-{kind}.timer")

    assert next_time("full").startswith("Sat ")
    assert next_time("diff") == ""  # without a time it never runs


def test_the_new_password_is_written_and_the_next_backup_uses_it(host, sql, job):
    assert host.file("/etc/golive/backup.pgpass").content_string.strip().endswith(":golive_backup:another-password")
    sql("ALTER ROLE golive_backup PASSWORD 'another-password'")
    made = job("golive-backup@incr.service", "backup")
    assert made["ok"], made
    assert (made["kind"], made["point"]) == ("incr", f"golive-{made['label']}")


def test_earlier_backups_are_still_there(pgbackrest):
    assert pgbackrest("info").count("full backup") >= 1
