"""Filters for role migration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import contract, migration_rehearsal
from golive_core.measurement import Measurement, measurement


def unneeded(why: str) -> list[Measurement]:
    """Return the measurement of a migration that need not be linted, and why."""
    return [measurement("database.migration_lint", n=1, observed=why, expected="nothing that is pending")]


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_contract_needed_by": contract.needed_by,
            "golive_contract_query": contract.gone_query,
            "golive_contract_refusal": contract.refusal,
            "golive_contract_unlisted": contract.unlisted,
            "golive_compose_on_copy": migration_rehearsal.compose_on_copy,
            "golive_migration_unfit": migration_rehearsal.unfit,
            "golive_migration_unneeded": unneeded,
            "golive_old_release": migration_rehearsal.old_release,
            "golive_smoke_checks": migration_rehearsal.smoke_checks,
            "golive_variables_on_copy": migration_rehearsal.variables_on_copy,
        }
