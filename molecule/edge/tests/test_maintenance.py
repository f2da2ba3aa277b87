"""Maintenance: an entry of the map, set without a reload."""

from __future__ import annotations

import json

import pytest

UNITS = ["haproxy"]


@pytest.mark.usefixtures("serving")
def test_the_page_is_for_the_public_only(on, ask, module, workers, headers):
    before = workers()
    seen = module("edge_switch", maintenance="page")
    assert (seen["changed"], seen["after"]["maintenance"]) == (True, "page")
    assert seen["after"]["generation"] == seen["before"]["generation"]
    assert not module("edge_switch", maintenance="page")["changed"]
    browser = ask(on("user1"), "/", headers={"Accept": "text/html,*/*"})
    assert (browser["status"], browser["headers"]["retry-after"]) == (503, "120")
    assert "We are working on it" in browser["body"]
    assert "系统维护中" in browser["body"]
    program = ask(on("user1"), "/")
    assert (program["status"], program["body"]) == (503, '{"error": "maintenance"}')
    for answer in (browser, program):
        assert {name: answer["headers"].get(name) for name in headers} == headers
    assert json.loads(ask(on("ops1"), "/echo")["body"])["release"] == "blue"
    module("edge_switch", maintenance="off")
    assert ask(on("user1"), "/echo")["status"] == 200
    assert workers() == before


@pytest.mark.usefixtures("serving")
def test_requests_wait_and_are_served_by_whoever_serves_then(host, on, ask, begin, module, admin, becomes):
    module("edge_switch", maintenance="hold")
    waiting = [begin(on("user1"), "/echo") for _ in range(3)]
    assert becomes(lambda: "conn_cur=3" in admin("show table held"))
    refused = ask(on("user1"), "/echo")  # edge_maintenance: hold_requests is 3, hold_seconds 20
    assert (refused["status"], refused["headers"]["retry-after"], refused["seconds"] < 10) == (503, "120", True)
    assert ask(on("ops1"), "/echo")["status"] == 200
    host.check_output("systemctl reload haproxy")  # an old worker lets go of what waits there, too
    module("edge_switch", colour="green", maintenance="off")
    for answer in (wait()[0] for wait in waiting):
        assert answer["status"] == 200
        assert json.loads(answer["body"])["release"] == "green"


@pytest.mark.usefixtures("serving")
def test_a_reload_keeps_it(host, on, ask, module):
    module("edge_switch", maintenance="page")
    host.check_output("systemctl reload haproxy")
    assert ask(on("user1"), "/echo")["status"] == 503
    assert module("edge_info")["maintenance"] == "page"
