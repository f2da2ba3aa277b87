"""What is gone."""

from __future__ import annotations


def test_server_and_receivers_are_gone(host):
    assert not host.exists("prometheus-alertmanager")
    assert not host.file("/etc/prometheus/alertmanager.yml").exists
