"""What Grafana answers becomes numbers, whether it is 7.5 or newer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from golive_core import grafana
from golive_core.grafana import Reply
from golive_core.grafana_access import Access, Refused

SOURCE = Reply(200, {"id": 3, "uid": "golive", "name": "golive"})
VECTOR = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}
EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}
DASHBOARD = {"title": "Hosts", "panels": [{"title": "CPU", "targets": [{"expr": "cpu"}]}]}
FRAME = {"schema": {}, "data": {"values": [[1], [0.5]]}}
BY_NAME = "/api/datasources/name/golive"
BY_UID = "/api/datasources/uid/golive/health"
SHOWN = "/api/dashboards/uid/hosts"


def server(replies: dict[str, Reply]) -> grafana.Ask:
    """Answer paths by their beginning; what is not there is 404."""

    def ask(path: str, method: str = "GET", body: Any = None, login: tuple[str, str] = ("a", "b")) -> Reply:
        return next(
            (reply for start, reply in replies.items() if path.startswith(start)), Reply(404, {"message": "Not found"})
        )

    return ask


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(200, {"database": "ok", "version": "7.5.17"}), ""),
        (Reply(200, {"database": "failing", "version": "7.5.17"}), "its database is failing"),
        (Reply(503, None), "/api/health answered 503"),
        (Reply(200, None), "/api/health answered 200"),
    ],
)
def test_health(reply: Reply, problem: str) -> None:
    seen = grafana.health(server({"/api/health": reply}))
    assert list(seen.problems) == ([problem] if problem else [])


def test_a_grafana_that_lets_somebody_in_is_named() -> None:
    seen = grafana.closed(server({"/api/org": Reply(200, {}), "/api/": Reply(401, None)}))
    assert seen.n == 4
    assert "/api/org answered 200 to somebody without a name" in seen.problems
    assert any("the vendor's own password" in problem for problem in seen.problems)
    assert not grafana.closed(server({"/api/": Reply(401, None)})).problems


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ({BY_UID: Reply(200, {"status": "OK", "message": "fine"})}, ""),
        ({BY_UID: Reply(400, {"status": "ERROR", "message": "connection refused"})}, "connection refused"),
        ({"/api/datasources/proxy/3/": Reply(200, VECTOR)}, ""),
        ({"/api/datasources/proxy/3/": Reply(502, {"message": "Bad Gateway"})}, "502: Bad Gateway"),
    ],
    ids=["new", "new and down", "7.5", "7.5 and down"],
)
def test_a_data_source_is_asked_as_the_version_can(replies: dict[str, Reply], problem: str) -> None:
    seen = grafana.data_source(server({BY_NAME: SOURCE, **replies}), "golive")
    assert bool(seen.problems) is bool(problem)
    assert problem in "".join(seen.problems)


def test_a_data_source_that_is_not_there_proves_nothing() -> None:
    with pytest.raises(grafana.Unanswered, match="data source golive"):
        grafana.data_source(server({}), "golive")


@pytest.mark.parametrize(
    ("replies", "problem"),
    [
        ({"/api/ds/query": Reply(200, {"results": {"A": {"frames": [FRAME]}}})}, ""),
        ({"/api/ds/query": Reply(200, {"results": {"A": {"frames": []}}})}, "gives no data"),
        ({"/api/ds/query": Reply(400, {"results": {"A": {"error": "parse error"}}})}, "parse error"),
        ({"/api/datasources/proxy/3/": Reply(200, VECTOR)}, ""),
        ({"/api/datasources/proxy/3/": Reply(200, EMPTY)}, "gives no data"),
    ],
    ids=["new", "new and empty", "new and wrong", "7.5", "7.5 and empty"],
)
def test_a_panel_is_asked_through_grafana(replies: dict[str, Reply], problem: str) -> None:
    shown = Reply(200, {"dashboard": DASHBOARD})
    seen = grafana.panel(server({BY_NAME: SOURCE, SHOWN: shown, **replies}), "golive", "hosts")
    assert bool(seen.problems) is bool(problem)
    assert problem in "".join(seen.problems)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(200, {"dashboard": DASHBOARD, "meta": {"provisioned": True}}), ""),
        (Reply(200, {"dashboard": DASHBOARD, "meta": {"provisioned": False}}), "is not the one of the files"),
        (Reply(200, {"dashboard": {**DASHBOARD, "title": "Other"}, "meta": {"provisioned": True}}), 'titled "Other"'),
        (Reply(200, {"dashboard": {"title": "Hosts"}, "meta": {"provisioned": True}}), "has no panel"),
        (Reply(404, {"message": "Dashboard not found"}), "404: Dashboard not found"),
    ],
    ids=["there", "somebody's own", "another", "empty", "absent"],
)
def test_a_dashboard_is_the_one_of_its_file(reply: Reply, problem: str) -> None:
    seen = grafana.provisioned(server({SHOWN: reply}), {"hosts": "Hosts"})
    assert bool(seen.problems) is bool(problem)
    assert problem in "".join(seen.problems)


# --- accounts, teams, folders

READER = {"login": "ada", "password": "secret", "role": "Viewer", "teams": ["dba"]}
FOLDER = {"uid": "ops", "title": "Operations", "teams": ["dba"]}
SETTLED = {
    "/api/org/users": Reply(200, [{"userId": 7, "login": "ada", "role": "Viewer"}]),
    "/api/org": Reply(200, {}),
    "/api/teams/search": Reply(200, {"teams": [{"id": 2, "name": "dba"}]}),
    "/api/teams/2/members": Reply(200, [{"userId": 7}]),
    "/api/users/lookup": Reply(200, {"id": 7}),
    "/api/user": Reply(200, {}),
    "/api/folders/ops/permissions": Reply(200, [{"teamId": 2, "permission": 1}]),
    "/api/folders/ops": Reply(200, {}),
}


def brought(replies: dict[str, Reply], **how: Any) -> tuple[list[str], list[tuple[str, str, Any]]]:
    """Return what was done, and every request that changes something."""
    changes: list[tuple[str, str, Any]] = []
    answer: Callable[..., Reply] = server(replies)

    def ask(path: str, method: str = "GET", body: Any = None, login: tuple[str, str] = ("a", "b")) -> Reply:
        if method != "GET":
            changes.append((method, path, body))
            return Reply(200, {"id": 7, "teamId": 2})
        return answer(path, method, body, login)

    access = Access(ask, **how)
    access.bring("admin", [READER], ["dba"], [FOLDER])
    return access.done, changes


def test_what_is_as_described_is_left_alone() -> None:
    assert brought(SETTLED) == ([], [])


@pytest.mark.parametrize(
    ("change", "sentence", "request_"),
    [
        ({"/api/user": Reply(401, None)}, "account ada got another password", ("PUT", "/api/admin/users/7/password")),
        (
            {"/api/org/users": Reply(200, [{"userId": 7, "login": "ada", "role": "Admin"}])},
            "account ada became Viewer",
            ("PATCH", "/api/org/users/7"),
        ),
        ({"/api/teams/2/members": Reply(200, [])}, "ada joined team dba", ("POST", "/api/teams/2/members")),
        ({"/api/teams/search": Reply(200, {"teams": []})}, "team dba was made", ("POST", "/api/teams")),
        (
            {"/api/folders/ops/permissions": Reply(200, [{"role": "Viewer", "permission": 1}])},
            'folder "Operations" is read by dba',
            ("POST", "/api/folders/ops/permissions"),
        ),
    ],
    ids=["password", "role", "member", "team", "folder"],
)
def test_what_differs_is_changed(change: dict[str, Reply], sentence: str, request_: tuple[str, str]) -> None:
    done, changes = brought({**{path: reply for path, reply in SETTLED.items() if path not in change}, **change})
    # The order of SETTLED decides between /api/user and /api/users, so the change comes in its place.
    assert sentence in done
    assert request_ in [change[:2] for change in changes]


def test_check_mode_says_and_does_nothing() -> None:
    done, changes = brought({"/api/org": Reply(200, []), "/api/teams": Reply(200, {"teams": []})}, only_look=True)
    assert done == [
        "team dba was made", "account ada was made", "ada joined team dba", 'folder "Operations" was made',
        'folder "Operations" is read by dba',
    ]  # fmt: skip
    assert changes == []


def test_another_password_in_the_database_is_told_with_what_to_do() -> None:
    with pytest.raises(Refused, match="reset-admin-password"):
        brought({"/api/org": Reply(401, None)})
