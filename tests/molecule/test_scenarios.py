"""`molecule test -s ROLE` for every scenario, two at a time, on fresh container hosts.

The default suite begins no scenario after MINUTES, so that it ends on a slow machine, too; those that changed last come
first, and what it left out is skipped by name. The full suite runs all.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import yaml

from golive.lab import ROOT, SUITE, Lab


def _last_changed(scenario: str) -> int:
    """Return when a commit last changed the scenario or its role, as seconds since 1970."""
    told = subprocess.run(
        ["git", "log", "-1", "--format=%ct", "--", f"molecule/{scenario}", f"roles/{scenario}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return int(told.stdout or 0)  # an archive of the project has no commits


SCENARIOS = sorted(
    (path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml")),
    key=lambda name: (-_last_changed(name), name),
)
# Scenarios that the full suite also runs on hosts with an older release of the distribution.
OLDER = yaml.safe_load((ROOT / "molecule" / "older.yml").read_text(encoding="utf-8"))
AT_ONCE = 2  # as many as this machine has cores
STARTED = float(os.environ.get("GOLIVE_STARTED") or time.time())  # when the launcher began
MINUTES = 56  # what is under way then may take three or four more

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Scenario:
    """A scenario and the release of the distribution on its hosts."""

    name: str
    suite: str = SUITE

    def __str__(self) -> str:
        return self.name if self.suite == SUITE else f"{self.name} on {self.suite}"


@dataclass
class Run:
    """What a run of Molecule said."""

    code: int
    said: str
    seconds: float


# Roles and sources that a site may do without: shown by the full suite alone.
OPTIONS = {"edge_pair", "grafana", "registry", "tls_acme"}
# Those on the older releases come last: the two runs of one scenario share Molecule's directory for it.
ALL = [
    *(pytest.param(Scenario(name), marks=[pytest.mark.full] * (name in OPTIONS)) for name in SCENARIOS),
    *(
        pytest.param(Scenario(name, suite), marks=pytest.mark.full)
        for suite in OLDER
        for name in OLDER[suite]["scenarios"]
    ),
]


def _run(scenario: Scenario, lab: Lab) -> Run | None:
    """Run a scenario, unless it is too late for it."""
    if not os.environ.get("GOLIVE_FULL") and time.time() - STARTED > 60 * MINUTES:
        return None
    started = time.monotonic()
    # Bad variables take a seventh of a scenario's time.
    quick = {} if os.environ.get("GOLIVE_FULL") else {"GOLIVE_QUICK": "1"}
    wanted = {**quick, "GOLIVE_LAB": lab.name, "GOLIVE_SUITE": scenario.suite, "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        ["molecule", "test", "-s", scenario.name, "--no-command-borders"],
        cwd=ROOT,
        env={**os.environ, **wanted},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(done.returncode, done.stdout, time.monotonic() - started)


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, lab: Lab) -> Iterator[dict[Scenario, Future[Run | None]]]:
    """The scenarios that were asked for, all begun."""
    items = [item for item in request.session.items if getattr(item, "function", None) is test_scenario]
    asked = [item.callspec.params["scenario"] for item in items]
    lab.images(*sorted({scenario.suite for scenario in asked}))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {scenario: pool.submit(_run, scenario, lab) for scenario in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("scenario", ALL, ids=str)
def test_scenario(scenario: Scenario, runs, record_property) -> None:
    run = runs[scenario].result()
    if run is None:
        pytest.skip(f"{MINUTES} minutes are over; ./golive test --full tests/molecule -k {scenario.name} runs it")
    record_property("scenario", str(scenario))
    record_property("seconds", f"{run.seconds:.1f}")
    # What failed stands before the clean-up and the summary.
    failure = re.split(r"WARNING .*An error occurred during the test sequence", run.said)[0]
    assert run.code == 0, failure[-6000:]
