"""An alert on its whole way: Prometheus, Alertmanager, relay, receivers; after a reboot."""

from __future__ import annotations

import json
import time

import pytest

UNITS = ["golive-relay", "prometheus-alertmanager"]
ALL = [
    {"name": "mail", "kind": "email"},
    {"name": "hook", "kind": "webhook"},
    {"name": "dingtalk", "kind": "dingtalk"},
    {"name": "feishu", "kind": "feishu"},
    {"name": "wecom", "kind": "wecom_robot"},
]


@pytest.fixture(scope="module", autouse=True)
def prometheus_is_up(host, address) -> None:
    """The host was just started: wait until Prometheus reads the relay."""
    until = time.monotonic() + 60
    asked = f"http://{address('ops1')}:9090/api/v1/query?query=up%7Bjob%3D%22relay%22%7D%3D%3D1"
    ask = f"import urllib.request as u; print(u.urlopen('{asked}').read().decode())"
    while '"value"' not in host.run(f'python3 -c "{ask}"').stdout and time.monotonic() < until:
        time.sleep(1)


def test_a_synthetic_alert_reaches_every_receiver_and_is_timed(probe, sink):
    measured = probe(*ALL)
    assert (measured["failures"], measured["invalid"]) == (0, ""), measured["observed"]
    assert measured["value"] < 15
    assert "Subject: [general] GoliveProbe: firing" in sink("mail")[-1]["mail"]
    assert sink("hook")[-1]["body"]["alerts"][0]["labels"]["alertname"] == "GoliveProbe"
    assert "timestamp=" in sink("dingtalk")[-1]["path"]
    assert "sign=" in sink("dingtalk")[-1]["path"]
    assert sink("feishu")[-1]["body"]["sign"]
    assert "[一般] GoliveProbe" in sink("feishu")[-1]["body"]["content"]["text"]
    assert "GoliveProbe" in sink("wecom")[-1]["body"]["markdown"]["content"]


@pytest.mark.parametrize(("name", "says"), [("dingtalk", "sign not match"), ("mail", "tries by email failed")])
@pytest.mark.usefixtures("sink")
def test_a_receiver_that_refuses_turns_it_red(host, probe, name, says):
    host.check_output(f"touch /run/refuse-{name}")
    measured = probe(*ALL)
    host.check_output(f"rm /run/refuse-{name}")
    assert measured["failures"] == 1, measured["observed"]
    assert says in measured["observed"]
    assert name in measured["observed"]


def test_what_was_refused_is_told_when_it_is_taken_again(host, sink):
    known = len(sink("dingtalk"))
    host.check_output("touch /run/refuse-dingtalk")
    _post(host, "dingtalk", "Refused")
    time.sleep(1)
    host.check_output("systemctl restart golive-relay")  # what it has taken is on disk
    host.check_output("rm /run/refuse-dingtalk")
    until = time.monotonic() + 20
    while len(sink("dingtalk")) == known and time.monotonic() < until:
        time.sleep(0.5)
    assert "Refused" in json.dumps(sink("dingtalk")[known:])


def test_without_receivers_there_is_no_evidence(probe):
    assert "nobody is told" in probe()["invalid"]


def test_tokens_are_in_no_journal_no_argument_and_no_file_for_all(host):
    file = host.file("/etc/prometheus/golive_relay.json")
    assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)
    assert host.run("journalctl --no-pager | grep -c [T]0KEN").stdout.strip() == "0"
    assert host.run("grep -l [T]0KEN /proc/[0-9]*/cmdline /proc/[0-9]*/environ").stdout == ""
    assert host.run("grep -rl [T]0KEN /var/lib/golive-relay").stdout == ""
    assert host.file("/var/lib/golive-relay").mode == 0o700


def test_it_starts_with_the_host_and_listens_on_loopback_only(host):
    assert host.service("golive-relay").is_enabled
    listening = host.check_output("ss -Hltn").split()
    assert "127.0.0.1:9096" in listening
    assert not [place for place in listening if place.endswith(":9096") and not place.startswith("127.")]


def _post(host, name: str, alert: str) -> None:
    labels = {"alertname": alert, "severity": "urgent"}
    row = {"status": "firing", "fingerprint": alert, "startsAt": "t", "labels": labels, "annotations": {}}
    body = json.dumps({"groupKey": alert, "groupLabels": labels, "commonLabels": labels, "alerts": [row]})
    code = f"import urllib.request as u; u.urlopen('http://127.0.0.1:9096/alerts/{name}', {body.encode()!r})"
    host.check_output(f"python3 -c {json.dumps(code)}" if '"' not in code else "python3 - <<'X'\n" + code + "\nX")
