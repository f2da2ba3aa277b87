"""What is gone, and what stays."""

from __future__ import annotations


def test_the_server_is_gone_and_its_metrics_are_not(host):
    assert not host.exists("prometheus")
    assert not host.file("/etc/prometheus/golive_rules.yml").exists
    assert host.file("/var/lib/prometheus/metrics2").is_directory
