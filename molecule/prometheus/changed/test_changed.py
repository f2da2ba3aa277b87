"""What the second set of variables changes, by a reload."""

from __future__ import annotations

UNITS = ["prometheus"]


def test_the_new_configuration_is_in_force(api):
    said = api("status/config")["yaml"]
    assert "scrape_interval: 2s" in said
    assert "metrics_path: /figures" in said


def test_the_applications_rule_speaks_chinese(api):
    rules = {rule["name"]: rule for group in api("rules")["groups"] for rule in group["rules"]}
    assert rules["QuotaLow"]["annotations"]["summary"] == "仅剩 {{ $value | humanize }}。请补充。"


def test_nothing_was_restarted(host):
    assert host.check_output("systemctl show -p MainPID --value prometheus") == host.check_output("cat /root/pid")
