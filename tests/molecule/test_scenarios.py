"""`molecule test -s ROLE` for every scenario, two at a time, on fresh container hosts."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from golive.lab import ROOT, Lab

SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
AT_ONCE = 2  # as many as this machine has cores
# Shown by the end-to-end tests only, so far.
WITHOUT = {"app", "backup", "edge", "migration"}

pytestmark = pytest.mark.lab


@dataclass
class Scenario:
    """What a run of Molecule said."""

    code: int
    said: str
    seconds: float


def _run(name: str, lab: Lab) -> Scenario:
    started = time.monotonic()
    done = subprocess.run(
        ["molecule", "test", "-s", name, "--no-command-borders"],
        cwd=ROOT,
        env={**os.environ, "GOLIVE_LAB": lab.name, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Scenario(done.returncode, done.stdout, time.monotonic() - started)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, lab: Lab) -> Iterator[dict[str, Future[Scenario]]]:
    """The scenarios that were asked for, all begun."""
    lab.images()
    asked = [item.callspec.params["name"] for item in request.session.items if "test_scenario[" in item.name]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(_run, name, lab) for name in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, runs, capsys: pytest.CaptureFixture[str]) -> None:
    run = runs[name].result()
    with capsys.disabled():
        print(f" {name}: {run.seconds:.0f} s", end="")
    # What failed stands before the clean-up and the summary.
    failure = re.split(r"WARNING .*An error occurred during the test sequence", run.said)[0]
    assert run.code == 0, failure[-6000:]


def test_every_role_that_changes_a_host_has_a_scenario() -> None:
    with_state = {path.parents[1].name for path in (ROOT / "roles").glob("*/tasks/remove.yml")}
    assert with_state - set(SCENARIOS) == WITHOUT
