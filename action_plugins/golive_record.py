"""Module golive_record, without a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

# Ansible does not put what its plugins share on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "plugin_utils"))

from in_process import InProcess, load


class ActionModule(InProcess):
    """What Ansible looks for in an action's file."""

    module = load("golive_record")
