"""Nobody can log in any more, and no row is lost."""

from __future__ import annotations


def test_nobody_can_log_in(connect):
    for role in ("football_writer", "football_migrator"):
        assert not connect("app1", role, "SELECT 1").startswith("done")


def test_the_rows_stay(host):
    counted = host.check_output("su postgres -c \"psql -XAtd football -c 'SELECT count(*) FROM match'\"")
    assert int(counted) >= 1
