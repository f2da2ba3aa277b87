"""Hosts that fail, vanish or are asked in another way; runs that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager

import pytest

from golive.lab import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_release")]


def lock_is_free(fleet):
    return fleet.on("edge1", "find", "/opt", "-path", "*/lock/holder.json").strip() == ""


@contextmanager
def stopped(fleet, host):
    """A host that is off."""
    name = f"{fleet.lab.name}-{host}"
    subprocess.run(["docker", "stop", name], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "start", name], check=True, capture_output=True)
        until = time.monotonic() + 60
        while fleet.on(host, "systemctl", "is-system-running", check=False).strip() != "running":
            assert time.monotonic() < until, f"{host} did not come up again"
            time.sleep(0.5)


def test_a_host_that_fails_stops_the_run_and_frees_the_lock(fleet):
    fleet.on("app2", "systemctl", "mask", "--runtime", "--now", "docker.service", "docker.socket")
    try:
        run = fleet.golive("1.0.0", "--tags", "preflight,infrastructure")
    finally:
        fleet.on("app2", "systemctl", "unmask", "--runtime", "docker.service", "docker.socket")
        fleet.on("app2", "systemctl", "start", "docker.socket", "docker.service")
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    assert {failure["host"] for failure in run.told["failures"]} == {"app2"}
    assert lock_is_free(fleet)


@contextmanager
def unreachable(fleet, host):
    """A host to which no connection can be made: nothing listens at port 1."""
    overlay = fleet.lab.state / "unreachable.yml"
    where = "{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}"
    overlay.write_text(f"all: {{hosts: {{{host}: {where}}}}}\n")
    yield "-i", str(overlay)
    overlay.unlink()


@contextmanager
def switched_off(fleet, host):
    """A host that is off; over the Docker connection that looks like a module without an answer."""
    with stopped(fleet, host):
        yield ()


NOT_FINISHED, NO_ANSWER = "{host} did not finish phase preflight", "{host} cannot be worked on"


@pytest.mark.sample
@pytest.mark.parametrize(
    ("gone", "sentence", "host"),
    [
        pytest.param(unreachable, NOT_FINISHED, "edge1", id="unreachable edge"),
        pytest.param(unreachable, NOT_FINISHED, "app2", id="unreachable app"),
        pytest.param(switched_off, NO_ANSWER, "app2", id="app that is off"),
        pytest.param(switched_off, NO_ANSWER, "edge1", id="edge that is off"),
    ],
)
def test_a_host_that_is_gone_is_named_recorded_and_the_lock_is_freed(fleet, gone, host, sentence):
    with gone(fleet, host) as words:
        run = fleet.golive("1.0.0", *words)
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    assert any(sentence.format(host=host) in said for said in run.told["blocking"]), run.told["blocking"]
    assert (run.record / "record.md").exists()
    assert lock_is_free(fleet)
    assert fleet.version()["release"] == "1.0.0"  # off and on again or not


def test_a_run_that_was_killed_is_started_again(fleet):
    command = fleet.lab.playbook("playbooks/golive.yml", "-i", "inventories/lab", "-e", "release=1.0.0")
    process = subprocess.Popen(
        command, cwd=ROOT, env=fleet.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith("PLAY [Infrastructure"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not lock_is_free(fleet)

    run = fleet.golive("1.0.0", "--tags", "preflight")
    assert run.code == 0, run.output[-4000:]
    assert any("its process on this controller is dead" in note["message"] for note in run.told["notes"])
    assert lock_is_free(fleet)


@pytest.mark.full
def test_a_release_that_was_switched_to_but_never_proven_is_measured_under_load(fleet):
    mark = "/opt/golive/football/releases/1.0.0/proven"
    fleet.on("app1", "rm", mark)  # as after a run that was killed between the switch and the end of the watch
    run = fleet.golive("1.0.0", "--tags", "preflight,release,performance,watch")
    assert run.code == 0, run.output[-4000:]
    assert run.gate("performance.latency_p95")
    assert run.gate("watch.errors")
    fleet.on("app1", "test", "-e", mark)


def test_a_second_run_at_the_same_time_is_refused(fleet):
    holder = (
        '{"owner": "other-run", "who": "ada on desk", "controller": "there", "process": "1:1", "expires": 99999999999}'
    )
    path = "/opt/golive/football/lock/holder.json"
    fleet.on("edge1", "tee", path, stdin=holder)
    try:
        run = fleet.golive("1.0.0", "--tags", "preflight")
        assert run.code != 0
        assert any("ada on desk (run other-run) holds the lock" in words for words in run.told["blocking"])
        assert fleet.on("edge1", "cat", path) == holder
    finally:
        fleet.on("edge1", "rm", path)


def test_a_busy_port_is_named_before_anything_is_touched(fleet):
    server = ["systemd-run", "--unit", "squatter", "python3", "-m", "http.server", "8002"]
    fleet.on("app1", "docker", "stop", "football-green", check=False)
    fleet.on("app1", *server)
    try:
        run = fleet.golive("1.0.0", "--tags", "preflight")
    finally:
        fleet.on("app1", "systemctl", "stop", "squatter")
        fleet.on("app1", "docker", "start", "football-green", check=False)
    assert run.code != 0
    red = [gate for gate in run.gate("preflight.ports_app") if gate["verdict"] == "FAIL"]
    assert [gate["host"] for gate in red] == ["app1"]
    assert "8002" in red[0]["message"]
