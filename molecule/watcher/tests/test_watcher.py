"""A release that goes bad after it was switched to gives the traffic back, and a sound one keeps it."""

from __future__ import annotations

import json
import re
import subprocess
import time

import pytest

UNITS = ["golive-watcher"]


def served(fetch, host):
    said = fetch(host, "https://edge1/version", cafile="/etc/golive/tls/ca.crt", headers={"Host": "football.test"})
    return json.loads(said["body"])["release"]


FAULTS = {
    "10 % errors": ({"error": 0.1}, "errors", 60),
    "outage": ({"error": 1.0}, "errors", 15),
    "3 s latency": ({"seconds": 3}, "latency", 60),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_release_that_goes_bad_gives_the_traffic_back(
    fault, armed, host, plant, state, becomes, live, fetch, journal, module
):
    how, rule, within = FAULTS[fault]
    before = int(live()["generation"])
    time.sleep(3)
    planted = time.monotonic()
    plant("green", **how)
    acted = becomes(lambda: state().get("acted"), within)
    took = time.monotonic() - planted
    assert acted, (took, state())
    assert acted["rule"] == rule
    assert live()["live"] == "blue"
    assert served(fetch, host) == "blue"
    told = becomes(lambda: "Recovered after" in journal(armed) and journal(armed), 70)
    assert told, journal(armed)
    assert re.search(r"ROLLED BACK from green to blue in 0\.\d+ s: .*limit|more than 2 s", told), told
    done = state()["acted"]
    assert done["recovered"] is True
    assert done["switch_seconds"] < 1
    assert done["served_seconds"] < 1
    print(f"{fault}: found after {took:.1f} s, the old version served {done['served_seconds']} s after the decision")
    assert int(live()["generation"]) == before + 1  # no further flip
    assert state()["frozen"]["release"] == "green"
    asked = module("edge_watcher", state_dir="/opt/golive/football")
    assert "took green back" in asked["frozen"]["reason"]


def test_the_chain_tells_it_under_the_edges_own_signature(chain):
    kinds = [event["kind"] for event in chain()]
    assert kinds[0] == "run.started"
    assert {"watcher.armed", "watcher.rolled_back", "watcher.recovered", "watcher.unfrozen"} <= set(kinds)


@pytest.mark.usefixtures("armed")
def test_a_sound_release_is_left_alone_and_its_figures_are_told(host, state, live, address, fetch, module):
    time.sleep(8)
    seen = state()
    assert (seen["acted"], seen["pages"], seen["window"]) == ({}, {}, "strict")
    assert live()["live"] == "green"
    assert seen["minute"]["n"] >= 20
    checks = [
        {"id": kind, "kind": kind, "release": "green", "within_seconds": 5}
        for kind in ("on_guard", "no_rollback", "alive")
    ]
    rows = module("edge_watcher", state_dir="/opt/golive/football", checks=checks)["measurements"]
    assert [(row["failures"], row["invalid"]) for row in rows] == [(0, "")] * 3, rows
    metrics = fetch(host, f"http://{address('edge1')}:8407/metrics")["body"]
    assert 'golive_watcher_on_guard{release="green",window="strict"} 1' in metrics
    assert re.search(r'golive_edge_request_duration_seconds_bucket\{colour="green",le="0.5"\} [1-9]', metrics)
    beat = float(re.search(r"^golive_watcher_heartbeat_timestamp_seconds (\S+)", metrics, re.MULTILINE)[1])
    assert abs(beat - time.time()) < 10


@pytest.mark.usefixtures("armed")
def test_a_failing_edge_is_no_reason_to_go_back(host, state, live, becomes):
    host.check_output("systemctl stop haproxy")
    try:
        assert becomes(lambda: "edge" in state()["pages"], 40), state()
        assert "the edge is at fault" in state()["pages"]["edge"]
        assert live()["live"] == "green"
        assert state()["acted"] == {}
    finally:
        host.check_output("systemctl start haproxy")
    assert becomes(lambda: "edge" not in state()["pages"], 20)


@pytest.mark.usefixtures("armed")
def test_after_a_reboot_it_is_on_guard_again_and_acts(host, state, becomes, live, plant):
    subprocess.run(["docker", "restart", host.backend.name], check=True, capture_output=True)
    seen = becomes(lambda: state().get("window") == "strict" and state()["seen_of_minute"] > 10 and state(), 60)
    assert seen, state()
    assert seen["order"]["release"] == "green"
    plant("green", error=1.0)
    assert becomes(lambda: state().get("acted"), 20), state()
    assert live()["live"] == "blue"


@pytest.mark.usefixtures("armed")
def test_an_order_to_leave_it_alone_is_obeyed(module, plant, state, live):
    module("edge_watcher", state="disarmed", state_dir="/opt/golive/football", reason="the next release is staged")
    plant("green", error=1.0)
    time.sleep(10)
    plant("green")
    assert live()["live"] == "green"
    assert state()["acted"] == {}


def test_its_settings_are_nobody_elses(host):
    assert host.file("/etc/golive/watcher.json").mode == 0o600
    assert host.file("/opt/golive/football/signing/record_key").mode == 0o600
