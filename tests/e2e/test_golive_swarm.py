"""The main job with Docker Swarm in place of Compose: the same gates, the same switch, the same rollback.

Hosts of its own, as many as the lab has.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from golive_core import record

from golive.lab import ROOT

from .conftest import SHORT, Fleet, RequestLoop
from .test_single import REACHED, Single

pytestmark = [pytest.mark.lab, pytest.mark.full]

NUMBERS = {"edge1": 11, "app1": 21, "app2": 22, "data1": 31, "ops1": 41}
GROUPS = {
    "edge": ["edge1"],
    "app": ["app1", "app2"],
    **{group: ["data1"] for group in ("database", "cache")},
    **{group: ["ops1"] for group in ("monitoring", "logs", "backup")},
}


class Swarm(Single):
    """The hosts, and what they show."""

    def on(self, host: str, *command: str) -> str:
        return subprocess.run(
            ["docker", "exec", f"{self.name}-{host}", *command], capture_output=True, text=True, check=True
        ).stdout

    def services(self) -> dict[str, str]:
        """Return each service to how many of its containers run, of how many."""
        said = self.on("app1", "docker", "service", "ls", "--format", "{{.Name}} {{.Replicas}}")
        return dict(line.split(maxsplit=1) for line in said.splitlines())


@pytest.fixture(scope="module")
def swarm(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    inventory = tmp_path_factory.mktemp("swarm")
    (inventory / "group_vars").symlink_to(ROOT / "inventories" / "lab" / "group_vars")
    # Each by its own name, as in the lab's inventory: what is delegated would come back otherwise.
    own = {name: {"ansible_host": f"{fleet.lab.name}-nodes-{name}"} for name in NUMBERS}
    hosts = {
        "all": {
            "hosts": {name: {**own[name], "lab_number": number} for name, number in NUMBERS.items()},
            "children": {group: {"hosts": {name: {} for name in names}} for group, names in GROUPS.items()},
            "vars": {**REACHED, "app_engine": "swarm"},
        }
    }
    (inventory / "hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")
    places = {
        "golive_controller_dir": str(inventory / ".golive"),
        "golive_releases_dir": str(fleet.lab.state / "releases"),
    }
    made = Swarm(fleet, "nodes", inventory, **places)
    lab = made.playbook("lab")
    assert lab.returncode == 0, lab.stdout[-4000:]
    yield made
    for name in NUMBERS:
        subprocess.run(["docker", "rm", "-fv", f"{made.name}-{name}"], check=False, capture_output=True)
    subprocess.run(["docker", "network", "rm", made.name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def first(swarm: Swarm) -> dict[str, Any]:
    run = swarm.playbook("golive", release="1.0.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    return swarm.told()


def test_a_release_goes_live_behind_every_gate(swarm, first):
    assert first["verdict"] == "LIVE"
    waived = {gate["gate"] for gate in first["gates"] if gate.get("waived")}
    assert all(name.startswith("monitoring.grafana_") for name in waived)
    assert all(gate["verdict"] == "PASS" for gate in first["gates"] if gate["gate"] not in waived)
    asked = {gate["gate"] for gate in first["gates"]}
    containers = {"release.idle_image", "release.idle_limits", "release.idle_user", "release.idle_secrets"}
    assert asked >= containers | {"release.idle_log_found", "release.live_image", "release.live_workers"}
    assert asked >= {"watch.restarts", "watch.container_memory", "security.app_ports"}
    assert {phase: seen["state"] for phase, seen in first["phases"].items()} == dict.fromkeys(record.PHASES, "complete")
    assert swarm.services() == {"football-blue_app": "2/2"}


def test_a_second_run_verifies_and_changes_nothing(swarm, first):
    run = swarm.playbook("golive", release="1.0.0", redo=True, **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    assert swarm.told()["verdict"] == "VERIFIED"
    rows = run.stdout.rpartition("PLAY RECAP")[2].splitlines()
    assert [row for row in rows if "changed=" in row and "changed=0 " not in row] == []


def test_a_release_that_does_not_start_is_stopped_and_what_serves_is_not_touched(swarm, first):
    def serving() -> str:
        return swarm.on("app2", "docker", "ps", "-q", "--filter", "label=golive.container=football-blue")

    before = serving()
    run = swarm.playbook("golive", release="1.1.0", app_command=["no-such-command"], app_start_seconds=10, **SHORT)
    assert run.returncode != 0
    told = swarm.told()
    assert told["verdict"] == "NOT LIVE"
    assert "database.old_release_on_new_schema" in {gate["gate"] for gate in told["gates"]}
    assert "Release 1.1.0 was not ready as green on app" in run.stdout
    assert swarm.services() == {"football-blue_app": "2/2"}
    assert serving() == before


def test_the_next_release_takes_over_and_gives_back_without_losing_a_request(swarm, first):
    with RequestLoop(f"{swarm.name}-ops1", "/version", 50) as loop:
        there = swarm.playbook("golive", release="1.1.0", **SHORT)
        assert there.returncode == 0, there.stdout[-6000:]
        told = swarm.told()
        assert swarm.services() == {"football-blue_app": "2/2", "football-green_app": "2/2"}
        back = swarm.playbook("rollback", release="1.0.0")
        assert back.returncode == 0, back.stdout[-6000:]
    assert told["verdict"] == "LIVE"
    assert "release.rehearsal_seconds" in {gate["gate"] for gate in told["gates"]}
    assert swarm.told()["verdict"] == "LIVE"
    assert loop.seen["lost"] == []
    assert set(loop.seen["statuses"]) == {"200"}
    assert set(loop.seen["releases"]) == {"1.0.0", "1.1.0"}


def test_a_cold_release_is_started_again_from_what_the_hosts_have(swarm, first):
    """As when the window has passed: the stack of the colour that gave over is gone."""
    swarm.on("app1", "docker", "stack", "rm", "football-green")
    for _ in range(60):
        if not swarm.on("app2", "docker", "ps", "-q", "--filter", "label=golive.container=football-green"):
            break
        time.sleep(1)
    back = swarm.playbook("rollback", release="1.1.0")
    assert back.returncode == 0, back.stdout[-6000:]
    assert swarm.told()["verdict"] == "LIVE"
    assert swarm.services() == {"football-blue_app": "2/2", "football-green_app": "2/2"}


def test_what_runs_cannot_change_its_engine(swarm, first):
    before = swarm.services()
    run = swarm.playbook("golive", release="1.0.0", app_engine="compose", **SHORT)
    assert run.returncode != 0
    assert "app_engine is compose, but on app1 a colour runs under swarm" in run.stdout
    assert swarm.services() == before


def test_a_node_that_reboots_serves_again_and_every_gate_that_reads_is_green(swarm, first):
    before = swarm.services()
    subprocess.run(["docker", "restart", f"{swarm.name}-app2"], check=True, capture_output=True)
    for _ in range(90):
        if swarm.services() == before:
            break
        time.sleep(1)
    run = swarm.playbook("verify")
    assert run.returncode == 0, run.stdout[-6000:]
