"""Runs that are killed and hosts that fail in the middle: nobody loses a request, and the next run succeeds.

The points come from a fixed seed; GOLIVE_KILL_SEED takes another one, which a failure names.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from golive_core.colours import COLOURS

from golive.lab import ROOT

from .conftest import Fleet, Run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_release")]

OLD, NEW = "1.0.0", "1.1.0"
# The phases in which a run can hurt what serves. The others only verify by now.
TAGS = "preflight,database,release"
SEED = int(os.environ.get("GOLIVE_KILL_SEED") or 7)
# What a run says at the beginning of each part; one that is killed there has done everything before.
BOUNDARIES = {
    "database": "PLAY [Database",
    "stage": "PLAY [Release | Stage",
    "judged": "PLAY [Release | Judge the idle",
    "rehearsal": "PLAY [Release | Rehearse",
    "switch": "PLAY [Release | Switch",
    "follow": "PLAY [Release | Follow",
    "judgement": "PLAY [Release | Judge the live",
    "record": "PLAY [Record",
}


@pytest.fixture(scope="module", autouse=True)
def old_release_serves(fleet: Fleet) -> Iterator[None]:
    """What follows finds OLD, as what came before left it."""
    yield
    back_to_old(fleet)


def start(fleet: Fleet, **variables: Any) -> subprocess.Popen[str]:
    """Begin a go-live of NEW, in a process group of its own."""
    words = ["-i", "inventories/lab", "--tags", TAGS, "-e", json.dumps({"release": NEW, **variables})]
    return subprocess.Popen(
        fleet.lab.playbook("playbooks/golive.yml", *words),
        cwd=ROOT, env=fleet.environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[str]) -> None:
    """Kill the controller's processes, as a machine that goes down would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def killed_at(fleet: Fleet, words: str, after: float) -> bool:
    """Kill a go-live so many seconds after it said `words`; return whether it came to that."""
    process = start(fleet)
    assert process.stdout
    reached = any(words in line for line in process.stdout)
    if reached:
        time.sleep(after)
    kill(process)
    return reached


def left_over(fleet: Fleet) -> list[str]:
    """Return what a run should not leave: a lock, a third colour, half an archive, a draft."""
    found = fleet.on(
        "edge1", "find", "/opt/golive", "/etc/haproxy", "-name", "holder.json", "-o", "-name", ".*.new"
    ).split()
    for host in ("app1", "app2"):
        names = set(fleet.on(host, "docker", "ps", "--all", "--format", "{{.Names}}").split())
        found += sorted(names - {f"football-{name}" for colour in COLOURS for name in (colour, f"{colour}-importer")})
        found += fleet.on(host, "find", "/opt/golive", "-name", "image.tar", "-o", "-name", ".*.new").split()
    return found


def back_to_old(fleet: Fleet) -> None:
    if fleet.version()["release"] != OLD:
        back = fleet.playbook("rollback", variables={"release": OLD})
        assert back.code == 0, back.output[-4000:]
    for host in ("app1", "app2"):  # so that each rehearses
        fleet.on(host, "rm", "-f", f"/opt/golive/football/releases/{NEW}/rehearsed-{OLD}")


def survives(fleet: Fleet, hurt: Callable[[], Any]) -> Run:
    """Hurt a go-live under load, then run it again; return that second run."""
    back_to_old(fleet)
    with fleet.loop() as loop:
        hurt()
        serving = fleet.version()["release"]
        again = fleet.golive(NEW, "--tags", TAGS)
    assert serving in (OLD, NEW)
    assert again.code == 0, again.output[-4000:]
    assert loop.seen["lost"] == [], loop.seen["lost"][:5]
    assert set(loop.seen["releases"]) <= {OLD, NEW}
    assert fleet.version()["release"] == NEW
    assert left_over(fleet) == []
    return again


def points(number: int) -> list[tuple[str, float]]:
    """Return seeded points: a boundary, and seconds after it."""
    chance = random.Random(SEED)
    return [(chance.choice(list(BOUNDARIES)), round(chance.uniform(0, 6), 2)) for _ in range(number)]


