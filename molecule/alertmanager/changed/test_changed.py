"""What the second set of variables changes, by a reload."""

from __future__ import annotations

UNITS = ["prometheus-alertmanager"]


def test_severities_reach_their_receivers(send, receiver):
    send(alertname="OutOfStock", severity="general")
    assert receiver("/product", "OutOfStock")["receiver"] == "product"
    send(alertname="Slow", severity="important")
    assert receiver("/team", "Slow")["receiver"] == "team"


def test_nothing_was_restarted(host):
    assert host.check_output("systemctl show -p MainPID --value prometheus-alertmanager") == host.check_output(
        "cat /root/pid"
    )
