"""Every role has a scenario, and every scenario and role says on which releases of the distribution it was seen."""

from __future__ import annotations

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
