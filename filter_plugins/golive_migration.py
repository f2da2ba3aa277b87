"""Filters for role migration."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import schema
from golive_core.measurement import Measurement, measurement

# What role migration measures before it migrates.
BEFORE = (
    "database.migration_lint", "database.rehearsal", "database.rehearsal_seconds", "database.rehearsal_lock_wait",
    "database.old_release_on_new_schema",
)  # fmt: skip


def unneeded(why: str, ids: Sequence[str] = BEFORE) -> list[Measurement]:
    """Return the measurements of what need not be measured, each with why."""
    return [measurement(id, n=1, value=0.0, unit="s", observed=why, expected="nothing that is pending") for id in ids]


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_contract_needed_by": schema.needed_by,
            "golive_migration_unneeded": unneeded,
            "golive_schema_of_release": schema.of_release,
            "golive_schema_refusals": schema.refusals,
        }
