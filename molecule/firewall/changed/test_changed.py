"""What the second set of variables changes, and that rules which nobody confirms do not last."""

from __future__ import annotations

import time

UNITS = ["golive-firewall", "golive-firewall-trial"]


def test_the_sites_own_services_are_open_and_what_is_no_longer_one_is_closed(opened):
    assert opened("app1") == {
        "edge1": {8001, 8003, 9100},
        "data1": set(),
        "desk1": {8002},
        "controller": {22},
    }
    assert opened("data1") == {
        "app1": {5432},
        "edge1": {5432, 9100, 9187},
        "desk1": {7000},
        "controller": {22},
    }


def test_what_is_refused_is_logged_at_a_limit(host, rules):
    assert 'limit rate 10/minute burst 5 packets log prefix "golive refused: "\n' in rules(host)


def test_rules_that_are_not_confirmed_come_back(on, reach, rules):
    data1 = on("data1")
    confirmed = rules(data1)
    sed = "sed 's/5432/5433/' /etc/golive/firewall/rules.nft > /etc/golive/firewall/trial.nft"
    data1.check_output(f"{sed} && systemctl start golive-firewall-trial")
    assert reach("app1", "data1", [5432]) == {5432: "filtered"}
    assert rules(data1) != confirmed

    until = time.monotonic() + 60
    while rules(data1) != confirmed and time.monotonic() < until:
        time.sleep(0.5)
    assert rules(data1) == confirmed
    assert reach("app1", "data1", [5432]) == {5432: "open"}
    assert not data1.file("/etc/golive/firewall/trial.nft").exists
    assert data1.check_output("systemctl is-failed golive-firewall-trial || true") == "inactive"


def test_rules_that_do_not_load_change_nothing(on, rules):
    data1 = on("data1")
    confirmed = rules(data1)
    data1.check_output("echo nonsense > /etc/golive/firewall/trial.nft")
    assert data1.run("systemctl start golive-firewall-trial").rc != 0
    assert rules(data1) == confirmed
    assert not data1.file("/etc/golive/firewall/trial.nft").exists
    data1.check_output("systemctl reset-failed golive-firewall-trial")
