"""Alertmanager as Prometheus and the team meet it, after a reboot."""

from __future__ import annotations

UNITS = ["prometheus-alertmanager"]


def test_an_alert_reaches_the_team(send, receiver):
    send(alertname="Synthetic", host="app1")
    message = receiver("/token-of-the-team", "Synthetic")
    assert message["status"] == "firing"
    assert message["alerts"][0]["annotations"] == {"summary": "what to do"}


def test_a_host_that_is_down_explains_the_rest(send, receiver):
    send(alertname="HostDown", host="app1")
    assert receiver("/token-of-the-team", "HostDown")
    send(alertname="DiskFull", host="app1")
    send(alertname="DiskFull", host="app2")
    message = receiver("/token-of-the-team", "DiskFull")
    assert [alert["labels"]["host"] for alert in message["alerts"]] == ["app2"]


def test_what_a_go_live_explains_is_kept_quiet_and_nothing_else(module, address, send, receiver):
    how = {"url": f"http://{address('ops1')}:9093", "host": "ops1", "app": "shop", "run": "run-1"}
    rules = [{"name": "TargetDown", "explained_by_golive": {"job": "app"}}, {"name": "HostDown"}]
    begun = module("ops1", "golive_silence", rules=rules, seconds=300, **how)
    assert [one["alert"] for one in begun["silences"]] == ["TargetDown"], begun["note"]
    send(alertname="TargetDown", host="app7", job="app")
    send(alertname="TargetDown", host="app7", job="redis")
    send(alertname="HostDown", host="app8")
    assert receiver("/token-of-the-team", "HostDown", host="app8"), "an alert that no go-live explains stays away"
    message = receiver("/token-of-the-team", "TargetDown", job="redis")
    assert [alert["labels"]["job"] for alert in message["alerts"]] == ["redis"]
    ended = module("ops1", "golive_silence", state="absent", **how)
    assert ended["silences"] == [one["id"] for one in begun["silences"]]
    assert receiver("/token-of-the-team", "TargetDown", job="app"), "it is still down, and nobody is told"


def test_only_alertmanager_reads_its_receivers(host):
    file = host.file("/etc/prometheus/alertmanager.yml")
    assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)
    assert host.run("su nobody -s /bin/sh -c 'cat /etc/prometheus/alertmanager.yml'").rc != 0


def test_the_token_is_in_no_journal_and_no_argument(host):
    assert "token-of-the-team" not in host.check_output("journalctl --no-pager -u prometheus-alertmanager")
    assert host.run("grep -l [t]oken-of-the-team /proc/[0-9]*/cmdline").stdout == ""


def test_it_starts_with_the_host_and_listens_on_its_address_only(host, address):
    assert host.service("prometheus-alertmanager").is_running
    assert host.service("prometheus-alertmanager").is_enabled
    listening = host.check_output("ss -Hltn").split()
    assert f"{address('ops1')}:9093" in listening
    assert not {"*:9093", "*:9094"} & set(listening)


def test_what_the_next_converge_must_keep_is_noted(host):
    host.check_output("systemctl show -p MainPID --value prometheus-alertmanager >/root/pid")
