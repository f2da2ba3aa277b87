"""What the second set of variables changes, by a reload."""

from __future__ import annotations

UNITS = ["prometheus-alertmanager"]


def test_teams_and_severities_reach_their_receivers(send, receiver):
    send(alertname="OutOfStock", severity="general", owner="product")
    assert receiver("/product", "OutOfStock")["receiver"] == "product"
    send(alertname="Slow", severity="important")
    assert receiver("/team", "Slow")["receiver"] == "team"


def test_an_alert_of_a_team_goes_to_whoever_is_told_of_all_teams_too(send, receiver):
    send(alertname="Sold", severity="urgent", owner="product")
    assert receiver("/product", "Sold")
    assert receiver("/team", "Sold")


def test_the_alert_that_always_fires_goes_its_own_way(send, receiver):
    send(alertname="Watchdog", severity="general")
    assert receiver("/watchdog", "Watchdog")["receiver"] == "golive-watchdog"


def test_nothing_was_restarted(host):
    assert host.check_output("systemctl show -p MainPID --value prometheus-alertmanager") == host.check_output(
        "cat /root/pid"
    )
