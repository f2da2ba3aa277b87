"""Messages say what matters, in the form that each receiver takes, and an answer that refuses is no yes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.parse
from typing import Any

import pytest
from golive_core import notify, record
from golive_core.notify import Message, of_alerts, of_freeze, of_run, post, refusals, refused, wants

GATE = {
    "gate": "release.health", "verdict": "FAIL", "host": "app2", "title": {"en": "Health", "zh": "健康检查"},
    "message": "503 in 5 of 5 tries (wanted 200)", "remedy": "Look.", "waived": None,
}  # fmt: skip
RUN = {
    "id": "20261128T040000Z-1.1.0",
    "app": "football",
    "release": "1.1.0",
    "kind": "golive",
    "who": "ada",
    "where": "desk",
}
NEWS = Message("x", "verdict", "urgent", {"en": "It broke", "zh": "出错"}, ["a", {"en": "b", "zh": "乙"}], "http://r")
ROBOT = {"name": "r", "kind": "dingtalk", "url": "https://robot.example/send?access_token=t"}


def told(*rows: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    last, events = None, []
    for kind, data in [("run.started", RUN), *rows]:
        last = record.chained(kind, data, last, "2026-11-28T04:00:00.000Z")
        events.append(last)
    return record.tell(events)


def alert(name: str = "HostDown", status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status, "fingerprint": f"{name}{labels}", "startsAt": "2026-11-28T04:00:00Z",
        "labels": {"alertname": name, "severity": "urgent", **labels},
        "annotations": {"summary": "It is down.", "summary_zh": "主机无响应。", "runbook_url": "http://r/hosts.md#hostdown"},
    }  # fmt: skip


def group(*alerts: dict[str, Any]) -> dict[str, Any]:
    labels = {"alertname": alerts[0]["labels"]["alertname"]}
    return {
        "groupKey": "{}:{}", "status": "firing", "groupLabels": labels, "commonLabels": labels,
        "externalURL": "http://a", "alerts": list(alerts),
    }  # fmt: skip


# --- messages


def test_a_start_says_what_by_whom_and_where_the_record_is():
    message = of_run("start", told(("run.fact", {"previous": "1.0.0"})), "https://records/x")
    assert (message.event, message.severity) == ("start", "general")
    assert notify.subject(message, "en") == "[general] football 1.1.0: the go-live begins"
    assert notify.subject(message, "zh") == "[一般] football 1.1.0：开始上线"
    said = notify.plain(message, "en")
    assert "ada on desk" in said
    assert "1.0.0" in said
    assert "https://records/x" in said


@pytest.mark.parametrize(
    ("rows", "event", "severity", "verdict"),
    [
        ([], "verdict", "important", "NOT LIVE"),
        ([("switch", {"before": "1.0.0", "after": "1.1.0"})], "verdict", "urgent", "UNPROVEN"),
        (
            [
                ("switch", {"before": "1.0.0", "after": "1.1.0"}),
                ("flip_back", {"before": "1.1.0", "after": "1.0.0"}),
            ],
            "rollback", "urgent", "ROLLED BACK",
        ),
        (
            [(f"phase.{'completed'}", {"phase": phase}) for phase in record.PHASES]
            + [("switch", {"before": "1.0.0", "after": "1.1.0"})],
            "verdict", "general", "LIVE",
        ),
    ],
)  # fmt: skip
def test_the_end_is_as_urgent_as_it_is_bad(rows, event, severity, verdict):
    message = of_run("verdict", told(*rows))
    assert (message.event, message.severity, message.facts["verdict"]) == (event, severity, verdict)


@pytest.mark.parametrize(("language", "title"), [("en", "Health"), ("zh", "健康检查")])
def test_a_verdict_names_the_gates_that_failed_with_what_was_measured(language, title):
    failed = {"phase": "release", "host": "app1", "message": "no room"}
    message = of_run("verdict", told(("gate", GATE), ("phase.failed", failed)))
    said = notify.plain(message, language)
    assert f"release.health FAIL (app2, {title}): 503 in 5 of 5 tries (wanted 200)" in said
    assert "release (app1): no room" in said
    assert message.facts["failed"] == ["release.health"]


def test_many_failed_gates_are_counted():
    message = of_run("verdict", told(*[("gate", {**GATE, "host": f"app{n}"}) for n in range(11)]))
    assert "and 3 more" in notify.plain(message, "en")


def test_a_rollback_that_begins_is_news_of_rollbacks():
    assert of_run("start", {**told(), "run": {**RUN, "kind": "rollback"}}).event == "rollback"


def test_a_freeze_says_who_why_and_until_when():
    message = of_freeze("football", "on", "ada", "match day", "2026-12-01")
    assert "match day" in notify.plain(message, "en")
    assert "2026-12-01" in notify.plain(message, "zh")


@pytest.mark.parametrize(
    ("language", "head", "line"),
    [
        ("en", "[urgent] HostDown: 1 firing", "firing: It is down."),
        ("zh", "[紧急] HostDown：1 项告警", "告警: 主机无响应。"),
    ],
)
def test_alerts_say_how_bad_what_and_what_to_do(language, head, line):
    message = of_alerts(group(alert(host="app1"), alert(status="resolved", host="app2")))
    assert notify.subject(message, language) == head
    assert line in notify.plain(message, language)
    assert notify.plain(message, language).count("hosts.md#hostdown") == 1


def test_an_alert_that_is_over_says_so():
    assert "resolved" in notify.subject(of_alerts(group(alert(status="resolved"))), "en")


def test_the_same_alerts_are_the_same_news_and_others_are_not():
    one = of_alerts(group(alert(host="a"), alert(host="b")))
    assert one.id == of_alerts(group(alert(host="b"), alert(host="a"))).id
    assert one.id != of_alerts(group(alert(host="a"))).id
    assert one.id != of_alerts(group(alert(host="a"), alert(status="resolved", host="b"))).id


def test_the_worst_severity_of_a_group_counts():
    mild = alert()
    mild["labels"]["severity"] = "general"
    assert of_alerts(group(mild, alert())).severity == "urgent"


def test_a_synthetic_alert_is_known_by_its_id():
    assert of_alerts(group(alert(notify.PROBE, probe="p1"))).facts["probes"] == ["p1"]


def test_what_a_person_says_goes_to_every_receiver_in_that_persons_words():
    message = notify.of_said("football", "ada", "desk", "back to 1.3.0")
    assert wants({"name": "x", "kind": "slack", "events": ["start"], "severities": ["urgent"]}, message)
    assert notify.subject(message, "en") == "[general] football: back to 1.3.0"
    assert notify.plain(message, "zh") == "执行人：ada，控制机：desk"
    assert message.id != notify.of_said("football", "ada", "desk", "again").id


@pytest.mark.parametrize("payload", [{}, {"alerts": 3}, {"alerts": [{}], "commonLabels": {}, "groupLabels": {}}])
def test_what_alertmanager_does_not_post_is_refused(payload):
    with pytest.raises(ValueError, match="not what Alertmanager posts"):
        of_alerts(payload)


# --- who


@pytest.mark.parametrize(
    ("receiver", "wanted"),
    [
        ({}, True),
        ({"events": ["start"]}, False),
        ({"events": ["verdict"], "severities": ["urgent"]}, True),
        ({"severities": ["general"]}, False),
        ({"owners": ["operations"]}, True),
        ({"kind": "alertmanager"}, False),
    ],
)
def test_a_receiver_hears_what_it_wants(receiver, wanted):
    assert wants({"name": "x", "kind": "slack", **receiver}, NEWS) is wanted


def test_an_alert_of_another_team_is_not_for_it():
    news = Message("x", "alert", "urgent", "s", owner="product")
    assert not wants({"name": "x", "kind": "slack", "owners": ["technical"]}, news)
    assert wants({"name": "x", "kind": "slack", "owners": ["product"]}, news)


def test_everyone_gets_a_test():
    assert wants({"name": "x", "kind": "slack", "events": ["start"], "severities": ["urgent"]}, notify.of_test("desk"))


@pytest.mark.parametrize(
    ("receiver", "says"),
    [
        ({"name": "x", "kind": "pigeon"}, "receiver x of golive_receivers is of kind pigeon"),
        ({"name": "x", "kind": "email", "server": "m:25"}, "email, has no from and no to"),
        ({"name": "x", "kind": "email", "server": "m", "from": "a", "to": ["b"]}, "wanted HOST:PORT"),
        ({"name": "x", "kind": "slack", "url": "ftp://h/secret"}, "none of http or https"),
        ({"name": "x", "kind": "slack", "url": "https://h", "events": ["tea"]}, "has events tea, known are start"),
    ],
)
def test_a_wrong_receiver_is_refused_without_its_secret(receiver, says):
    (said,) = refusals([receiver])
    assert says in said
    assert "secret" not in said


def test_a_name_may_not_stand_twice():
    assert refusals([{"name": "x", "kind": "file"}] * 2) == ["golive_receivers has x twice"]


# --- forms


def test_dingtalk_is_signed_as_its_documentation_says():
    request = post({**ROBOT, "secret": "SEC1"}, NEWS, "en", 1_700_000_000.5)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query))
    digest = hmac.new(b"SEC1", b"1700000000500\nSEC1", hashlib.sha256).digest()
    assert query == {"access_token": "t", "timestamp": "1700000000500", "sign": base64.b64encode(digest).decode()}
    assert request.body["markdown"]["title"] == "[urgent] It broke"


def test_feishu_is_signed_as_its_documentation_says():
    request = post(
        {"name": "f", "kind": "feishu", "url": "https://f/hook/t", "secret": "s"}, NEWS, "zh", 1_700_000_000.9
    )
    digest = hmac.new(b"1700000000\ns", b"", hashlib.sha256).digest()
    assert request.body["timestamp"] == "1700000000"
    assert request.body["sign"] == base64.b64encode(digest).decode()
    assert request.body["content"]["text"] == "[紧急] 出错\na\n乙"


def test_a_robot_without_a_secret_is_not_signed():
    assert post(ROBOT, NEWS, "en", 0).url == ROBOT["url"]
    assert "sign" not in post({"name": "f", "kind": "feishu", "url": "https://f"}, NEWS, "en", 0).body


def test_a_wecom_app_gets_its_token_and_the_number_of_the_app():
    app = {
        "name": "w",
        "kind": "wecom_app",
        "corp_id": "c",
        "secret": "s&1",
        "agent_id": "7",
        "api_url": "http://w/api/",
    }
    assert notify.token_url(app) == "http://w/api/gettoken?corpid=c&corpsecret=s%261"
    request = post(app, NEWS, "en", 0, token="t/1")
    assert request.url == "http://w/api/message/send?access_token=t%2F1"
    assert request.body["agentid"] == 7
    assert request.body["touser"] == "@all"


@pytest.mark.parametrize(("kind", "room"), [("wecom_robot", 4096), ("feishu", 18_000)])
def test_a_long_message_is_cut_to_what_the_vendor_takes(kind, room):
    long = Message("x", "verdict", "urgent", "s", ["字" * 10_000])
    request = post({"name": "x", "kind": kind, "url": "https://x"}, long, "zh", 0)
    text = request.body["markdown"]["content"] if kind == "wecom_robot" else request.body["content"]["text"]
    assert room - 4 < len(text.encode()) <= room
    assert text.endswith("…")


def test_a_webhook_gets_facts_and_its_token():
    news = of_run("verdict", told(("gate", GATE)))
    request = post({"name": "h", "kind": "webhook", "url": "https://h", "bearer": "b"}, news, "en", 0)
    assert request.headers == {"Authorization": "Bearer b"}
    assert request.body["verdict"] == "NOT LIVE"
    assert request.body["failed"] == ["release.health"]


def test_mail_about_the_same_news_has_the_same_id():
    receiver = {"name": "m", "kind": "email", "server": "m:25", "from": "g@x.test", "to": ["a@x.test", "b@x.test"]}
    one, two = notify.mail(receiver, NEWS, "both", 0), notify.mail(receiver, NEWS, "both", 99)
    assert one["Message-ID"] == two["Message-ID"]
    assert one["To"] == "a@x.test, b@x.test"
    assert str(one["Subject"]) == "[urgent / 紧急] It broke / 出错"
    assert one.get_content() == "a\nb / 乙\n"


@pytest.mark.parametrize(
    ("kind", "status", "body", "says"),
    [
        ("slack", 200, b"ok", ""),
        ("webhook", 204, b"", ""),
        ("webhook", 302, b"", "answered 302"),
        ("slack", 403, b"invalid_token", "answered 403"),
        ("dingtalk", 200, b'{"errcode":0,"errmsg":"ok"}', ""),
        ("dingtalk", 200, b'{"errcode":310000,"errmsg":"sign not match"}', "answered code 310000: sign not match"),
        ("wecom_robot", 200, b'{"errcode":93000,"errmsg":"invalid webhook url"}', "answered code 93000"),
        ("feishu", 200, b'{"code":19021,"msg":"sign match fail"}', "answered code 19021: sign match fail"),
        ("feishu", 200, b'{"StatusCode":0,"StatusMessage":"success"}', ""),
        ("feishu", 200, b"<html>", "without the code"),
    ],
)
def test_an_answer_that_refuses_is_told_from_one_that_takes(kind, status, body, says):
    said = refused(kind, status, body)
    assert said == "" if says == "" else says in said


def test_a_message_survives_the_spool():
    assert Message.of(json.loads(json.dumps(NEWS.as_dict()))) == NEWS