def test_a_run_killed_again_and_again_hurts_nobody_and_goes_on(fleet):
    """Some of the points below in one go-live: each run begins with what the one before has left."""
    order = list(BOUNDARIES)
    chosen = sorted(points(4), key=lambda point: (order.index(point[0]), point[1]))

    def hurt():
        assert killed_at(fleet, BOUNDARIES[chosen[0][0]], chosen[0][1])
        for place, after in chosen[1:]:
            killed_at(fleet, BOUNDARIES[place], after)  # one that has nothing to do any more does not come to it

    survives(fleet, hurt)


@pytest.mark.full
@pytest.mark.parametrize(("place", "after"), [pytest.param(*point, id="{}+{}".format(*point)) for point in points(30)])
def test_a_run_killed_anywhere_hurts_nobody_and_is_started_again(fleet, place, after):
    survives(fleet, lambda: killed_at(fleet, BOUNDARIES[place], after))


@pytest.mark.full
@pytest.mark.parametrize("place", list(BOUNDARIES))
def test_a_run_killed_between_two_parts_hurts_nobody_and_is_started_again(fleet, place):
    def hurt():
        assert killed_at(fleet, BOUNDARIES[place], 0), f"the run never came to {place}"

    survives(fleet, hurt)


@pytest.mark.full
def test_a_run_killed_after_the_switch_and_red_when_started_again_flips_back(fleet):
    back_to_old(fleet)
    with fleet.loop() as loop:
        assert killed_at(fleet, BOUNDARIES["judgement"], 0)
        assert fleet.version()["release"] == NEW
        again = fleet.golive(
            NEW, "--tags", f"{TAGS},performance", gates_overrides={"performance.throughput": {"above": 5000}}
        )
    assert again.told["verdict"] == "ROLLED BACK", again.output[-4000:]
    assert any("did not come to its judgement" in note["message"] for note in again.told["notes"])
    assert fleet.version()["release"] == OLD
    assert loop.seen["lost"] == []


@pytest.mark.full
def test_a_rollback_of_a_warm_colour_is_one_flip_and_goes_on_without_hosts_that_are_down(fleet):
    if fleet.version()["release"] != NEW:
        assert fleet.golive(NEW, "--tags", TAGS).code == 0
    down = [f"{fleet.lab.name}-{host}" for host in ("app2", "ops1")]
    subprocess.run(["docker", "stop", *down], check=True, capture_output=True)
    try:
        refused = fleet.golive(NEW, "--tags", TAGS)
        back = fleet.playbook("rollback", variables={"release": OLD})
    finally:
        subprocess.run(["docker", "start", *down], check=True, capture_output=True)
    assert refused.code != 0
    assert back.code == 0, back.output[-4000:]
    assert any("app2, ops1 cannot be worked on" in note["message"] for note in back.told["notes"])
    assert fleet.version()["release"] == OLD
    for host in ("app2", "ops1"):
        until = time.monotonic() + 90
        while fleet.on(host, "systemctl", "is-system-running", check=False).strip() != "running":
            assert time.monotonic() < until, f"{host} did not come up again"
            time.sleep(1)


@pytest.mark.full
def test_a_rollback_goes_on_without_a_host_that_came_with_what_serves(fleet):
    if fleet.version()["release"] != NEW:
        assert fleet.golive(NEW, "--tags", TAGS, unfreeze="before a test").code == 0
    idle = next(colour for colour in COLOURS if colour != fleet.colour())
    releases = "/opt/golive/football/releases"
    # As a host that joined with NEW is: it has nothing else.
    fleet.on("app2", "docker", "rm", "--force", f"football-{idle}", f"football-{idle}-importer", check=False)
    fleet.on("app2", "sh", "-c", f"cd {releases} && find . -mindepth 1 -maxdepth 1 ! -name {NEW} -exec rm -r {{}} +")
    with fleet.loop() as loop:
        back = fleet.playbook("rollback", variables={"release": OLD})
    assert back.code == 0, back.output[-4000:]
    assert any(f"app2 came with {NEW} and never had {OLD}" in note["message"] for note in back.told["notes"])
    assert (fleet.version()["release"], loop.seen["lost"]) == (OLD, [])
    again = fleet.golive(NEW, "--tags", TAGS, unfreeze="a host had joined")
    assert again.code == 0, again.output[-4000:]
    assert fleet.version()["release"] == NEW
    assert left_over(fleet) == []


