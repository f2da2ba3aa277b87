"""Every role has a scenario, and every scenario and role says on which releases of the distribution it was seen."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import yaml

from golive.lab import ROOT

SCENARIOS = sorted(path.parent.name for path in (ROOT / "molecule").glob("*/molecule.yml"))
OLDER = yaml.safe_load((ROOT / "molecule" / "older.yml").read_text(encoding="utf-8"))


def test_every_role_that_changes_a_host_has_a_scenario():
    with_state = {path.parents[1].name for path in (ROOT / "roles").glob("*/tasks/remove.yml")}
    assert with_state - set(SCENARIOS) == set()


@pytest.mark.parametrize("suite", OLDER)
def test_every_scenario_runs_on_an_older_release_or_says_why_not(suite):
    assert set(SCENARIOS) - {*OLDER[suite]["scenarios"], *OLDER[suite]["not"]} == set()


@pytest.mark.parametrize("suite", OLDER)
def test_a_role_names_the_releases_on_which_it_is_tested(suite):
    def named(role):
        if not (ROOT / "roles" / role).is_dir():
            return False  # a second scenario of some role
        meta = yaml.safe_load((ROOT / "roles" / role / "meta" / "main.yml").read_text(encoding="utf-8"))
        return any(suite in platform.get("versions", []) for platform in meta["galaxy_info"]["platforms"])

    assert [role for role in OLDER[suite]["scenarios"] if not named(role)] == []
    assert [role for role in OLDER[suite]["not"] if named(role)] == []


@pytest.mark.parametrize(("full", "code"), [("", pytest.ExitCode.OK), ("1", pytest.ExitCode.NO_TESTS_COLLECTED)])
def test_a_step_whose_tests_are_all_in_the_full_suite_does_not_stop_a_scenario(full, code):
    """All of this step's are; none of them has the name that is asked for."""
    step = ROOT / "molecule" / "backup" / "restored"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", step]
    nothing = ["-k", "none"] if full else []
    suite = {"MOLECULE_SCENARIO_DIRECTORY": str(step.parent), "GOLIVE_FULL": full, "GOLIVE_QUICK": ""}
    done = subprocess.run(
        [*command, *nothing], env={**os.environ, **suite}, cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
