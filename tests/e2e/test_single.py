"""The usual small team: one host that is everything. Beside the lab, with its image; football, and an application that
only has what `golive init` asks for: no database, no metrics, no keys."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from golive.lab import ROOT

from .conftest import SHORT, Fleet

pytestmark = [pytest.mark.lab, pytest.mark.full]

GROUPS = ("edge", "app", "database", "cache", "monitoring", "logs", "backup")


# How a container host is reached, in place of SSH.
REACHED = {
    "ansible_connection": "community.docker.docker",
    "ansible_host": "{{ lab_name }}-{{ inventory_hostname }}",
    "ansible_python_interpreter": "/usr/bin/python3",
}


class Single:
    """A host of its own in all groups."""

    def __init__(self, fleet: Fleet, name: str, inventory: Path, **variables: str) -> None:
        self.name = f"{fleet.lab.name}-{name}"
        self._fleet = fleet
        self._inventory = inventory
        self.state = inventory / ".golive"
        self._variables = {
            "lab_name": self.name,
            "lab_clone": str(ROOT),
            "lab_image": f"{fleet.lab.name}/host:trixie",
            **variables,
        }

    def playbook(self, name: str, **variables: object) -> subprocess.CompletedProcess[str]:
        extra = json.dumps({**self._variables, **variables})
        command = self._fleet.lab.playbook(f"playbooks/{name}.yml", "-i", str(self._inventory), "-e", extra)
        return subprocess.run(
            command, cwd=ROOT, env=self._fleet.environment, capture_output=True, text=True, check=False, timeout=1200
        )

    def told(self) -> dict[str, object]:
        newest = max((self.state / "records").glob("*/record.json"))
        found: dict[str, object] = json.loads(newest.read_text(encoding="utf-8"))
        return found

    def made(self) -> Iterator[Single]:
        """Give the host, and take it away."""
        made = self.playbook("lab")
        assert made.returncode == 0, made.stdout[-4000:]
        yield self
        subprocess.run(["docker", "rm", "-fv", f"{self.name}-server1"], check=False, capture_output=True)
        subprocess.run(["docker", "network", "rm", self.name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def single(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    inventory = tmp_path_factory.mktemp("single")
    (inventory / "group_vars").symlink_to(ROOT / "inventories" / "lab" / "group_vars")
    hosts = {
        "all": {
            "hosts": {"server1": {"lab_number": 11}},
            "children": {group: {"hosts": {"server1": {}}} for group in GROUPS},
            "vars": REACHED,
        }
    }
    (inventory / "hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")
    # The group_vars are those of the lab, which tell from the inventory's own place where the state is.
    places = {
        "golive_controller_dir": str(inventory / ".golive"),
        "golive_releases_dir": str(fleet.lab.state / "releases"),
    }
    yield from Single(fleet, "single", inventory, **places).made()


@pytest.fixture(scope="module")
def own(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    """A host for what `golive init` writes; only how it is reached is not its own."""
    inventory = tmp_path_factory.mktemp("own") / "mine"
    words = ["--app", "shop", "--public-name", "shop.example.org", "--hosts", "server1"]
    subprocess.run(
        [sys.executable, "-m", "golive", "init", str(inventory), *words, "--admin-networks", "10.213.0.0/16", "--yes"],
        cwd=ROOT, env=fleet.environment, check=True, capture_output=True,
    )  # fmt: skip
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text(encoding="utf-8"))
    hosts["all"]["vars"] = {**REACHED, "lab_number": 11}
    (inventory / "hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")
    lab = Path("group_vars") / "all" / "lab.yml"
    (inventory / lab).symlink_to(ROOT / "inventories" / "lab" / lab)
    yield from Single(fleet, "own", inventory).made()


def bring(fleet: Fleet, host: Single, release: str) -> None:
    """Put a release where docs/how-to/own-app.md says, with what it says."""
    place = host.state / "releases" / release
    (place / "evidence").mkdir(parents=True)
    image = f"{host.name}/shop:{release}"
    context = str(ROOT / "molecule" / "app" / "image")
    arguments = ["--build-arg", f"BASE={fleet.lab.name}/python:trixie", "--build-arg", f"RELEASE={release}"]
    subprocess.run(["docker", "build", "--tag", image, *arguments, context], check=True, capture_output=True)
    asked = ["docker", "image", "inspect", "--format", "{{.Id}}", image]
    image_id = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["docker", "save", "--output", str(place / "image.tar"), image], check=True)
    subprocess.run(["docker", "rmi", image], check=True, capture_output=True)
    of = {"commit": "3f2a9c1" * 5, "image_id": image_id}
    told = {"release": release, "archive": "image.tar", **of}
    (place / "release.json").write_text(json.dumps(told), encoding="utf-8")
    junit = b'<testsuites><testsuite name="shop"><testcase classname="shop" name="test_it"/></testsuite></testsuites>'
    (place / "evidence" / "junit.xml").write_bytes(junit)
    evidence = {
        **of,
        "dirty": False,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reports": {"junit.xml": hashlib.sha256(junit).hexdigest()},
    }
    (place / "evidence" / "evidence.json").write_text(json.dumps(evidence), encoding="utf-8")


def test_one_host_that_is_everything_goes_live(single):
    run = single.playbook("golive", release="1.0.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    assert single.told()["verdict"] == "LIVE"


def test_a_second_run_verifies_it(single):
    run = single.playbook("golive", release="1.0.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    assert single.told()["verdict"] == "VERIFIED"
    assert "changed=0 " in run.stdout.rpartition("PLAY RECAP")[2].split("server1")[1].splitlines()[0]


def test_an_application_that_has_only_what_init_asks_for_goes_live(fleet, own):
    bring(fleet, own, "1.0.0")
    run = own.playbook("golive", release="1.0.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    told = own.told()
    assert told["verdict"] == "LIVE"
    waived = yaml.safe_load((own.state.parent / "group_vars" / "all" / "waivers.yml").read_text(encoding="utf-8"))
    red = {gate["gate"] for gate in told["gates"] if gate["verdict"] != "PASS"}
    # One is of a step that a go-live does not come to.
    assert red == {waiver["gate"] for waiver in waived["gates_waivers"]} - {"watch.panels_still_have_data"}


def test_its_next_release_goes_live_and_back(fleet, own):
    bring(fleet, own, "1.1.0")
    run = own.playbook("golive", release="1.1.0", **SHORT)
    assert run.returncode == 0, run.stdout[-6000:]
    assert own.told()["verdict"] == "LIVE"
    back = own.playbook("rollback", release="1.0.0")
    assert back.returncode == 0, back.stdout[-6000:]
