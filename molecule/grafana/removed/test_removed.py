"""What is gone, and what stays."""

from __future__ import annotations


def test_grafana_is_gone_and_its_database_is_not(host):
    assert not host.service("grafana-server").is_running
    for path in ("/etc/systemd/system/grafana-server.service", "/etc/grafana", "/opt/grafana"):
        assert not host.file(path).exists
    data = host.file("/var/lib/grafana")
    assert data.is_directory
    assert (data.user, data.mode) == ("grafana", 0o750)
    assert host.file("/var/lib/grafana").listdir()
