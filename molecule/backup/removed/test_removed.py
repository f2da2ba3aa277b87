"""What is gone, and what stays."""

from __future__ import annotations


def test_the_password_is_gone_and_the_backups_are_not(host, dumps):
    assert not host.file("/etc/golive/backup.pgpass").exists
    assert len(dumps(host, "/var/backups/golive/football")) == 2
