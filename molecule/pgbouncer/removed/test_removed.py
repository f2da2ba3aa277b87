"""What is gone, and what stays."""

from __future__ import annotations


def test_the_pool_is_gone_and_the_server_is_not(host, sql):
    assert not host.exists("pgbouncer")
    assert not host.file("/etc/pgbouncer").exists
    assert sql(host, "SELECT 1") == "1"
