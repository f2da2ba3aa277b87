"""The filters that turn secrets into SCRAM verifiers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core.scram import open_roles, passwords


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {"golive_open_roles": open_roles, "golive_scram_passwords": passwords}
