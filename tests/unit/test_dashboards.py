"""Dashboards load in Grafana 7.5 and newer, and what they ask for is what the gate asks for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from golive_core.dashboards import asked, queries, tagged

from golive.dashboards import ANNOTATIONS, CATALOGUES, LIMIT, dashboard, pages
from golive.lab import ROOT

FILES = {path: json.loads(text) for path, text in pages().items()}
every = pytest.mark.parametrize("made", FILES.values(), ids=lambda made: str(made["uid"]))
LIMITS = yaml.safe_load((ROOT / "roles/golive/defaults/main.yml").read_text("utf-8"))["golive_limits"]
FOLDERS = yaml.safe_load((ROOT / "roles/grafana/defaults/main.yml").read_text("utf-8"))["grafana_folders"]
KNOWN = {"graph", "stat", "table"}  # types of panels that Grafana 7.5 has
ENTRY: dict[str, Any] = {
    "uid": "tea",
    "title": {"en": "Tea", "zh": "茶"},
    "folder": "golive",
    "needs": "app",
    "after": "watch",
    "panels": [
        {
            "title": {"en": "Cups", "zh": "杯"},
            "type": "graph",
            "limit": "rps",
            "queries": [{"expr": 'cups{host=~"$host"}', "legend": "{{host}}"}, {"expr": "spoons"}],
        },
        {"title": {"en": "Wide", "zh": "宽"}, "type": "stat", "width": 16, "queries": [{"expr": "x"}]},
        {"title": {"en": "Next", "zh": "下"}, "type": "names", "width": 16, "queries": [{"expr": "y"}]},
    ],
}


def test_everything_that_a_go_live_touches_has_a_dashboard() -> None:
    assert {path.stem for path in FILES} == {
        "golive-golive", "golive-system", "golive-postgresql", "golive-redis", "golive-edge", "golive-application",
        "golive-safety", "football-business",
    }  # fmt: skip


@every
def test_every_panel_is_of_a_kind_that_the_oldest_version_has(made: dict[str, Any]) -> None:
    assert made["schemaVersion"] == 27
    for panel in made["panels"]:
        assert panel["type"] in KNOWN
        assert panel["datasource"] == "golive"
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))
        assert all(target["expr"] for target in panel["targets"])


@every
def test_panels_do_not_lie_on_each_other(made: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in made["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells
    assert len({panel["id"] for panel in made["panels"]}) == len(made["panels"])


@every
def test_a_dashboard_says_where_it_belongs(made: dict[str, Any]) -> None:
    assert tagged(made, "folder") in FOLDERS
    assert tagged(made, "after") in {"monitoring", "watch"}
    assert tagged(made, "needs") in {"all", "edge", "app", "database", "cache", "monitoring", "backup"}


@every
def test_titles_are_in_both_languages(made: dict[str, Any]) -> None:
    titles = [made["title"], *(panel["title"] for panel in made["panels"])]
    assert [
        title for title in titles if not re.search("[一-鿿]", title) and title not in ("PostgreSQL", "Redis", "TLS")
    ] == []


@every
def test_a_variable_is_one_that_the_gate_knows(made: dict[str, Any]) -> None:
    assert [query for query in queries(made) if "$" in query["expr"]] == []


def test_every_limit_is_a_shared_one() -> None:
    entries = [entry for file in CATALOGUES for entry in yaml.safe_load(file.read_text("utf-8"))]
    drawn = {panel["limit"] for entry in entries for panel in entry["panels"] if "limit" in panel}
    assert drawn <= set(LIMITS)
    assert drawn >= {"cpu_share", "memory_share", "disk_share", "rollback_error_share", "rollback_p95_seconds"}


def test_a_limit_is_read_beside_what_was_measured() -> None:
    graph = dashboard(ENTRY)["panels"][0]
    assert [target["refId"] for target in graph["targets"]] == ["A", "B", "C"]
    assert graph["targets"][2] == {"refId": "C", "expr": 'max(golive_limit{limit="rps"})', "legendFormat": LIMIT}
    assert graph["seriesOverrides"][0]["alias"] == LIMIT


def test_a_panel_that_has_no_room_begins_a_row() -> None:
    places = [panel["gridPos"] for panel in dashboard(ENTRY)["panels"]]
    assert [(at["x"], at["y"]) for at in places] == [(0, 0), (0, 8), (0, 16)]


def test_switch_and_rollback_exclude_each_other() -> None:
    switch, rollback = (mark["expr"] for mark in ANNOTATIONS)
    assert switch.replace(" unless on (release) ", " and on (release) ") == rollback


def test_queries_are_asked_for_all_that_a_reader_may_choose() -> None:
    made = dashboard(ENTRY)
    made["panels"] = [{"type": "row", "title": "row", "panels": made["panels"]}]
    found = queries(made)
    assert found[0] == {"panel": "Tea · 茶 / Cups · 杯", "expr": 'cups{host=~".+"}'}
    assert len(found) == 5


@pytest.mark.parametrize(
    ("tags", "after", "groups", "wanted"),
    [
        (["needs:database", "after:monitoring"], "monitoring", {"database"}, 1),
        (["needs:database", "after:monitoring"], "watch", {"database"}, 0),
        (["needs:database", "after:monitoring"], "monitoring", {"app"}, 0),
        ([], "watch", {"app"}, 1),
        ([], "monitoring", {"app"}, 0),
    ],
    ids=["here", "another phase", "no such hosts", "untagged", "untagged, too early"],
)
def test_only_what_must_have_data_is_asked(tags: list[str], after: str, groups: set[str], wanted: int) -> None:
    made = {"title": "T", "tags": tags, "panels": [{"title": "P", "targets": [{"expr": "up"}]}]}
    assert len(asked([made], after, groups)) == wanted
