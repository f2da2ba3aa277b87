"""The pid files of an engine that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from golive import engine


@pytest.fixture
def pid_file(tmp_path):
    return tmp_path / "some.pid"


@pytest.fixture
def process():
    made = subprocess.Popen(["sleep", "60"])
    while Path(f"/proc/{made.pid}/comm").read_text() != "sleep\n":  # the name comes a moment after the program
        time.sleep(0.001)
    yield made
    made.kill()
    made.wait()


def test_a_process_that_lives_and_has_the_name_is_running(pid_file, process):
    pid_file.write_text(f"{process.pid}\n")
    assert engine.running(pid_file, "sleep") == process.pid


def test_a_pid_that_was_used_again_is_not(pid_file, process):
    pid_file.write_text(str(process.pid))
    assert engine.running(pid_file, "dockerd") is None


def test_a_zombie_is_not(pid_file, process):
    pid_file.write_text(str(process.pid))
    process.kill()
    state = Path(f"/proc/{process.pid}/stat")
    while state.read_text().split()[2] != "Z":
        time.sleep(0.01)
    os.kill(process.pid, 0)  # which is how engines before 23 look, and are deceived
    assert engine.running(pid_file, "sleep") is None


@pytest.mark.parametrize("content", ["", "containerd", "999999999"])
def test_a_file_without_a_process_is_not(pid_file, content):
    pid_file.write_text(content)
    assert engine.running(pid_file, "sleep") is None


def test_no_file_is_not(pid_file):
    assert engine.running(pid_file, "sleep") is None


def test_the_killed_engine_takes_its_containerd_s_pid_file_along(tmp_path, monkeypatch, process):
    """The engine is a double here: what the real one does with the file is seen in tests/e2e/test_the_end.py."""
    for name, file in (("PID_FILE", "dockerd.pid"), ("CONTAINERD_PID_FILE", "containerd.pid"), ("LOG_FILE", "log")):
        monkeypatch.setattr(engine, name, tmp_path / file)
        (tmp_path / file).write_text(str(process.pid))
    double = tmp_path / "bin" / "dockerd"
    double.parent.mkdir()
    double.write_text(f"#!{sys.executable}\n")
    double.chmod(0o755)
    monkeypatch.setenv("PATH", f"{double.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(engine, "answers", lambda: True)
    monkeypatch.setattr(engine, "_shim_needed", lambda: False)
    engine._start()
    assert not (tmp_path / "dockerd.pid").exists()
    assert not (tmp_path / "containerd.pid").exists()


@pytest.mark.parametrize(("before", "after", "words"), [("128", "1024", "is now 1024"), ("4096", "4096", "")])
def test_hosts_have_room_to_boot(tmp_path, monkeypatch, capsys, before, after, words):
    setting = tmp_path / "max_user_instances"
    setting.write_text(before)
    monkeypatch.setattr(engine, "INOTIFY", setting)
    engine._make_room()
    assert setting.read_text() == after
    said = capsys.readouterr().out
    assert words in said if words else said == ""
