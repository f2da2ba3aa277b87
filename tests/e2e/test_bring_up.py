"""A bring-up that is interrupted, and then goes on. Comes first: it leaves the lab that the other tests use."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from golive.lab import ROOT, Lab

pytestmark = pytest.mark.lab


def killed(lab: Lab, line: str, seconds: float) -> str:
    """Start the demo and kill all of it, some seconds after it has said `line`; return what it had said until then."""
    environment = {**os.environ, "GOLIVE_LAB": lab.name}
    process = subprocess.Popen(
        [ROOT / "golive", "demo"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    said = ""
    for words in process.stdout:
        said += words
        if line in words:
            break
    else:
        pytest.fail(f"The demo ended without '{line}':\n{said}")
    time.sleep(seconds)
    assert process.poll() is None, said + process.stdout.read()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return said


@pytest.mark.skipif(bool(os.environ.get("GOLIVE_KEEP")), reason="the lab that is kept stands already")
@pytest.mark.sample
@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("golive: lab images and hosts", 8),  # the images are half made
        ("TASK [Make or start the host]", 0.7),  # some hosts are made, the release is being built
        ("PLAY [Lab | Hosts]", 5),  # hosts boot, the release is being built or tested
    ],
)
def test_the_bring_up_is_killed(lab: Lab, line: str, seconds: float) -> None:
    killed(lab, line, seconds)


def test_a_bring_up_after_that_carries_on(fleet) -> None:
    hosts = fleet.lab.containers()
    assert len(hosts) == 5
    for host in hosts:
        state = fleet.on(host.removeprefix(f"{fleet.lab.name}-"), "systemctl", "is-system-running", check=False)
        assert state.strip() == "running", host
    for release in ("1.0.0", "1.1.0"):
        assert (fleet.lab.state / "releases" / release / "release.json").exists()
    assert not (Path("/var/tmp") / fleet.lab.name).exists()  # what a killed build of an image left
