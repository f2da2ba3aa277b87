"""What the second set of variables changes."""

from __future__ import annotations


def test_the_new_directory_is_roots_alone(host):
    assert (host.file("/srv/backups").user, host.file("/srv/backups").mode) == ("root", 0o700)


def test_older_backups_stay_where_they_are(host, dumps):
    assert len(dumps(host, "/var/backups/golive/football")) == 2


def test_the_new_password_is_written(host):
    assert host.file("/etc/golive/backup.pgpass").content_string.strip().endswith(":golive_backup:another-password")
