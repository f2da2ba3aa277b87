"""Filters for the API keys of the application. What they return never has the value of a secret in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import api_keys

Rows = Iterable[Mapping[str, Any]]


def refusals(
    described: Sequence[api_keys.Described],
    commands: api_keys.Commands,
    values: Mapping[str, str],
    slots: Mapping[str, str],
    catalogue: Rows,
    ages: Rows,
) -> list[str]:
    """Return what is wrong with the description, see golive_core.api_keys.refusals."""
    return api_keys.refusals(described, commands, api_keys.Secrets.of(values, slots, catalogue, ages))


def plan(
    described: Sequence[api_keys.Described],
    listed: str,
    commands: api_keys.Commands,
    revoke_unknown: bool,
    values: Mapping[str, str],
    slots: Mapping[str, str],
    catalogue: Rows,
    ages: Rows,
) -> dict[str, Any]:
    """Return what has to be done, see golive_core.api_keys.plan."""
    secrets = api_keys.Secrets.of(values, slots, catalogue, ages)
    return api_keys.plan(described, listed, secrets, commands, revoke_unknown)


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_api_key_lines": api_keys.describe,
            "golive_api_key_plan": plan,
            "golive_api_key_refusals": refusals,
        }
