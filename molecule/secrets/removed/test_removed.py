"""What is gone, and what stays."""

from __future__ import annotations


def test_the_metrics_are_gone_and_the_store_is_not(host, state):
    assert not host.file("/var/lib/prometheus/node-exporter/golive_secrets.prom").exists
    assert (state / "secrets" / "db_migrator").exists()
