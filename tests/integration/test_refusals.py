"""Bad input: one clear sentence before anything is touched, an exit code that is not 0, and no traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INVENTORIES = ROOT / "inventories"


@pytest.fixture
def site(tmp_path):
    """A copy of the single-host inventory with one release in it; nothing listens where it points."""
    shutil.copytree(INVENTORIES / "single", tmp_path / "site", symlinks=False)
    release = tmp_path / "site" / ".golive" / "releases" / "1.0.0"
    release.mkdir(parents=True)
    (release / "release.json").write_text('{"schema": 1, "release": "1.0.0"}')
    hosts = tmp_path / "site" / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("server1.example.org", "127.0.0.1\n      ansible_port: 1"))
    return tmp_path / "site"


def play(playbook, *words):
    """Run a playbook that must not end well, and return what it said."""
    command = ["ansible-playbook", f"playbooks/{playbook}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    return " ".join(said.split())  # Ansible folds long lines


def golive(site, *words):
    return play("golive.yml", "-i", str(site), *words)


def records(site):
    return list((site / ".golive").glob("records/*"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "-e release=1.4.0"),
        (("-e", "release=9.9.9"), "release 9.9.9 is not known"),
        (("-e", "release=../1.0.0"), 'the release is "../1.0.0"'),
        (("-e", "release=1.0.0", "-e", "gates_load_seconds=5000"), "of 1 to 600 (are 5000 and"),
        (
            ("-e", "release=1.0.0", "-e", '{"gates_overrides": {"performance.latency": {"below": 1}}}'),
            "gates_overrides names performance.latency, which is no gate (did you mean performance.latency_p95?)",
        ),
    ],
    ids=["no release", "unknown release", "a path", "a load of hours", "no gate"],
)
def test_a_request_that_cannot_work(site, words, sentence):
    said = golive(site, *words)
    assert sentence in said
    assert "Nothing was touched" in said
    assert records(site) == []


def test_all_that_is_wrong_is_said_at_once(site):
    (site / ".golive" / "releases" / "1.0.0" / "release.json").write_text('{"release": "1.1.0"}')
    given = {
        "golive_app": "",
        "golive_public_name": "under_score",
        "golive_language": "fr",
        "edge_timeouts": "fast",
        "edge_rate_limit": {"requests": 5},
    }
    said = golive(site, "-e", "release=1.0.0", "-e", "app_port=abc", "-e", json.dumps(given))
    for sentence in (
        'golive_app is ""',
        'golive_public_name is "under_score"',
        "golive_language must be one of: en, zh, both, got: fr",
        'variable app_port is "abc", wanted int',
        "variable edge_timeouts is of type str, wanted dict",
        "missing required arguments: window_seconds found in edge_rate_limit",
        'release.json is of release "1.1.0", wanted "1.0.0": build or fetch the release again. Nothing was touched',
    ):
        assert sentence in said
    assert records(site) == []


def test_a_misspelt_variable(site):
    group_vars = site / "group_vars" / "all" / "golive.yml"
    group_vars.write_text(group_vars.read_text() + "edge_rate_limits: {requests: 5}\n")
    said = golive(site, "-e", "release=1.0.0")
    assert "variable edge_rate_limits is not known; did you mean edge_rate_limit?" in said
    assert records(site) == []


def test_a_group_without_hosts(site):
    hosts = site / "hosts.yml"
    hosts.write_text("\n".join(line for line in hosts.read_text().splitlines() if "backup:" not in line))
    assert "the inventory has no host in backup" in golive(site, "-e", "release=1.0.0")


# Those that have something to do without any host: the lab's own, AWX's, and the check of a record.
WITHOUT_HOSTS = {"lab.yml", "awx.yml", "record.yml"}


@pytest.mark.parametrize("playbook", sorted({path.name for path in ROOT.glob("playbooks/*.yml")} - WITHOUT_HOSTS))
def test_no_playbook_does_nothing_and_ends_well(playbook):
    said = play(playbook, "-e", "release=1.0.0")
    assert "there is no host: name an inventory that has some with -i" in said
    assert "Nothing was touched" in said


@pytest.mark.parametrize(("playbook", "missing"), [("backup.yml", "backup"), ("restore.yml", "database, backup")])
def test_a_playbook_names_the_group_that_it_is_about(site, playbook, missing):
    (site / "hosts.yml").write_text("all: {hosts: {server1: {}}}\n")
    assert f"the inventory has no host in {missing}" in play(playbook, "-i", str(site))


def test_an_unreachable_host_is_named_and_recorded(site):
    said = golive(site, "-e", "release=1.0.0", "-e", "ansible_ssh_common_args='-o ConnectTimeout=2'")
    assert "server1" in said
    assert "UNREACHABLE" in said
    record = (records(site)[0] / "record.md").read_text()
    assert "NOT LIVE" in record
    assert "server1 did not finish phase preflight" in record


def test_a_wrong_vault_password(tmp_path):
    wrong = tmp_path / "password"
    wrong.write_text("not this one\n")
    said = golive(INVENTORIES / "prod", "-e", "release=1.0.0", "--vault-password-file", str(wrong))
    assert "Decryption failed" in said


@pytest.mark.parametrize("name", ["lab", "single", "prod"])
def test_every_inventory_parses_and_lists_the_same_tasks(name):
    vault = ["--vault-password-file", "inventories/prod/vault-password.example"] if name == "prod" else []
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    for command in (
        ["ansible-inventory", "-i", f"inventories/{name}", "--list"],
        ["ansible-playbook", "-i", f"inventories/{name}", "playbooks/golive.yml", "--syntax-check"],
        ["ansible-playbook", "-i", f"inventories/{name}", "playbooks/golive.yml", "--list-tasks"],
        ["ansible-playbook", "-i", f"inventories/{name}", "playbooks/rollback.yml", "--syntax-check"],
    ):
        done = subprocess.run(
            [*command, *vault], cwd=ROOT, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "[ERROR]" not in done.stderr
        assert "DEPRECATION" not in done.stderr


def test_what_init_writes_passes_validation(site):
    mine = site / "mine"
    words = [
        "--app",
        "shop",
        "--public-name",
        "shop.example.org",
        "--hosts",
        "server1",
        "--admin-networks",
        "192.0.2.0/24",
    ]
    made = subprocess.run(
        [sys.executable, "-m", "golive", "init", str(mine), *words, "--yes"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": "src:module_utils"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    shutil.copytree(site / ".golive" / "releases", mine / ".golive" / "releases")
    hosts = mine / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("server1:", "server1: {ansible_host: 127.0.0.1, ansible_port: 1}"))
    said = golive(mine, "-e", "release=1.0.0")
    assert "Nothing was touched" not in said
    assert "server1" in said  # refused by nothing, so that it was to be reached
    assert len(records(mine)) == 1
