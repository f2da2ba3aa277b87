"""What is gone, and what stays; and what the migration that failed left behind: nothing."""

from __future__ import annotations


def test_the_secrets_are_gone_and_the_data_is_not(host, sql):
    assert not host.file("/opt/golive/football/migration").exists
    assert sql("SELECT name FROM match") == "first"


def test_the_migration_that_failed_changed_nothing(sql):
    assert sql("SELECT count(*) FROM run WHERE revision IN ('0003', '0004')") == "0"
    assert sql("SELECT count(*) FROM match") == "1"
