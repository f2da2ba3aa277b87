"""Who may take a lock that is there."""

import os
import subprocess
import sys

import pytest
from golive_core import process
from golive_core.lock import claim

HOLDER = {
    "owner": "run-1", "who": "ada on desk", "controller": "here", "process": "10:1", "since": -60.0, "expires": 1000.0,
}  # fmt: skip
OLDER = {key: value for key, value in HOLDER.items() if key != "since"}


@pytest.mark.parametrize(
    ("holder", "owner", "controller", "alive", "now", "granted", "words"),
    [
        (None, "run-2", "here", [], 0, True, ""),
        (HOLDER, "run-1", "here", [], 0, True, ""),
        (
            HOLDER,
            "run-2",
            "there",
            [],
            0,
            False,
            "(run run-1) holds the lock since 23:59:00 UTC (60 s), for another 1000 s",
        ),
        (OLDER, "run-2", "there", [], 0, False, "ada on desk (run run-1) holds the lock, for another 1000 s"),
        (HOLDER, "run-2", "here", ["10:1"], 0, False, "holds the lock"),
        (HOLDER, "run-2", "here", ["10:2"], 0, True, "its process on this controller is dead"),
        (HOLDER, "run-2", "there", [], 1060, True, "its lease ended 60 s ago"),
    ],
    ids=[
        "free",
        "renewed",
        "another controller",
        "of an older golive",
        "alive here",
        "dead here, pid used again",
        "expired",
    ],
)
def test_claim(holder, owner, controller, alive, now, granted, words):
    asked = claim(holder, owner, controller, alive, now)
    assert asked.granted is granted
    assert words in asked.reason


def test_a_process_is_told_from_a_later_one_with_its_pid():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process.identity(child.pid)
    assert name in process.alive()
    child.communicate(b"\n")
    assert process.identity(child.pid) == ""
    assert name not in process.alive()


def test_leader_is_the_outermost_playbook(tmp_path):
    script = tmp_path / "ansible-playbook"
    code = "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', sys.argv[1]], text=True))"
    script.write_text(code)
    inner = "from golive_core import process; print(process.leader())"
    outer = subprocess.Popen([sys.executable, script, inner], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    said, _ = outer.communicate(timeout=20)
    assert int(said) == outer.pid
