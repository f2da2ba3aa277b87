"""Alertmanager's configuration: who is told of what, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from golive_core import alertmanager

DEFAULTS = yaml.safe_load((Path(__file__).parents[2] / "roles/alertmanager/defaults/main.yml").read_text("utf-8"))
DING: dict[str, Any] = {"name": "ding", "kind": "dingtalk", "url": "https://x.test/send?access_token=T0KEN"}
MAIL: dict[str, Any] = {
    "name": "mail", "kind": "email", "server": "mail.test:587", "from": "golive@x.test", "to": ["a@x.test", "b@x.test"],
}  # fmt: skip


def made(*receivers: dict[str, Any], watchdog: str = "") -> dict[str, Any]:
    return alertmanager.configuration(
        receivers,
        DEFAULTS["alertmanager_routes"],
        relay="http://127.0.0.1:9096",
        group_by=DEFAULTS["alertmanager_group_by"],
        inhibit=DEFAULTS["alertmanager_inhibit_rules"],
        hours=DEFAULTS["alertmanager_business_hours"],
        watchdog=watchdog,
        settings={},
    )


def contact(config: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [receiver for receiver in config["receivers"] if receiver["name"] == name]
    return found


def routes(config: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [route for route in config["route"]["routes"] if route["receiver"] == name]


def test_a_receiver_hears_of_every_severity_unless_it_says_otherwise() -> None:
    assert [route["matchers"][0] for route in routes(made(DING), "ding")] == [
        'severity="urgent"', 'severity="important"', 'severity=~"general|"',
    ]  # fmt: skip
    only = routes(made({**DING, "severities": ["urgent"], "owners": ["technical", "product"]}), "ding")
    assert [route["matchers"] for route in only] == [['severity="urgent"', 'owner=~"technical|product"']]


def test_an_alert_goes_to_every_receiver_that_wants_it() -> None:
    assert all(route["continue"] for name in ("ding", "mail") for route in routes(made(DING, MAIL), name))


def test_who_wants_no_alerts_has_no_token_in_the_configuration() -> None:
    config = made({**MAIL, "events": ["verdict"]})
    assert [receiver["name"] for receiver in config["receivers"]] == [alertmanager.NOBODY, alertmanager.PROBE]
    assert routes(config, "mail") == []


def test_what_alertmanager_does_not_speak_goes_through_the_relay_without_its_token() -> None:
    config = made(DING)
    assert contact(config, "ding") == {
        "name": "ding", "webhook_configs": [{"url": "http://127.0.0.1:9096/alerts/ding", "send_resolved": True}],
    }  # fmt: skip
    assert "T0KEN" not in str(config)


def test_the_synthetic_alert_comes_first_and_goes_to_all_but_those_that_say_otherwise() -> None:
    config = made(DING, MAIL, {**DING, "name": "quiet", "probe": False})
    first = config["route"]["routes"][0]
    assert (first["receiver"], first["group_wait"]) == (alertmanager.PROBE, "0s")
    assert "continue" not in first  # or each receiver would hear of it twice
    probe = contact(config, alertmanager.PROBE)
    assert [row["url"].rpartition("/")[2] for row in probe["webhook_configs"]] == ["probe", "ding"]
    assert len(probe["email_configs"]) == 1
    assert {row["send_resolved"] for rows in probe.values() if isinstance(rows, list) for row in rows} == {False}


@pytest.mark.parametrize(("url", "receiver"), [("", "nobody"), ("https://dead.test/T0KEN", "golive-watchdog")])
def test_the_alert_that_always_fires_goes_to_the_watchdog_alone(url: str, receiver: str) -> None:
    config = made(DING, watchdog=url)
    (route,) = [route for route in config["route"]["routes"] if 'alertname="Watchdog"' in route["matchers"]]
    assert (route["receiver"], route.get("continue", False)) == (receiver, False)


def test_a_severity_may_wait_for_business_hours() -> None:
    assert "time_intervals" not in made(DING)
    slow = {**DEFAULTS["alertmanager_routes"]}
    slow["general"] = {**slow["general"], "hours": "business"}
    config = alertmanager.configuration(
        [DING], slow, relay="r", group_by=[], inhibit=[], hours=[{"weekdays": ["monday"]}], watchdog="", settings={}
    )
    waits = [route.get("active_time_intervals") for route in routes(config, "ding")]
    assert waits == [None, None, [alertmanager.HOURS]]
    assert config["time_intervals"] == [{"name": alertmanager.HOURS, "time_intervals": [{"weekdays": ["monday"]}]}]


def test_mail_is_encrypted_unless_it_says_otherwise_and_logs_in_when_it_has_an_account() -> None:
    (mail,) = contact(made(MAIL), "mail")["email_configs"]
    assert (mail["to"], mail["smarthost"], mail["require_tls"]) == ("a@x.test, b@x.test", "mail.test:587", True)
    assert not {"auth_username", "tls_config"} & set(mail)
    (mail,) = contact(made({**MAIL, "tls": False, "user": "u", "password": "p", "ca_file": "/ca.crt"}), "mail")[
        "email_configs"
    ]
    assert (mail["require_tls"], mail["auth_username"], mail["auth_password"]) == (False, "u", "p")
    assert mail["tls_config"] == {"ca_file": "/ca.crt"}


@pytest.mark.parametrize(
    ("receiver", "key", "holds"),
    [
        (
            {"kind": "webhook", "url": "https://h.test/", "bearer": "b", "ca_file": "/ca.crt"},
            "webhook_configs",
            {
                "url": "https://h.test/",
                "http_config": {
                    "tls_config": {"ca_file": "/ca.crt"},
                    "authorization": {"type": "Bearer", "credentials": "b"},
                },
            },
        ),
        ({"kind": "slack", "url": "https://s.test/T0KEN"}, "slack_configs", {"api_url": "https://s.test/T0KEN"}),
        (
            {"kind": "wecom_app", "corp_id": "c", "agent_id": 7, "secret": "s"},
            "wechat_configs",
            {"agent_id": "7", "to_user": "@all", "api_url": "https://qyapi.weixin.qq.com/cgi-bin/"},
        ),
        ({"kind": "alertmanager", "config": {"pagerduty_configs": [{"a": 1}]}}, "pagerduty_configs", {"a": 1}),
    ],
)
def test_each_kind_has_alertmanagers_form(receiver: dict[str, Any], key: str, holds: dict[str, Any]) -> None:
    (config,) = contact(made({"name": "x", **receiver}), "x")[key]
    assert holds.items() <= config.items()
