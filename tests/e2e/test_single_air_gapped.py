"""A go-live from a bundle alone: a bare host whose network leads nowhere, and a controller that needs none.

What is done is what docs/how-to/air-gapped.md says, with `docker exec` in the place of SSH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from golive_core import bundle

from golive.lab import ROOT, Lab

from .conftest import SHORT
from .test_single import GROUPS, REACHED

pytestmark = [pytest.mark.lab, pytest.mark.full]

RELEASE = "1.0.0"


@dataclass
class Site:
    """Both sides: `inventory` where there is a network, `project` where there is none; `name` is the host's lab."""

    name: str
    inventory: Path
    carried: Path
    project: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "GOLIVE_LAB": self.name, "ANSIBLE_NOCOLOR": "1"}

    @property
    def alone(self) -> dict[str, str]:
        """The environment of the controller that has nothing but the bundle: no package of this project, no index."""
        kept = {
            name: value for name, value in self.environment.items() if not name.startswith(("PYTHON", "PIP_", "UV_"))
        }
        path = ":".join(place for place in os.environ["PATH"].split(":") if not place.startswith(str(ROOT)))
        kept.pop("ANSIBLE_CONFIG", None)
        return {**kept, "PATH": path, "GOLIVE_BUNDLE": str(self.carried)}

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        words = ["docker", "exec", f"{self.name}-server1", *command]
        return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A bare host, a release, and an inventory; then the network of the host is cut."""
    lab.images()
    lab.release(RELEASE)
    place = tmp_path_factory.mktemp("site")
    name = f"{lab.name}-air"
    inventory = place / "connected" / "inventories" / "air"
    shutil.copytree(ROOT / "inventories" / "lab" / "group_vars", inventory / "group_vars")
    host = {"lab_number": 11, "lab_image": f"{lab.name}/host:trixie"}
    hosts = {
        "all": {
            "hosts": {"server1": host},
            "children": {group: {"hosts": {"server1": {}}} for group in GROUPS},
            "vars": REACHED,
        }
    }
    (inventory / "hosts.yml").write_text(json.dumps(hosts), encoding="utf-8")
    # inventories/lab has what it keeps beside the project, by the name of the lab.
    state = place / "connected" / ".golive" / name
    state.mkdir(parents=True)
    (state / "releases").symlink_to(lab.state / "releases")
    found = Site(name, inventory, place / "golive-bundle-1.0.0", place / "alone" / "golive")
    try:
        subprocess.run(
            ["ansible-playbook", "playbooks/lab.yml", "-i", str(inventory)],
            cwd=ROOT, env=found.environment, check=True, capture_output=True,
        )  # fmt: skip
        yield found
    finally:
        subprocess.run(["docker", "rm", "-fv", f"{name}-server1"], check=False, capture_output=True)
        subprocess.run(["docker", "network", "rm", name], check=False, capture_output=True)


@pytest.fixture(scope="module")
def carried(site: Site) -> Site:
    """The bundle, written on one side and unpacked on the other."""
    words = ["bundle", "-i", str(site.inventory), "--release", RELEASE, "--output", f"{site.carried}.tar"]
    done = subprocess.run(
        [str(ROOT / "golive"), *words], env=site.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run(["tar", "xf", f"{site.carried}.tar"], cwd=site.carried.parent, check=True)
    site.project.parent.mkdir()
    return site


@pytest.fixture(scope="module")
def cut(carried: Site) -> Iterator[Site]:
    """The network of the host leads to itself and to this machine, and no further."""
    asked = ["docker", "network", "inspect", "--format", "{{.Id}}", carried.name]
    bridge = f"br-{subprocess.run(asked, capture_output=True, text=True, check=True).stdout[:12]}"
    rule = ["DOCKER-USER", "-i", bridge, "!", "-o", bridge, "-j", "REJECT"]
    subprocess.run(["iptables", "-I", *rule], check=True)
    try:
        yield carried
    finally:
        subprocess.run(["iptables", "-D", *rule], check=True)


def test_the_bundle_is_checked_with_nothing_of_its_own(carried: Site) -> None:
    signers = carried.inventory / ".golive" / "signing" / bundle.ALLOWED_NAME
    who = signers.read_text(encoding="utf-8").split()[0]
    verify = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-n",
        "golive-bundle",
        "-I",
        who,
        "-f",
        str(signers),
        "-s",
        bundle.SIGNATURE,
    ]
    with (carried.carried / bundle.SUMS).open("rb") as text:
        subprocess.run(verify, cwd=carried.carried, stdin=text, check=True, capture_output=True)
    subprocess.run(["sha256sum", "--quiet", "--check", bundle.SUMS], cwd=carried.carried, check=True)


def test_the_controller_needs_no_network(cut: Site) -> None:
    subprocess.run(["tar", "xf", cut.carried / "project.tar", "-C", cut.project.parent], check=True)
    command = ["unshare", "--net", str(cut.project / "golive"), "--help"]
    done = subprocess.run(command, env=cut.alone, capture_output=True, text=True, check=False)
    assert (done.returncode, "Take a containerised web application live" in done.stdout) == (0, True), done.stderr


def test_the_host_reaches_no_mirror(cut: Site) -> None:
    said = cut.inside("apt-get", "-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=0", "update")
    assert said.returncode == 100, said.stdout
    assert cut.inside("dpkg", "--status", "haproxy").returncode == 1, "the host is not bare"


def golive(site: Site, **variables: object) -> subprocess.CompletedProcess[str]:
    given = json.dumps({**SHORT, **variables})
    command = [str(site.project / "golive"), "run", RELEASE, "-i", "inventories/air", "--", "-e", given]
    return subprocess.run(
        command, cwd=site.project, env=site.alone, capture_output=True, text=True, timeout=1200, check=False
    )


@pytest.fixture(scope="module")
def alone(cut: Site) -> Site:
    """The inventory on the other side, which has the list of signers from elsewhere."""
    inventory = cut.project / "inventories" / "air"
    shutil.copytree(cut.inventory / "group_vars", inventory / "group_vars")
    shutil.copy(cut.inventory / "hosts.yml", inventory / "hosts.yml")
    shutil.copy(cut.inventory / ".golive" / "signing" / bundle.ALLOWED_NAME, inventory / bundle.ALLOWED_NAME)
    settings = {"golive_bundle_signers": str(inventory / bundle.ALLOWED_NAME)}
    (inventory / "group_vars" / "all" / "bundle.yml").write_text(json.dumps(settings), encoding="utf-8")
    return cut


def test_a_bundle_that_was_altered_touches_nothing(alone: Site) -> None:
    added = alone.carried / "wheels" / "added.whl"
    added.touch()
    done = golive(alone)
    added.unlink()
    assert done.returncode != 0
    assert "wheels/added.whl was added" in done.stdout + done.stderr
    assert alone.inside("test", "-e", "/etc/golive").returncode == 1


def test_it_goes_live_from_the_bundle_alone(alone: Site) -> None:
    done = golive(alone)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    newest = max((alone.project / ".golive" / alone.name / "records").glob("*/record.json"))
    assert json.loads(newest.read_text(encoding="utf-8"))["verdict"] == "LIVE"
    sources = alone.inside("apt-get", "indextargets", "--format", "$(URI)", "Created-By: Packages").stdout.splitlines()
    assert len(sources) == 1
    assert sources[0].startswith("file:/var/lib/golive-bundle/")
