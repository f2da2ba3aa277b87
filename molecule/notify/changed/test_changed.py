"""What the second set of variables changes."""

from __future__ import annotations

import json

UNITS = ["golive-relay"]


def test_the_relay_knows_the_new_token_and_forgot_who_is_gone(host):
    known = json.loads(host.file("/etc/prometheus/golive_relay.json").content_string)
    assert [receiver["name"] for receiver in known["receivers"]] == ["dingtalk", "wecom"]
    assert known["receivers"][0]["url"].endswith("T0KEN-new")
    assert "for dingtalk, wecom" in host.check_output("journalctl --no-pager -u golive-relay --lines 5")
