"""The vars plugins that ansible.cfg enables cost nothing but their own work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: Ansible reads its configuration once.
ASKED = """
from ansible import constants as C
from ansible.plugins.loader import vars_loader
for name in C.VARIABLE_PLUGINS_ENABLED:  # in the order of Ansible: one plugin may change another
    vars_loader.get(name)
print(*(name for name in C.VARIABLE_PLUGINS_ENABLED if vars_loader.get(name) is not vars_loader.get(name)))
"""


def test_ansible_makes_each_once() -> None:
    """It asks for each several times for every task, and makes one that does not say that it is stateless each time."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run([sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stderr
