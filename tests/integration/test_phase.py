"""Role phase: a host that is lost in the middle of a phase, beside others that are well."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from golive_core import record
from support import ROOT

PLAYBOOK = """
- hosts: all:!localhost
  gather_facts: false
  any_errors_fatal: true
  vars: {phase_name: release}
  tasks:
    - block:
        - ansible.builtin.raw: "true"
        - MORE
        - ansible.builtin.include_role: {name: phase, tasks_from: done}
      rescue:
        - ansible.builtin.include_role: {name: phase, tasks_from: failed}

- hosts: well1:well2
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "still here: {{ inventory_hostname }}"}

- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "lost: {{ played | golive_unfinished(hostvars, 'release') | map(attribute='data.host') | join(', ') }}."
      vars: {played: "{{ golive_failed_play.hosts }}"}
"""
GONE = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
HOSTS = {"well1": {"ansible_connection": "local"}, "lost": GONE, "well2": {"ansible_connection": "local"}}


@pytest.mark.parametrize(
    "more", ['ansible.builtin.raw: "true"', "ansible.builtin.debug: {msg: went on}"], ids=["work", "no work"]
)
def test_the_others_take_part_in_what_follows_and_the_lost_host_is_named(tmp_path: Path, more: str) -> None:
    record.append(tmp_path, [("run.started", {})])
    controller = {"localhost": {"ansible_connection": "local", "golive_run": {"directory": str(tmp_path)}}}
    inventory = {"all": {"hosts": HOSTS}, "edge": {"hosts": {}}, "controller": {"hosts": controller}}
    (tmp_path / "hosts.json").write_text(json.dumps(inventory))
    (tmp_path / "playbook.yml").write_text(PLAYBOOK.replace("MORE", more))
    done = subprocess.run(
        ["ansible-playbook", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "playbook.yml")],
        capture_output=True, text=True, check=False, timeout=120, cwd=ROOT, env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "still here: well1" in said, said[-4000:]
    assert "still here: well2" in said
    assert "msg: went on" not in said
    assert "lost: lost." in said
