"""What ./golive status says."""

from __future__ import annotations

import pytest
from golive_core import status

GROUPS = {"all": ["edge1", "app1", "app2"], "edge": ["edge1"], "app": ["app1", "app2"]}
NOW = 1_000_000.0
EDGE = {"live": "green", "generation": 3, "workers": [7], "agreed": True, "running": True, "maintenance": "off"}
STATE = {"lock": {}, "freeze": {}, "since": NOW - 7200, "watcher": ""}
RELEASE = {
    "colours": {"blue": {"release": "1.0.0", "running": True}, "green": {"release": "1.1.0", "running": True}},
    "previous": "1.0.0",
    "current": "1.1.0",
}
LAST = {"id": "20261128T010000Z-1.1.0", "verdict": "LIVE", "passed": 108, "all": 108}


def said(language="en", last=LAST, edge=None, state=None, **seen):
    hosts = {
        "edge1": {"edge": {**EDGE, **(edge or {})}, "state": {**STATE, **(state or {})}},
        "app1": {"release": RELEASE, "state": STATE},
        "app2": {"release": RELEASE, "state": STATE},
        **seen,
    }
    return "\n".join(status.lines(list(hosts), GROUPS, hosts, last, NOW, language))


@pytest.mark.parametrize(
    "line",
    [
        "Live         1.1.0 (green), for 2.0 h",
        "Before       1.0.0",
        "Lock         free",
        "Freeze       none",
        "Watcher      none",
        "Record       20261128T010000Z-1.1.0: LIVE, 108 of 108 passed",
        "  edge1  edge  serves green, switch 3, 1 worker(s)",
        "  app1   app   blue 1.0.0 runs; green 1.1.0 runs",
    ],
)
def test_what_serves(line):
    assert line in said().splitlines()


def test_who_is_at_work():
    lock = {"who": "ada on desk", "owner": "run-1", "left": 3480}
    assert "Lock         held by ada on desk (run run-1), for another 58 min" in said(state={"lock": lock})


def test_a_freeze_says_why():
    assert "Freeze       1.1.0 was given back" in said(state={"freeze": {"reason": "1.1.0 was given back"}})


def test_a_share_of_a_canary_shows_only_while_it_is_set():
    assert "Canary" not in said()
    assert "Canary       blue 20 % (cookie)" in said(edge={"canary_share": 20, "canary_by": "cookie"})


def test_maintenance_shows_only_when_it_is_on():
    assert "Maintenance" not in said()
    assert "Maintenance  page" in said(edge={"maintenance": "page"})


def test_the_watcher_where_there_is_one():
    assert "Watcher      active" in said(state={"watcher": "active"})


def test_a_host_that_does_not_answer_is_named():
    text = said(app2={})
    assert "  app2   app   does not answer" in text
    assert "Live         1.1.0 (green)" in text


def test_without_an_edge_nobody_knows():
    assert "Live         not known: no edge answered" in said(edge1={})


def test_before_the_first_release():
    nothing = {"release": {"colours": {}, "previous": "", "current": ""}, "state": {**STATE, "since": 0}}
    text = said(edge={"live": "none"}, state={"since": 0}, last=None, app1=nothing, app2=nothing)
    assert "Live         nothing yet" in text
    assert "Record       none" in text


def test_a_torn_edge_is_seen():
    assert "its file says green, but not every worker serves it" in said(edge={"agreed": False})


def test_chinese():
    assert "线上版本     1.1.0 (green)，已 2.0 h".replace("，", ", ") in said("zh")


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0 s"), (90, "90 s"), (150, "2 min"), (9000, "2.5 h"), (2e5, "2.3 d")]
)
def test_ages(seconds, text):
    assert status.age_of(seconds) == text