@pytest.mark.full
def test_a_rollback_brings_a_release_that_no_host_has_kept(fleet):
    if fleet.version()["release"] != NEW:
        assert fleet.golive(NEW, "--tags", TAGS, unfreeze="before a test").code == 0
    idle = next(colour for colour in COLOURS if colour != fleet.colour())
    for host in ("app1", "app2"):
        fleet.on(host, "docker", "rm", "--force", f"football-{idle}", f"football-{idle}-importer", check=False)
        fleet.on(host, "sh", "-c", f"docker rmi $(docker images -q '*/football:{OLD}')")
        fleet.on(host, "rm", "-r", f"/opt/golive/football/releases/{OLD}")

    archive = fleet.lab.state / "releases" / OLD / "image.tar"
    away = archive.rename(archive.with_suffix(".away"))
    try:
        refused = fleet.playbook("rollback", variables={"release": OLD})
    finally:
        away.rename(archive)
    assert refused.code != 0
    assert any("image.tar is not there" in said for said in refused.told["blocking"]), refused.told["blocking"]
    assert not any("no longer guards" in note["message"] for note in refused.told["notes"])  # the watcher

    with fleet.loop() as loop:
        back = fleet.playbook("rollback", variables={"release": OLD})
    assert back.code == 0, back.output[-4000:]
    assert {gate["host"] for gate in back.gate("release.idle_health")} == {"app1", "app2"}
    assert (fleet.version()["release"], loop.seen["lost"]) == (OLD, [])


@pytest.mark.full
def test_a_colour_whose_window_has_passed_is_stopped_by_its_host_and_started_again_by_a_rollback(fleet):
    if fleet.version()["release"] != OLD:
        back_to_old(fleet)
    live = fleet.golive(NEW, "--tags", TAGS, release_strict_minutes=0)
    assert live.code == 0, live.output[-4000:]
    container = json.loads(fleet.on("app1", "cat", "/opt/golive/football/warm.json"))["container"]
    until = time.monotonic() + 60
    while container in fleet.on("app1", "docker", "ps", "--format", "{{.Names}}").split():
        assert time.monotonic() < until, fleet.on("app1", "journalctl", "-u", "golive-cool-football", "--no-pager")
        time.sleep(1)
    assert fleet.version()["release"] == NEW
    back = fleet.playbook("rollback", variables={"release": OLD})
    assert back.code == 0, back.output[-4000:]
    assert back.gate("release.idle_health")
    assert fleet.version()["release"] == OLD


@pytest.mark.full
def test_a_planted_fault_turns_the_rehearsal_red_and_nothing_stays_switched(fleet):
    back_to_old(fleet)
    slow = {"release.rehearsal_seconds": {"below": 0.0001}}
    run = fleet.golive(NEW, "--tags", TAGS, rehearse=True, gates_overrides=slow)
    assert run.told["verdict"] == "NOT LIVE", run.output[-4000:]
    assert [gate["verdict"] for gate in run.gate("release.rehearsal_seconds")] == ["FAIL"]
    assert [gate["verdict"] for gate in run.gate("release.rehearsal_lost")] == ["PASS"]
    assert fleet.version()["release"] == OLD


def host_fault(fleet: Fleet, *command: str, host: str = "app2") -> Callable[[], None]:
    """Return what begins a go-live, does something to a host while the idle colour is staged, and waits for the end."""

    def hurt() -> None:
        process = start(fleet)
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if BOUNDARIES["stage"] in line:
                subprocess.run(["docker", *command], check=True, capture_output=True)
        process.wait(timeout=600)
        assert not re.search("Traceback", said)

    return hurt


@pytest.mark.full
def test_an_engine_that_is_killed_in_the_middle(fleet):
    name = f"{fleet.lab.name}-app2"
    survives(fleet, host_fault(fleet, "exec", name, "pkill", "-KILL", "-x", "dockerd"))


@pytest.mark.full
def test_an_edge_that_reloads_in_the_middle(fleet):
    name = f"{fleet.lab.name}-edge1"
    survives(fleet, host_fault(fleet, "exec", name, "systemctl", "reload", "haproxy"))
