"""A playbook by ansible-runner: what is shown, what is left on the disk, an interrupt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from support import ROOT

CODE = """
import json, sys
from golive import play
play.Command.argv = lambda self: ["ansible-playbook", sys.argv[1]]
print(json.dumps(play.run(play.Command("x"), as_json=True)))

"""
PLAYBOOK = """
- name: Preflight | Look
  hosts: localhost
  gather_facts: false
  tasks:
    - name: See how it is called
      ansible.builtin.debug:
        msg:
          - "host keys: {{ lookup('config', 'HOST_KEY_CHECKING') }}"
          - "artifacts: {{ lookup('env', 'AWX_ISOLATED_DATA_DIR') }}"
    - name: Hide it
      ansible.builtin.command: echo s3cr3t-of-the-vault
      no_log: true
      changed_when: false
    - name: Wait for it
      ansible.builtin.command: sleep SECONDS
      changed_when: false
"""


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a playbook of so many seconds."""

    def run(seconds):
        file = tmp_path / "play.yml"
        file.write_text(PLAYBOOK.replace("SECONDS", str(seconds)))
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'module_utils'}",
            "GOLIVE_LOGS": str(tmp_path / "logs"),
        }
        command = [sys.executable, "-c", CODE, str(file)]
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    return run


def test_events_come_as_they_happen_and_nothing_stays_on_the_disk(start, tmp_path):
    said, _ = start(0).communicate(timeout=120)
    events = [json.loads(line) for line in said.splitlines()]
    notes = dict(event["message"].split(": ", 1) for event in events if event["event"] == "note")
    assert notes["host keys"] == "True"
    assert "golive-run-" in notes["artifacts"]
    assert not os.path.exists(notes["artifacts"])  # noqa: PTH110
    assert (events[-1]["exit_name"], events[-1]["code"]) == ("live", 0)
    assert "s3cr3t-of-the-vault" not in said
    (log,) = (tmp_path / "logs").glob("*.log")
    assert "PLAY RECAP" in log.read_text()


def test_an_interrupt_reaches_ansible_and_is_told(start):
    process = start(100)
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1].get("message", "").startswith("artifacts"):
            process.send_signal(signal.SIGINT)
    assert process.wait(timeout=90) == 0  # of the script above
    assert (events[-1]["exit_name"], events[-1]["code"]) == ("interrupted", 130)
    assert events[-1]["seconds"] < 60
