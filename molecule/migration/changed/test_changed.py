"""What the next release's migration adds."""

from __future__ import annotations


def test_only_the_new_revision_ran(sql):
    assert sql("SELECT revision FROM run ORDER BY at") == "0001\n0002"
    assert sql("SELECT stadium IS NULL FROM match") == "t"


def test_its_secret_is_for_the_new_user(host):
    file = host.file("/opt/golive/football/migration/database")
    assert (file.uid, file.gid, file.mode) == (10002, 10003, 0o400)
