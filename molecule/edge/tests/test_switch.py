"""Who serves: the map, in every worker, and what keeps it."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNITS = ["haproxy"]


def test_check_mode_tells_and_leaves(on, ask, module):
    module("edge_switch", colour="blue", maintenance="off")
    told = module("edge_switch", check=True, colour="green", canary_share=10, maintenance="page")
    assert told["changed"]
    wanted = {"live": "green", "canary": "blue", "canary_share": 10, "maintenance": "page"}
    assert told["after"] == told["before"] | wanted | {"generation": told["before"]["generation"] + 1}
    assert json.loads(ask(on("user1"), "/echo")["body"])["release"] == "blue"


def test_a_reload_a_restart_and_a_reboot_keep_who_serves(host, on, ask, module, becomes):
    def served():
        answer = ask(on("ops1"), "/echo")
        return answer["headers"].get("x-golive-colour"), answer["status"]

    module("edge_switch", colour="green", maintenance="off")
    for change in ("systemctl reload haproxy", "systemctl restart haproxy"):
        host.check_output(change)
        assert becomes(lambda: served() == ("green", 200))
    subprocess.run(["docker", "restart", host.backend.name], check=True, capture_output=True)
    assert becomes(lambda: served() == ("green", 200))
    assert module("edge_info")["agreed"]


@pytest.mark.usefixtures("serving")
def test_reloads_and_switches_lose_no_request(host, on, script, module):
    loop = script(on("ops1"), (ROOT / "tests/e2e/request_loop.py").read_text(encoding="utf-8"), "/version", "100")
    for colour in ("green", "blue"):
        host.check_output("systemctl reload haproxy")
        module("edge_switch", colour=colour)
    host.check_output("systemctl reload haproxy")
    time.sleep(2)
    on("ops1").check_output("touch /run/request-loop.stop && sleep 1 && rm /run/request-loop.stop")
    said, errors = loop.communicate(timeout=30)
    seen = json.loads(said)
    assert seen["lost"] == [], errors
    assert seen["sent"] > 300
    assert set(seen["releases"]) == {"blue", "green"}


@pytest.mark.usefixtures("serving")
def test_a_reload_during_a_drain_loses_nothing(host, on, begin, fetch, address, module, admin, becomes):
    download = begin(on("user1"), "/wait")
    assert becomes(lambda: re.search(r"^be_blue,app1,0,0,1,", admin("show stat"), re.MULTILINE))
    module("edge_switch", colour="green")
    host.check_output("systemctl reload haproxy")
    seen = module("edge_info", drain={"colour": "blue", "within_seconds": 1})
    assert (seen["drained"], seen["in_flight"]["blue"], len(seen["workers"])) == (False, 1, 2)
    fetch(on("ops1"), f"http://{address('app1')}:8001/go")
    answer = download()[0]
    assert (answer["status"], json.loads(answer["body"])["release"]) == (200, "blue")
    assert module("edge_info", drain={"colour": "blue"})["drained"]


@pytest.mark.usefixtures("serving")
def test_a_kept_connection_of_an_old_worker_sees_the_switch(host, on, script, module):
    kept = script(on("ops1"), _KEPT)
    time.sleep(1)
    host.check_output("systemctl reload haproxy")
    module("edge_switch", colour="green")
    on("ops1").check_output("touch /run/switched")
    said, errors = kept.communicate(timeout=30)
    assert said.split() == ["blue", "green"], errors


_KEPT = """
import http.client, json, pathlib, ssl, time
switched = pathlib.Path("/run/switched")
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
connection = http.client.HTTPSConnection("football.test", context=context, timeout=10)
for _ in range(2):
    connection.request("GET", "/echo")
    print(json.loads(connection.getresponse().read())["release"])
    while not switched.exists():
        time.sleep(0.1)
