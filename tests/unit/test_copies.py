"""Copies of what Ansible has read share what never changes, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: the plugin changes classes of Ansible.
ASKED = """
import runpy
from ansible.parsing.dataloader import DataLoader
runpy.run_path("vars_plugins/golive_copies.py")
loader = DataLoader()
first, again = (loader.load_from_file("roles/gates/defaults/main/release.yml", cache="all") for _ in range(2))
assert first == again
one, other = first["gates_release"][0], again["gates_release"][0]
assert one["id"] is other["id"], "a string was copied"
assert type(one["id"]) is type(other["id"]) is not str, "what it was read from is forgotten"
other["judge"]["planted"] = True
again["gates_release"].append("planted")
assert "planted" not in one["judge"] and "planted" not in first["gates_release"], "a list or a dictionary is shared"
"""


def test_a_copy_shares_strings_and_nothing_that_can_change():
    done = subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
