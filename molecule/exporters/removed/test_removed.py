"""What is gone, and what stays."""

from __future__ import annotations


def test_exporters_and_passwords_are_gone(host):
    assert not host.exists("prometheus-postgres-exporter")
    assert host.run("ls /etc/default/*.password*").rc != 0
    assert host.run("ls -d /etc/systemd/system/prometheus-*.d").rc != 0


def test_what_they_watched_goes_on(host):
    assert host.service("postgresql").is_running
    assert host.service("redis-server").is_running
