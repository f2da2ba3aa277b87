"""What the second set of variables changes."""

from __future__ import annotations

UNITS = ["grafana-server"]


def titles(api, *login: str) -> set[str]:
    return {found["uid"] for found in api("/api/search?type=dash-db", *login)[1]}


def test_the_other_archive_runs_with_the_same_accounts(api, grafana_is_real):
    version = api("/api/health", user="")[1]["version"]
    assert grafana_is_real or version == "12.0.0-api-double"
    assert api("/api/org")[0] == 200


def test_a_folder_of_a_team_is_read_by_the_team_alone(api, secret):
    operator = ("operator", secret("registry"))
    reader = ("golive-reader", secret("grafana_reader"))
    assert {"golive-edge", "golive-golive"} <= titles(api, *operator)
    assert "golive-golive" in titles(api, *reader)
    assert "golive-edge" not in titles(api, *reader)


def test_a_dashboard_that_is_not_named_any_more_is_gone(host):
    assert not host.file("/etc/grafana/dashboards/application/football-business.json").exists
    assert host.file("/etc/grafana/dashboards/application/golive-application.json").exists


def test_a_setting_of_the_site_is_there(host):
    assert "default_theme = light" in host.file("/etc/grafana/grafana.ini").content_string.splitlines()
