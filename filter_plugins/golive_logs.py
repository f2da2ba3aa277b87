"""Filters of role logs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import log_config


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_log_addresses": log_config.addresses,
            "golive_log_masks_wrong": log_config.masks_wrong,
            "golive_log_rules_wrong": log_config.rules_wrong,
        }