switched.unlink()
"""


@pytest.mark.usefixtures("serving")
def test_a_server_that_is_down_stays_down_for_a_new_worker(host, on, ask, admin, log, becomes):
    def status():
        return next(line for line in admin("show stat").splitlines() if line.startswith("be_blue,app1,")).split(",")[17]

    on("app1").check_output("systemctl stop colour@8001")
    try:
        assert becomes(lambda: status() == "DOWN")
        host.check_output("systemctl reload haproxy")
        assert ask(on("ops1"), "/echo", headers={"X-Request-ID": "asked-after-a-reload"})["status"] == 503
        assert log("asked-after-a-reload")["server"] == "<NOSRV>"  # nobody was tried
    finally:
        on("app1").check_output("systemctl start colour@8001")
    assert becomes(lambda: status() == "UP")


@pytest.mark.usefixtures("serving")
def test_only_who_is_known_chooses_a_colour(on, ask):
    chosen = {"X-Golive-Colour": "green"}
    assert json.loads(ask(on("ops1"), "/echo", headers=chosen)["body"])["release"] == "green"
    assert json.loads(ask(on("user1"), "/echo", headers=chosen)["body"])["release"] == "blue"


@pytest.mark.usefixtures("serving")
def test_a_canary_keeps_its_share_and_every_client_its_colour(on, ask, begin, module, log):
    assert "set-cookie" not in ask(on("ops1"), "/echo")["headers"]
    module("edge_switch", colour="blue", canary_share=30)

    def served(times=1, **headers):
        answers = begin(on("ops1"), "/echo", headers=headers, times=times)()
        return [json.loads(answer["body"])["release"] for answer in answers], answers[-1]["headers"]

    colours, seen = served(times=400)
    assert 74 < colours.count("green") < 166  # 30 %, five standard deviations
    assert re.fullmatch(r"golive_dice=\d\d?; Path=/; Secure; HttpOnly; SameSite=Lax", seen["set-cookie"])
    for dice, colour in (("0", "green"), ("29", "green"), ("30", "blue"), ("99", "blue")):
        assert set(served(times=20, Cookie=f"golive_dice={dice}")[0]) == {colour}
    for wrong in ("-1", "100", "green"):
        assert "set-cookie" in served(Cookie=f"golive_dice={wrong}")[1]

    # The log tells a draw from a result that was kept.
    for name, headers, choice in (("drawn", {}, "drawn"), ("kept", {"Cookie": "golive_dice=0"}, "kept")):
        served(**{"X-Request-ID": f"a-canary-{name}"}, **headers)
        assert log(f"a-canary-{name}")["choice"] == choice

    module("edge_switch", colour="blue")
    colours, seen = served(Cookie="golive_dice=0")
    assert colours == ["blue"]
    assert seen["set-cookie"].startswith("golive_dice=; Path=/; Max-Age=0")


@pytest.mark.usefixtures("serving")
def test_a_canary_by_lot_draws_for_each_request_and_needs_no_cookie(on, begin, module, stranger):
    module("edge_switch", colour="blue", canary_share=30, canary_by="random")
    # From an address of its own: those of the other tests count in the same window of the rate limit.
    answers = begin(on("user1"), "/echo", source=stranger(), headers={"Cookie": "golive_dice=0"}, times=50)()
    colours = [json.loads(answer["body"])["release"] for answer in answers]
    assert {"blue", "green"} == set(colours)
    assert "Max-Age=0" in answers[-1]["headers"]["set-cookie"]  # of another canary


@pytest.mark.usefixtures("serving")
def test_a_canary_by_header_is_for_declared_addresses_that_ask(on, ask, module, log):
    asked = {"X-Golive-Canary": "1", "X-Request-ID": "a-canary-asked"}

    def colour(host, headers):
        answer = json.loads(ask(on(host), "/echo", headers=headers)["body"])
        assert "x-golive-canary" not in {name.lower() for name in answer["headers"]}
        return answer["release"]

    assert colour("ops1", asked) == "blue"  # no canary is set
    module("edge_switch", colour="blue", canary_share=30, canary_by="header")
    assert {colour("ops1", {}) for _ in range(20)} == {"blue"}
    assert colour("ops1", asked) == "green"
    assert log("a-canary-asked")["choice"] == "asked"
    assert colour("user1", asked) == "blue"


CANARY = {
    "colour": "green",
    "rate": 40,
    "url": "https://football.test",
    "ca_file": "/etc/golive/tls/ca.crt",
    "endpoints": [{"path": "/echo"}],
    "checks": [{"id": metric, "metric": metric} for metric in ("share", "errors", "latency")],
}


def held(module, address, seconds, **how):
    """Give green a share and hold it."""
    generation = module("edge_switch", colour="blue", canary_share=30, **how)["after"]["generation"]
    return generation, module(
        "edge_canary", **CANARY, address=address("edge1"), expected_generation=generation, seconds=seconds
    )


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(("by", "low", "high"), [("cookie", 0.2, 0.4), ("random", 0.2, 0.4), ("header", 1, 1)])
def test_a_canary_is_held_and_both_colours_are_measured(module, address, by, low, high):
    generation, told = held(module, address, 11, canary_by=by)
    assert (told["generation"], told["taken_back"]) == (generation, "")
    share, errors, latency = told["measurements"]
    assert low <= share["value"] <= high, share
    assert share["n"] > (80 if by == "header" else 300)
    assert (told["requests"]["old"] > 200, told["requests"]["new"] > 80, told["requests"]["users"]) == (True, True, 0)
    assert not any(row["invalid"] or row["failures"] for row in (share, errors, latency))
    assert module("edge_info")["canary_share"] == 30  # until the switch


@pytest.mark.usefixtures("serving")
def test_a_canary_that_does_harm_is_taken_back_at_once(on, module, address):
    on("app1").check_output("systemctl stop colour@8002")
    try:
        generation, told = held(module, address, 60)
    finally:
        on("app1").check_output("systemctl start colour@8002")
    assert "requests failed" in told["taken_back"]
    assert told["seconds"] < 20
    assert told["taken_back_seconds"] < 1
    seen = module("edge_info")
    assert (seen["live"], seen["canary_share"], seen["generation"], seen["agreed"]) == ("blue", 0, generation + 1, True)
    assert "taken back" in told["measurements"][0]["invalid"]


@pytest.mark.usefixtures("serving")
def test_a_canary_is_not_held_where_there_is_no_share_or_somebody_else_has_switched(module):
    generation = module("edge_info")["generation"]
    for wanted, words in ((generation, "no share"), (generation - 1, "somebody else has switched")):
        told = module("edge_canary", **CANARY, address="127.0.0.1", expected_generation=wanted, seconds=10)
        assert words in told["msg"]


def test_what_the_next_converge_must_keep_is_noted(host):
    host.check_output("systemctl show -p MainPID --value haproxy >/root/pid")


REHEARSAL = {
    "colour": "green",
    "release": "1.1.0",
    "url": "https://football.test/echo",
    "ca_file": "/etc/golive/tls/ca.crt",
}
CHECKS = [{"id": "seconds", "kind": "seconds"}, {"id": "answered", "kind": "answered"}]


def rehearsed(module, address, **more):
    """Rehearse the way back from green; return the two measurements."""
    generation = module("edge_info")["generation"]
    told = module(
        "edge_rehearsal", **REHEARSAL, address=address("edge1"), expected_generation=generation, checks=CHECKS,
        rounds=2, hold_seconds=0.7, **more,
    )  # fmt: skip
    assert told["generation"] == generation + 4
    return told["measurements"]


@pytest.mark.usefixtures("serving")
def test_the_way_back_is_rehearsed_in_less_than_a_second_and_loses_nothing(module, address):
    seconds, answered = rehearsed(module, address, return_file="/run/return.json")
    assert (seconds["n"], seconds["failures"]) == (2, 0)
    assert 0 < seconds["value"] < 1
    assert (answered["failures"], answered["n"] > 50) == (0, True)
    seen = module("edge_info", return_file="/run/return.json")
    assert (seen["live"], seen["agreed"]) == ("blue", True)
    assert (seen["way_back"]["colour"], seen["way_back"]["back_colour"]) == ("blue", "green")


@pytest.mark.usefixtures("serving")
def test_a_rehearsal_shows_a_colour_that_does_not_answer_and_ends_with_the_old_one(on, module, address):
    on("app1").check_output("systemctl stop colour@8002")
    try:
        seconds, answered = rehearsed(module, address)
    finally:
        on("app1").check_output("systemctl start colour@8002")
    assert answered["failures"] > 5
    assert "503" in answered["observed"]
    assert (seconds["failures"], module("edge_info")["live"]) == (0, "blue")


@pytest.mark.usefixtures("serving")
def test_a_rehearsal_is_refused_where_somebody_else_has_switched(module):
    generation = module("edge_info")["generation"]
    refused = module("edge_rehearsal", **REHEARSAL, address="127.0.0.1", expected_generation=generation - 1)
    assert "somebody else has switched" in refused["msg"]
    assert module("edge_info")["generation"] == generation
