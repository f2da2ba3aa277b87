"""The callback plugin in real runs: plain lines, JSON, a terminal, the log, an interrupt."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from support import ROOT

PLAYBOOK = """
- name: Preflight | Look
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Say it
      ansible.builtin.debug: {msg: hello operator}
    - name: Change it
      ansible.builtin.command: "true"
      changed_when: true
    - name: Hide it
      ansible.builtin.command: echo s3cr3t-of-the-vault
      no_log: true
      changed_when: false

- name: Evidence | Read
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Refuse it
      ansible.builtin.assert: {that: false, fail_msg: No report there. Nothing was touched.}

- name: Record | Never reached
  hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: never said}
"""
WAITS = """
- name: Release | Wait
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Wait for it
      ansible.builtin.command: sleep 60
"""


@pytest.fixture
def start(tmp_path):
    """Return a function that gives command and environment for a playbook whose log is in tmp_path/logs."""

    def prepare(text=PLAYBOOK, **environment):
        file = tmp_path / "play.yml"
        file.write_text(text)
        own = {
            "ANSIBLE_STDOUT_CALLBACK": "golive",
            "GOLIVE_LOGS": str(tmp_path / "logs"),
            "ANSIBLE_LOCALHOST_WARNING": "0",
        }
        quiet = {"ANSIBLE_INVENTORY_UNPARSED_WARNING": "0", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        return ["ansible-playbook", str(file)], {**os.environ, **own, **quiet, **environment}

    return prepare


@pytest.fixture
def play(start):
    def run(*words, text=PLAYBOOK, **environment):
        command, env = start(text, **environment)
        return subprocess.run([*command, *words], env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    return run


def log(tmp_path) -> Path:
    (found,) = (tmp_path / "logs").glob("*.log")
    return found


def test_plain_lines_tell_phases_failures_and_the_end(play):
    done = play()
    said = done.stdout
    assert done.returncode == 2
    assert done.stderr == ""
    lines = [re.sub(r" +", " ", line.rstrip()) for line in said.splitlines()]
    assert lines[:3] == [" ▶ preflight", " hello operator", lines[2]]
    assert re.fullmatch(r" ✔ preflight \d+ s changed: 1", lines[2])
    assert " ✘ localhost: No report there. Nothing was touched. [Refuse it]" in lines
    assert " Result failed" in lines
    assert "never said" not in said
    assert "TASK" not in said
    assert "\x1b" not in said


def test_the_log_has_ansibles_own_lines_and_nobody_else_may_read_it(play, tmp_path):
    play()
    file = log(tmp_path)
    text = file.read_text()
    assert "TASK [Refuse it]" in text
    assert "PLAY RECAP" in text
    assert "changed=1" in text
    assert "s3cr3t-of-the-vault" not in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert str(file) in text


def test_what_no_log_hides_is_in_no_event_either(play):
    done = play(GOLIVE_OUTPUT="json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["phase"] for event in events if event["event"] == "phase.started"] == ["preflight", "evidence"]
    assert events[-1]["event"] == "run.finished"
    assert events[-1]["code"] == 2
    assert "s3cr3t-of-the-vault" not in done.stdout


def test_with_v_ansible_speaks_for_itself(play, tmp_path):
    said = play("-v").stdout
    assert "TASK [Refuse it]" in said
    assert "PLAY RECAP" in said
    assert "✔" not in said
    assert "TASK [Refuse it]" in log(tmp_path).read_text()


def test_no_log_is_kept_where_none_is_wanted(play, tmp_path):
    assert "Log" not in play(GOLIVE_LOGS="").stdout
    assert not (tmp_path / "logs").exists()


def test_the_oldest_logs_go(play, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(3):
        (logs / f"2020010{number}T000000Z-x.log").touch()
    play(GOLIVE_LOGS_KEEP="2")
    kept = sorted(path.name for path in logs.iterdir())
    assert len(kept) == 2
    assert kept[0] == "20200102T000000Z-x.log"


def test_a_log_that_cannot_be_made_stops_nothing(play, tmp_path):
    (tmp_path / "logs").write_text("a file")
    done = play()
    assert "No log is kept" in done.stderr
    assert "✔ preflight" in done.stdout


def test_chinese_where_the_inventory_says_so(play):
    said = play("-e", "golive_language=zh").stdout
    assert "✔ 预检" in said
    assert "变更：1" in said


@pytest.mark.parametrize("wanted", ["golive", "ansible.builtin.default"])
def test_the_exit_code_is_ansibles(play, wanted):
    assert play(ANSIBLE_STDOUT_CALLBACK=wanted).returncode == 2


def on_a_terminal(command, env, interrupt_after=None):
    """Run a command on a terminal of 100 columns; return its exit code and what it wrote."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvpe("sh", ["sh", "-c", 'stty cols 100; exec "$@"', "sh", *command], env)
    said, began = b"", time.monotonic()
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        said += part
        if interrupt_after and interrupt_after in said and time.monotonic() - began > 1:
            os.kill(pid, signal.SIGINT)
            interrupt_after = None
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode()


def test_a_terminal_shows_what_is_being_done_and_an_interrupt_what_was_left(start):
    command, env = start(WAITS, TERM="xterm-256color")
    code, said = on_a_terminal(command, env, interrupt_after=b"Wait for it")
    assert code == 99
    assert "\x1b[2K" in said
    assert "▶ release" in said
    assert "INTERRUPTED in phase release" in said
