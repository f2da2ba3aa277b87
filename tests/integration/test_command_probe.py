"""command_probe with real commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golive_core import process
from support import Run

Look = Callable[..., dict[str, Any]]


@pytest.fixture
def look(run_module: Run) -> Look:
    """Return a function that runs one command and returns its measurement."""

    def one(*argv: str, check_mode: bool = False, **more: Any) -> dict[str, Any]:
        told = run_module("command_probe", {"checks": [{"id": "release.x", "argv": list(argv), **more}]}, check_mode)
        (seen,) = told["measurements"]
        return dict(seen)

    return one


def test_a_command_that_ends_well_is_right(look: Look) -> None:
    seen = look("echo", "all is well", matches="^all")
    assert (seen["n"], seen["failures"], seen["unit"], seen["value"]) == (1, 0, "s", None)
    assert seen["observed"] == "echo all is well: it said: all is well"
    assert seen["expected"] == "exit code 0, ^all in its output"


def test_a_command_that_ends_otherwise_is_told_with_its_last_words(look: Look) -> None:
    seen = look("sh", "-c", "echo 'no queue' >&2; exit 3")
    assert seen["failures"] == 1
    assert seen["observed"].endswith("exit code 3; it said: no queue")
    assert look("false", exit_code=1)["failures"] == 0
    assert "^nothing is not in its output" in look("echo", "something", matches="^nothing")["observed"]


def test_a_number_becomes_the_value_that_is_judged(look: Look) -> None:
    seen = look("echo", "waiting: 17 jobs", number="waiting: ([0-9]+)", unit="jobs")
    assert (seen["value"], seen["unit"], seen["failures"], seen["samples"]) == (17.0, "jobs", 0, "17")
    none = look("echo", "waiting: many", number="waiting: ([0-9]+)")
    assert (none["value"], none["failures"]) == (None, 1)
    failed = look("sh", "-c", "echo waiting: 17; exit 1", number="waiting: ([0-9]+)")
    assert (failed["value"], failed["failures"]) == (None, 1)


def test_what_did_not_run_to_its_end_proves_nothing(look: Look) -> None:
    assert "cannot be started: No such file" in look("no-such-command")["invalid"]
    assert "did not end within 0.2 s" in look("sleep", "9", timeout_seconds=0.2)["invalid"]
    assert look("touch", "/dev/null", check_mode=True)["invalid"] == "check mode does not run touch /dev/null"


def test_what_a_late_command_began_ends_with_it(look: Look, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    seen = look("sh", "-c", f"sleep 30 & echo $! >{pid}; wait", timeout_seconds=0.5)
    assert "did not end within 0.5 s" in seen["invalid"]
    until = time.monotonic() + 10
    while process.identity(int(pid.read_text())):
        assert time.monotonic() < until, "the child lives on"
        time.sleep(0.05)


def test_it_gets_no_secret_of_the_environment(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "not-to-be-seen")
    assert "TOKEN" not in look("env", matches="PATH=")["observed"]
    assert look("env", matches="TOKEN")["failures"] == 1


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"argv": []}, "`argv` must not be empty"),
        ({"matches": "("}, "`matches` is not a regular expression"),
        ({"number": "[0-9]+"}, "`number` has no group around the number"),
    ],
)
def test_a_mistake_is_one_sentence(run_module: Run, check: dict[str, Any], said: str) -> None:
    told = run_module("command_probe", {"checks": [{"id": "release.x", "argv": ["true"], **check}]})
    assert told["msg"].startswith(f"Check release.x: {said}")
