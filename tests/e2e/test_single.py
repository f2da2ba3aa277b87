"""The usual small team: one host that is everything. Beside the lab, with its image and its release."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from golive.lab import ROOT

from .conftest import SHORT, Fleet

pytestmark = [pytest.mark.lab, pytest.mark.full]

GROUPS = ("edge", "app", "database", "cache", "monitoring", "logs", "backup")


class Single:
    """A host of its own in all groups."""

    def __init__(self, fleet: Fleet, inventory: str) -> None:
        self.name = f"{fleet.lab.name}-single"
        self._fleet = fleet
        self._inventory = inventory
        self.state = ROOT / ".golive" / self.name
        self._variables = {
            "lab_name": self.name,
            "lab_clone": str(ROOT),
            "lab_image": f"{fleet.lab.name}/host:trixie",
            # The group_vars are those of the lab, which tell from the inventory's own place where the state is.
            "golive_controller_dir": str(self.state),
            "golive_releases_dir": str(fleet.lab.state / "releases"),
        }

    def playbook(self, name: str, **variables: object) -> subprocess.CompletedProcess[str]:
        extra = json.dumps({**self._variables, **variables})
        command = self._fleet.lab.playbook(f"playbooks/{name}.yml", "-i", self._inventory, "-e", extra)
        return subprocess.run(
            command, cwd=ROOT, env=self._fleet.environment, capture_output=True, text=True, check=False, timeout=1200
        )

    def told(self) -> dict[str, object]:
        newest = max((self.state / "records").glob("*/record.json"))
        found: dict[str, object] = json.loads(newest.read_text(encoding="utf-8"))
        return found


@pytest.fixture(scope="module")
def single(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    inventory = tmp_path_factory.mktemp("single")
    (inventory / "group_vars").symlink_to(ROOT / "inventories" / "lab" / "group_vars")
    hosts = {
        "all": {
            "hosts": {"server1": {"lab_number": 11}},
            "children": {group: {"hosts": {"server1": {}}} for group in GROUPS},
            "vars": {
                "ansible_connection": "community.docker.docker",
                "ansible_host": "{{ lab_name }}-{{ inventory_hostname }}",
                "ansible_python_interpreter": "/usr/bin/python3",
            },
        }
    }
    (inventory / "hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")
    host = Single(fleet, str(inventory))
    made = host.playbook("lab")
    assert made.returncode == 0, made.stdout[-4000:]
    yield host
    subprocess.run(["docker", "rm", "-fv", f"{host.name}-server1"], check=False, capture_output=True)
    subprocess.run(["docker", "network", "rm", host.name], check=False, capture_output=True)


def test_one_host_that_is_everything_goes_live(single):
    run = single.playbook("golive", release="1.0.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    assert single.told()["verdict"] == "LIVE"


def test_a_second_run_verifies_it(single):
    run = single.playbook("golive", release="1.0.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    assert single.told()["verdict"] == "VERIFIED"
    assert "changed=0 " in run.stdout.rpartition("PLAY RECAP")[2].split("server1")[1].splitlines()[0]
