"""The main job on a fresh fleet, in the order in which a team would live it. Each test builds on the one before."""

from __future__ import annotations

import pytest
from golive_core import record

from .conftest import Fleet

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def check_run(fleet: Fleet):
    """A plan on bare hosts, before anything is installed."""
    return fleet.golive("1.0.0", "--check", "--diff")


@pytest.fixture(scope="module")
def first(fleet: Fleet, check_run):
    return fleet.golive("1.0.0")


def test_a_plan_on_bare_hosts_fails_nothing_and_changes_nothing(fleet, check_run):
    assert check_run.code == 0, check_run.output[-4000:]
    assert check_run.record is None or not (check_run.record / "events.jsonl").exists()
    assert fleet.on("edge1", "sh", "-c", "ls /etc/haproxy /opt/golive 2>/dev/null || true").strip() == ""


def test_the_first_release_goes_live(fleet, first):
    assert first.code == 0, first.output[-6000:]
    assert first.told["verdict"] == "LIVE"
    assert fleet.version()["release"] == "1.0.0"


def test_the_record_tells_every_phase_and_gate(first):
    told = first.told
    assert {phase: seen["state"] for phase, seen in told["phases"].items()} == dict.fromkeys(record.PHASES, "complete")
    assert all(gate["verdict"] == "PASS" and gate["n"] >= 1 for gate in told["gates"])
    assert {gate["gate"].split(".")[0] for gate in told["gates"]} == set(record.PHASES) - {"record"}
    record.verify_chain(record.read_events(first.record))
    text = (first.record / "record.md").read_text(encoding="utf-8")
    assert "LIVE" in text
    assert "performance.latency_p95" in text


def test_the_lock_is_released(fleet, first):
    assert fleet.on("edge1", "find", "/opt/golive/football/lock", "-name", "holder.json").strip() == ""


def test_a_second_run_verifies_and_changes_nothing(fleet, first):
    again = fleet.golive("1.0.0")
    assert again.code == 0, again.output[-4000:]
    assert again.told["verdict"] == "VERIFIED"
    assert again.changed_tasks == []
    assert {host: counts["changed"] for host, counts in again.recap.items()} == dict.fromkeys(again.recap, 0)


@pytest.fixture(scope="module")
def there_and_back(fleet: Fleet, first):
    """1.1.0, then back to 1.0.0, under a request loop."""
    with fleet.loop() as loop:
        there = fleet.golive("1.1.0")
        after = fleet.version()["release"]
        back = fleet.playbook("rollback", variables={"release": "1.0.0"})
    return there, after, back, loop.seen


def test_going_live_and_rolling_back_loses_no_request(there_and_back):
    there, after, back, seen = there_and_back
    assert there.code == 0, there.output[-4000:]
    assert after == "1.1.0"
    assert back.code == 0, back.output[-4000:]
    assert seen["lost"] == []
    assert seen["sent"] > 2000
    assert set(seen["statuses"]) == {"200"}
    assert set(seen["releases"]) == {"1.0.0", "1.1.0"}


def test_a_rollback_proves_the_version(fleet, there_and_back):
    _, _, back, _ = there_and_back
    assert back.told["verdict"] == "LIVE"
    assert fleet.version()["release"] == "1.0.0"
