"""The database as its administrator asks it, the jobs of the backup host, and its gates."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STATE = "/var/lib/golive-backup"


@pytest.fixture(scope="session")
def sql(on) -> Callable[..., str]:
    """Return what a query returns, as the superuser on a database host: sql(query, database=, host=)."""

    def ask(query: str, database: str = "football", host: str = "data1") -> str:
        words = ["docker", "exec", "-u", "postgres", on(host).backend.name, "psql", "-XAt", database, "-c", query]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    return ask


@pytest.fixture(scope="session")
def job(host) -> Callable[[str, str], dict[str, Any]]:
    """Run a unit of the backup host and return what it wrote down: job(unit, result)."""

    def run(unit: str, result: str) -> dict[str, Any]:
        host.run(f"systemctl reset-failed {unit}; systemctl start {unit}")
        return json.loads(host.file(f"{STATE}/{result}.json").content_string)

    return run


@pytest.fixture(scope="session")
def pgbackrest(host) -> Callable[[str], str]:
    """Return what pgBackRest prints on the backup host."""
    return lambda words: host.run(f"runuser -u postgres -- pgbackrest --stanza=football {words}").stdout


@pytest.fixture(scope="session")
def gate() -> Callable[..., dict[str, Any]]:
    """Measure as a go-live does: gate(kind, key=) -> the measurement."""
    inventories = (ROOT / "molecule/shared/inventory", Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "hosts.yml")
    command = ["ansible", "ops1", *(f"--inventory={path}" for path in inventories), "--module-name=backup_probe"]
    plain = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}

    def measure(kind: str, **more: Any) -> dict[str, Any]:
        arguments = json.dumps({"checks": [{"id": f"database.{kind}", "kind": kind, **more}]})
        done = subprocess.run(
            [*command, f"--args={arguments}"],
            cwd=ROOT, env={**os.environ, **plain}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        seen: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])["measurements"][0]
        return seen

    return measure


@pytest.fixture(scope="session")
def restore() -> Callable[..., tuple[int, str]]:
    """Run playbooks/restore.yml with some variables; return its exit code and what it said, on one line."""
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])

    def run(hosts: str = "hosts.yml", **variables: str) -> tuple[int, str]:
        inventories = (ROOT / "molecule/shared/inventory", scenario / hosts)
        command = ["ansible-playbook", "playbooks/restore.yml", *(f"--inventory={path}" for path in inventories)]
        done = subprocess.run(
            [*command, f"--extra-vars={json.dumps(variables)}"],
            cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    return run
