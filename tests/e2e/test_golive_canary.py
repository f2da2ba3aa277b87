"""The new release keeps its share of the users only while it is as good. One that is, is in test_golive.py."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest

from .test_golive import CANARY
from .test_golive_kills import kill, start

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.usefixtures("first_release")]

OLD, NEXT = "1.0.0", "1.1.0"
PHASES = ("--tags", "preflight,database,release,performance")
# What sees a faulty release before any user does.
WAIVED = json.dumps(
    [
        {"gate": f"release.idle_{name}", "reason": "a test", "who": "tests", "until": "2099-12-31"}
        for name in ("answered", "errors", "refused", "unknown")
    ]
)


def back_to_old(fleet) -> None:
    if fleet.version()["release"] != OLD:
        back = fleet.playbook("rollback", variables={"release": OLD})
        assert back.code == 0, back.output[-4000:]


@pytest.fixture(autouse=True)
def old_release_serves(fleet):
    """The old release serves before each of these, and no share is set after it."""
    back_to_old(fleet)
    yield
    assert share(fleet) == "0"


@pytest.fixture(scope="module", autouse=True)
def what_comes_next_finds_the_old_release(fleet):
    """As what came before left it."""
    yield
    back_to_old(fleet)


def share(fleet) -> str:
    """Return the share that the edge's map has."""
    return fleet.on("edge1", "awk", '$1 == "canary_share" {print $2}', "/etc/haproxy/live.map").strip()


def answers(fleet, since: float) -> Counter[tuple[str, bool]]:
    """Return how many answers the edge's log has since then, by colour and by whether the application failed."""
    words = ("journalctl", "--identifier=haproxy", "--output=cat", "--no-pager", f"--since=@{since:.0f}")
    rows = [json.loads(line) for line in fleet.on("edge1", *words).splitlines() if line.startswith("{")]
    return Counter((str(row.get("colour")), row["status"] >= 500) for row in rows if row.get("choice") == "drawn")


def red(run) -> dict[str, dict[str, Any]]:
    return {gate["gate"]: gate for gate in run.told["gates"] if gate["verdict"] != "PASS" and not gate["waived"]}


def test_a_faulty_canary_is_taken_back_and_only_its_share_was_hurt(fleet):
    live, since = fleet.colour(), time.time()
    fault = {"FOOTBALL_FAULT_ERROR_SHARE": "0.50"}
    with fleet.loop(rate=50) as loop:
        run = fleet.golive(NEXT, *PHASES, **CANARY, football_fault=fault, gates_waivers_asked=WAIVED)
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    assert red(run)["release.canary_errors"]["verdict"] == "FAIL"
    assert "new is worse than old: errors" in red(run)["release.canary_errors"]["message"]
    assert run.told["canary"]["ended"] == "taken back"
    (edge,) = run.told["canary"]["edges"]
    assert edge["why"]
    assert edge["seconds"] < 30
    counted = answers(fleet, since)
    assert counted[live, True] == 0
    other = "green" if live == "blue" else "blue"
    assert 0 < counted[other, True] < 0.25 * counted.total()
    assert loop.seen["lost"] == []
    assert fleet.version()["release"] == OLD
    print(
        f"taken back after {edge['seconds']} s, {counted[other, True]} of {counted.total()} drawn requests were wrong"
    )


def test_a_canary_that_is_slower_and_has_another_share_than_declared_is_taken_back(fleet):
    fleet.on("edge1", "cp", "-a", "/etc/haproxy/haproxy.cfg", "/root/haproxy.cfg.kept")
    fleet.on("edge1", "sed", "-i", "s/rand(100)/rand(50)/", "/etc/haproxy/haproxy.cfg")
    fleet.on("edge1", "systemctl", "reload", "haproxy")
    try:
        slow = {"FOOTBALL_FAULT_LATENCY_SECONDS": "0.3"}
        run = fleet.golive(NEXT, *PHASES, **CANARY, football_fault=slow, gates_waivers_asked=WAIVED)
    finally:
        fleet.on("edge1", "mv", "/root/haproxy.cfg.kept", "/etc/haproxy/haproxy.cfg")
        fleet.on("edge1", "systemctl", "reload", "haproxy")
    assert run.told["verdict"] == "NOT LIVE", run.output[-4000:]
    assert set(red(run)) == {"release.canary_share", "release.canary_latency"}
    assert "wanted 20 % in between" in red(run)["release.canary_share"]["message"]
    assert "new is worse than old: P95" in red(run)["release.canary_latency"]["message"]
    assert run.told["canary"]["ended"] == "taken back"


def test_a_share_that_a_killed_run_has_left_is_shown_and_taken_back_by_the_next_one(fleet):
    process = start(fleet, **CANARY)
    until = time.monotonic() + 400
    while share(fleet) == "0":
        assert time.monotonic() < until
        time.sleep(1)
    kill(process)
    assert "20 % (cookie)" in fleet.playbook("status").output
    back = fleet.playbook("rollback", variables={"release": OLD})
    assert share(fleet) == "0"
    assert any("its share was taken back" in note["message"] for note in back.told["notes"])
    assert any("serves already. A canary's share was taken back" in said for said in back.told["blocking"])
