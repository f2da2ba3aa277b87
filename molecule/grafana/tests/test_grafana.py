"""Grafana as its readers meet it, after a reboot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

UNITS = ["grafana-server"]
DASHBOARDS = sorted((Path(__file__).parents[3] / "roles/grafana/files/dashboards").glob("*.json"))


def test_it_is_healthy_and_says_whether_it_is_a_double(api, grafana_is_real):
    status, told = api("/api/health", user="")
    assert (status, told["database"]) == (200, "ok")
    assert told["version"].endswith("-api-double") is not grafana_is_real


@pytest.mark.parametrize("path", ["/api/org", "/api/search", "/api/datasources/name/golive"])
@pytest.mark.parametrize(
    ("user", "password"),
    [("", ""), ("golive-admin", "wrong"), ("admin", "admin"), ("golive-reader", "wrong")],
    ids=["anonymous", "wrong", "default", "reader"],
)
def test_strangers_are_refused(api, path, user, password):
    assert api(path, user, password)[0] == 401


def test_the_reader_reads_and_does_no_more(api, secret):
    reader = ("golive-reader", secret("grafana_reader"))
    assert {found["uid"] for found in api("/api/search?type=dash-db", *reader)[1]} >= {"golive-golive", "golive-edge"}
    assert api("/api/org/users", *reader)[0] == 403


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_every_dashboard_is_the_one_of_its_file(api, file):
    wanted = json.loads(file.read_text(encoding="utf-8"))
    status, told = api(f"/api/dashboards/uid/{wanted['uid']}")
    assert status == 200
    assert told["meta"]["provisioned"]
    assert told["dashboard"]["title"] == wanted["title"]
    assert len(told["dashboard"]["panels"]) == len(wanted["panels"])


def test_the_applications_dashboard_is_there_too(api):
    assert api("/api/dashboards/uid/football-business")[1]["meta"]["folderTitle"] == "Application · 应用"


def test_the_data_source_is_prometheus_and_gives_data(api, address):
    _, source = api("/api/datasources/name/golive")
    assert (source["type"], source["url"], source["uid"]) == ("prometheus", f"http://{address('ops1')}:9090", "golive")
    status, told = api(f"/api/datasources/proxy/{source['id']}/api/v1/query?query=up")
    assert status == 200
    assert told["data"]["result"]


def test_it_listens_on_its_address_only_and_speaks_tls_only(host, fetch, address):
    listening = host.check_output("ss -Hltn").split()
    assert f"{address('ops1')}:3000" in listening
    assert "*:3000" not in listening
    assert fetch(host, f"http://{address('ops1')}:3000/api/health")["status"] in (0, 400)
    old = f"timeout 5 openssl s_client -connect {address('ops1')}:3000 -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null"
    assert "alert protocol version" in host.run(old).stderr


@pytest.mark.parametrize("line", ["cookie_secure = true", "cookie_samesite = strict", "allow_sign_up = false"])
def test_the_configuration_says_what_a_browser_needs(host, line):
    assert line in host.file("/etc/grafana/grafana.ini").content_string.splitlines()


@pytest.mark.parametrize("name", ["secrets/admin_password", "secrets/secret_key", "grafana.ini"])
def test_only_grafana_reads_its_files(host, name):
    file = host.file(f"/etc/grafana/{name}")
    assert (file.user, file.group, file.mode) == ("root", "grafana", 0o640)


def test_it_starts_with_the_host(host):
    assert host.service("grafana-server").is_running
    assert host.service("grafana-server").is_enabled


def test_the_unit_is_hardened(host):
    told = host.run("systemd-analyze security --threshold=20 --no-pager grafana-server.service")
    assert told.rc == 0, told.stdout.splitlines()[-1]  # exposure 2.0 at most


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
