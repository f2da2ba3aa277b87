"""Filters that tell of the secrets without showing one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import store


def ages(
    directory: str, catalogue: list[Mapping[str, Any]], vault: Iterable[str], made: Mapping[str, str], now: datetime
) -> list[dict[str, Any]]:
    """Return what is known of each secret, see golive_core.store.ages.

    :param now: of Ansible's `now(utc=true)`, which does not say its time zone
    """
    return store.ages(Path(directory), catalogue, vault, made, now.replace(tzinfo=UTC).timestamp())


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_secret_ages": ages,
            "golive_secret_list": store.describe,
            "golive_secret_metrics": store.metrics,
            "golive_secret_refusal": store.refusal,
        }
