"""Nothing of the service is left; the containers belong to role app."""

from __future__ import annotations


def test_nothing_keeps_workers_any_more(host):
    assert host.run("systemctl is-active golive-workers").stdout.strip() == "inactive"
    for path in (
        "/etc/systemd/system/golive-workers.service",
        "/usr/local/lib/golive/workers",
        "/etc/golive/workers.json",
        "/var/lib/prometheus/node-exporter/golive_workers.prom",
    ):
        assert not host.file(path).exists
