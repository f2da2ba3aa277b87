"""A release with a planted fault does not stay: whatever served before serves in the end, and the sentence says why."""

from __future__ import annotations

import json
import time

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_release")]

NEXT = "1.1.0"
# The phases that a fault of the application can turn red, and those that they need.
FROM_RELEASE_ON = ("--tags", "preflight,database,release,performance")


@pytest.fixture(autouse=True)
def old_release_serves(fleet):
    """1.0.0 serves before and after each of these."""
    if fleet.version()["release"] != "1.0.0":
        back = fleet.playbook("rollback", variables={"release": "1.0.0"})
        assert back.code == 0, back.output[-4000:]
    yield
    assert fleet.version()["release"] == "1.0.0"


@pytest.mark.sample
@pytest.mark.parametrize(
    ("fault", "gate"),
    [
        ({"FOOTBALL_FAULT_HEALTH": "failing"}, "release.idle_health"),
        ({"FOOTBALL_FAULT_ERROR_SHARE": "0.10"}, "release.idle_errors"),
        ({"FOOTBALL_FAULT_LATENCY_SECONDS": "3"}, "release.idle_answered"),
    ],
    ids=["failing health", "10 % errors", "3 s latency"],
)
def test_a_planted_fault_is_caught_before_any_user_meets_it(fleet, fault, gate):
    run = fleet.golive(NEXT, *FROM_RELEASE_ON, football_fault=fault)
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    red = [seen for seen in run.gate(gate) if seen["verdict"] != "PASS"]
    assert red, [(seen["gate"], seen["verdict"]) for seen in run.told["gates"]]
    assert all(seen["n"] >= 1 and seen["message"] and seen["remedy"]["en"] for seen in red)
    assert gate in run.output.rpartition("PLAY [Record")[2]


@pytest.mark.full
def test_a_release_that_is_a_little_slower_is_told_from_the_one_beside_it(fleet):
    # 50 ms are far below every absolute limit.
    slower = {"FOOTBALL_FAULT_LATENCY_SECONDS": "0.05"}
    run = fleet.golive(NEXT, *FROM_RELEASE_ON, football_fault=slower, gates_compare_seconds=90)
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    assert {seen["gate"] for seen in run.told["gates"] if seen["verdict"] != "PASS"} == {"release.idle_compared"}
    (seen,) = run.gate("release.idle_compared")
    assert seen["verdict"] == "FAIL"
    assert "new is worse than old: median" in seen["message"]


@pytest.mark.full
def test_a_rehearsal_that_loses_requests_or_takes_long_ends_with_the_old_release(fleet):
    # A tenth of its answers is wrong; what sees that earlier is waived. No machine is as fast as the limit of time.
    waived = [
        {"gate": f"release.idle_{name}", "reason": "a test", "who": "tests", "until": "2099-12-31"}
        for name in ("answered", "errors", "refused", "unknown")
    ]
    run = fleet.golive(
        NEXT,
        *FROM_RELEASE_ON,
        rehearse=True,
        football_fault={"FOOTBALL_FAULT_ERROR_SHARE": "0.10"},
        gates_waivers_asked=json.dumps(waived),
        gates_overrides={"release.rehearsal_seconds": {"below": 0.000001}},
    )
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    red = {
        seen["gate"]: seen["message"] for seen in run.told["gates"] if seen["verdict"] != "PASS" and not seen["waived"]
    }
    assert set(red) == {"release.rehearsal_seconds", "release.rehearsal_lost"}
    assert "wanted" in red["release.rehearsal_seconds"]
    assert "500" in red["release.rehearsal_lost"]


@pytest.mark.full
def test_a_release_that_refuses_to_start_shows_its_last_words(fleet):
    run = fleet.golive(NEXT, *FROM_RELEASE_ON, football_fault={"FOOTBALL_FAULT_START": "refuse"})
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    assert any(failure["phase"] == "release" for failure in run.told["failures"])


def test_a_red_gate_after_the_switch_flips_back_without_a_lost_request(fleet):
    with fleet.loop() as loop:
        run = fleet.golive(NEXT, *FROM_RELEASE_ON, gates_overrides={"performance.throughput": {"above": 5000}})
    assert run.code != 0
    assert run.told["verdict"] == "ROLLED BACK"
    assert [seen["kind"] for seen in run.told["switches"]] == ["switch", "flip_back"]
    assert loop.seen["lost"] == []
    assert set(loop.seen["releases"]) == {"1.0.0", NEXT}


@pytest.mark.full
def test_a_release_that_dies_after_the_go_live_is_taken_back_by_the_watcher_alone(fleet):
    there = fleet.golive(NEXT, "--tags", "preflight,database,release,performance,watch")
    assert there.code == 0, there.output[-4000:]
    live = f"football-{fleet.colour()}"
    for host in ("app1", "app2"):
        fleet.on(host, "docker", "pause", live)
    try:
        until = time.monotonic() + 60
        while not fleet.on("edge1", "cat", "/opt/golive/football/watcher/freeze.json", check=False):
            assert time.monotonic() < until, fleet.on("edge1", "journalctl", "-u", "golive-watcher", "-n", "40")
            time.sleep(1)
        assert fleet.version()["release"] == "1.0.0"
    finally:
        for host in ("app1", "app2"):
            fleet.on(host, "docker", "unpause", live)
    frozen = fleet.golive(NEXT, "--tags", "preflight", unfreeze="")
    assert any("Deployments are frozen on edge1" in said for said in frozen.told["blocking"]), frozen.told["blocking"]
    fleet.golive("1.0.0", "--tags", "preflight", unfreeze="the containers were paused by a test")


@pytest.mark.full
def test_too_few_samples_are_no_evidence(fleet):
    run = fleet.golive(NEXT, *FROM_RELEASE_ON, gates_load_seconds=10)
    assert run.told["verdict"] == "ROLLED BACK"
    verdicts = run.gate("performance.latency_p95")
    assert [seen["verdict"] for seen in verdicts] == ["NO-EVIDENCE"]
    assert "1500" in verdicts[0]["message"]
    frozen = fleet.golive(NEXT, "--tags", "preflight", unfreeze="")
    assert frozen.code != 0
    assert any("Deployments are frozen on edge1" in said for said in frozen.told["blocking"]), frozen.told["blocking"]
    lifted = fleet.golive("1.0.0", "--tags", "preflight", unfreeze="only a limit was too high")
    assert lifted.code == 0, lifted.output[-4000:]
    assert any("only a limit was too high" in note["message"] for note in lifted.told["notes"])


@pytest.mark.full
def test_hosts_that_were_left_open_are_named_and_closed_again(fleet):
    phases = ("--tags", "preflight,infrastructure,security")
    run = fleet.golive("1.0.0", *phases, firewall_enabled=False)
    assert run.code != 0
    tried_from = {"database_port": "edge1", "cache_port": "edge1", "app_ports": "data1", "metrics_ports": "app1"}
    for gate, host in tried_from.items():
        red = {seen["host"]: seen for seen in run.gate(f"security.{gate}")}[host]
        assert red["verdict"] == "FAIL"
        assert f"open from {host}, wanted closed" in red["message"]
    again = fleet.golive("1.0.0", *phases)
    assert again.code == 0, again.output[-4000:]
