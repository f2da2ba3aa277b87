"""What the second set of variables changes."""

from __future__ import annotations

UNITS = ["prometheus-node-exporter"]


def test_the_new_collector_gives_figures(host, fetch, address):
    said = fetch(host, f"http://{address('data1')}:9100/metrics")["body"]
    assert 'node_systemd_unit_state{name="postgresql.service"' in said
