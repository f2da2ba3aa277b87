"""`./golive demo down` removes all that the lab made, and nothing else. Comes last: it takes the lab away."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from golive import engine

from .conftest import golive_command

pytestmark = pytest.mark.lab


def listing(kind, *words):
    done = subprocess.run(["docker", kind, "ls", "--quiet", *words], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.fixture
def bystander(fleet, tmp_path):
    """What another user of the engine has: an image, a container, a volume and a network."""
    # An image of its own, with no layer of the lab's.
    made = subprocess.run(
        ["docker", "create", f"{fleet.lab.name}/python:trixie"], capture_output=True, check=True, text=True
    )
    archive = str(tmp_path / "bystander.tar")
    subprocess.run(["docker", "export", "-o", archive, made.stdout.strip()], check=True)
    subprocess.run(["docker", "rm", made.stdout.strip()], check=True, capture_output=True)
    subprocess.run(["docker", "import", archive, "bystander"], check=True, capture_output=True)
    subprocess.run(["docker", "network", "create", "bystander"], check=True, capture_output=True)
    run = ["docker", "run", "-d", "--name", "bystander", "--network", "bystander", "-v", "bystander:/data", "bystander"]
    subprocess.run([*run, "sleep", "600"], check=True, capture_output=True)
    yield
    subprocess.run(["docker", "rm", "-f", "bystander"], check=True, capture_output=True)
    for kind, name in (("network", "bystander"), ("volume", "bystander"), ("image", "bystander")):
        subprocess.run(["docker", kind, "rm", name], check=True, capture_output=True)


@pytest.fixture
def killed_engine(fleet):
    """A stale pid file, containers that are recorded as running, processes without an engine."""
    pid = engine.pid()
    if pid is None:
        pytest.skip("the engine is somebody else's, and stays alive")
    os.kill(pid, signal.SIGKILL)
    while engine.answers():
        time.sleep(0.1)
    assert engine.PID_FILE.read_text() == str(pid)
    return pid


@pytest.mark.full
def test_an_engine_that_was_killed_is_started_again(fleet, killed_engine):
    again = golive_command("demo", GOLIVE_LAB=fleet.lab.name)
    assert again.returncode == 0, again.stdout[-4000:] + again.stderr
    assert "Verdict       VERIFIED: football 1.0.0" in again.stdout
    assert engine.pid() not in (None, killed_engine)


def test_down_removes_the_lab_and_nothing_else_also_after_the_engine_was_killed(fleet, bystander, killed_engine):
    label = ("--filter", f"label={fleet.lab.label}")
    done = golive_command("demo", "down", GOLIVE_LAB=fleet.lab.name)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind, words in (("container", ("--all",)), ("image", ()), ("network", ()), ("volume", ())):
        assert listing(kind, *words, *label) == set(), kind
    assert listing("container", "--all", "--filter", "name=bystander")
    assert listing("image", "--filter", "reference=bystander")
    assert listing("network", "--filter", "name=bystander")
    assert listing("volume", "--filter", "name=bystander")
    assert list((fleet.lab.state / "records").glob("*/record.md"))
    assert "its records stay" in done.stdout


def test_down_again_has_nothing_to_do(fleet):
    done = golive_command("demo", "down", GOLIVE_LAB=fleet.lab.name)
    assert done.returncode == 0, done.stdout + done.stderr
