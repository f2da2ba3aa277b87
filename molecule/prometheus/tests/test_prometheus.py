"""Prometheus as its clients meet it, after a reboot."""

from __future__ import annotations

import pytest

UNITS = ["prometheus"]


def test_it_reads_the_targets_of_the_inventory(api, address, becomes):
    here = address("ops1")
    wanted = {("node", f"{here}:9100"), ("prometheus", f"{here}:9090"), ("alertmanager", f"{here}:9093")}

    def targets():
        found = api("targets")["activeTargets"]
        return {(target["labels"]["job"], target["discoveredLabels"]["__address__"]) for target in found}

    assert becomes(targets, wanted) == wanted


@pytest.mark.parametrize(("job", "wanted"), [("node", "1"), ("prometheus", "1"), ("alertmanager", "0")])
def test_what_runs_is_up_and_what_does_not_is_down(value, becomes, job, wanted):
    assert becomes(lambda: value(f'up{{job="{job}"}}'), wanted) == wanted


def test_every_rule_is_loaded_and_evaluated(api):
    every = [rule for group in api("rules")["groups"] for rule in group["rules"]]
    rules = [rule for rule in every if rule["type"] == "alerting"]
    assert {"golive:app_requests:rate", "golive_limit"} <= {rule["name"] for rule in every}
    assert {"HostDown", "TargetDown", "DatabaseDown", "AlertsNotDelivered"} <= {rule["name"] for rule in rules}
    assert {rule["labels"]["severity"] for rule in rules} == {"urgent", "important", "general"}
    assert [rule["name"] for rule in every if rule["health"] not in ("ok", "unknown")] == []


def test_a_rule_sees_what_is_down(value, becomes):
    assert becomes(lambda: value('ALERTS{alertname="TargetDown",job="alertmanager"}'), "1") == "1"


def test_alerts_go_to_alertmanager(api, address, becomes):
    wanted = [f"http://{address('ops1')}:9093/api/v2/alerts"]
    assert becomes(lambda: [found["url"] for found in api("alertmanagers")["activeAlertmanagers"]], wanted) == wanted


@pytest.mark.parametrize("name", ["prometheus.yml", "golive_rules.yml", "targets/inventory.json"])
def test_the_files_are_the_administrators(host, name):
    file = host.file(f"/etc/prometheus/{name}")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_it_starts_with_the_host_and_listens_on_its_address_only(host, address):
    assert host.service("prometheus").is_running
    assert host.service("prometheus").is_enabled
    listening = host.check_output("ss -Hltn").split()
    assert f"{address('ops1')}:9090" in listening
    assert "*:9090" not in listening


def test_what_the_next_converge_must_keep_is_noted(host):
    host.check_output("systemctl show -p MainPID --value prometheus >/root/pid")
