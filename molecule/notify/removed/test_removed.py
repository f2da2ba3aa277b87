"""What is gone."""

from __future__ import annotations


def test_the_relay_and_its_tokens_are_gone(host):
    for path in ("/etc/prometheus/golive_relay.json", "/usr/local/lib/golive-relay.pyz", "/var/lib/golive-relay"):
        assert not host.file(path).exists
    assert "golive-relay" not in host.check_output("systemctl list-units --all --plain")
