"""The command line on a fleet that is live: what a colleague asks it, and an interrupt in the middle of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from golive.lab import ROOT

from .conftest import SHORT, Fleet, golive_command

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_release")]
LAB = ("-i", "inventories/lab")


@pytest.fixture(scope="module")
def live(fleet: Fleet) -> str:
    """The release that serves."""
    return str(fleet.version()["release"])


def ask(fleet: Fleet, *words: str) -> subprocess.CompletedProcess[str]:
    return golive_command(*words, GOLIVE_LAB=fleet.lab.name)


def test_status_says_what_serves_and_who_is_at_work(fleet, live):
    done = ask(fleet, "status", *LAB)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert live in lines["Live"]
    assert "free" in lines["Lock"]
    assert "does not answer" not in done.stdout


def test_logs_finds_what_the_release_wrote_on_its_hosts(fleet, live):
    done = ask(fleet, "logs", "--release", live, "--since", "2h", "--json", *LAB)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    # The edge says of each request which release answered it.
    assert {line["host"] for line in lines} >= {"app1", "app2"}
    assert {line["release"] for line in lines if line["service"] == "football"} == {live}


def test_doctor_measures_one_gate_and_explains_it(fleet, live):
    done = ask(fleet, "doctor", "monitoring.prometheus_ready", *LAB)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ops1: PASS" in done.stdout
    assert "Defined   roles/gates/defaults/main/monitoring.yml" in done.stdout


def test_a_red_gate_is_code_3_and_says_what_to_do(fleet, live):
    fleet.on("ops1", "systemctl", "stop", "prometheus-alertmanager")
    try:
        done = ask(fleet, "doctor", "monitoring.alertmanager_ready", *LAB)
    finally:
        fleet.on("ops1", "systemctl", "start", "prometheus-alertmanager")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "monitoring.alertmanager_ready FAIL on ops1" in done.stdout
    assert "NOT VERIFIED" in done.stdout


def test_a_release_that_is_not_there_is_code_2(fleet, live):
    done = ask(fleet, "run", "9.9.9", *LAB)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "release 9.9.9 is not known" in done.stdout


@pytest.mark.full
def test_an_interrupted_run_says_what_was_left_and_a_second_one_carries_on(fleet, live):
    command = [sys.executable, "-m", "golive", "run", live, *LAB, "--json", "--", "-e", json.dumps(SHORT)]
    running = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "GOLIVE_LAB": fleet.lab.name}, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout
    events = []
    for line in running.stdout:
        events.append(json.loads(line))
        if (events[-1]["event"], events[-1].get("phase")) == ("phase.started", "infrastructure"):
            time.sleep(1)
            running.send_signal(signal.SIGINT)
    assert running.wait(timeout=120) == 130
    assert events[-1]["exit_name"] == "interrupted"
    assert events[-1]["told"]["switches"] == []
    assert fleet.version()["release"] == live
    again = fleet.golive(live)
    assert again.code == 0, again.output[-4000:]
    assert "taken over" in json.dumps(again.told["notes"])
