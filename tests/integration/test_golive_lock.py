"""The deployment lock between runs, as a file: taken, refused with who and since when, waited for, given back."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

ADA = {"owner": "run-1", "who": "ada on desk", "controller": {"machine": "desk", "process": "1:1"}}
BEN = {"owner": "run-2", "who": "ben on laptop", "controller": {"machine": "laptop", "process": "2:2"}}


@pytest.fixture
def lock(run_module, tmp_path: Path):
    """Take the lock in a directory."""
    return lambda **arguments: run_module("golive_lock", {"path": str(tmp_path / "lock"), **arguments})


def test_a_second_run_is_told_who_holds_it_and_since_when(lock) -> None:
    assert not lock(**ADA).get("failed")
    refused = lock(**BEN)
    assert refused["failed"]
    assert "ada on desk (run run-1) holds the lock since " in refused["msg"]
    assert "lock_wait" in refused["msg"]


def test_renewing_keeps_since_when_and_lengthens_the_lease(lock, tmp_path: Path) -> None:
    def held():
        return json.loads((tmp_path / "lock" / "holder.json").read_text())

    lock(**ADA, seconds=300)
    first = held()
    lock(**ADA, seconds=900)
    assert held()["since"] == first["since"]
    assert held()["expires"] > first["expires"] + 500


def test_who_waits_gets_it_when_it_is_given_back(lock, tmp_path: Path) -> None:
    lock(**ADA)
    threading.Timer(1.5, (tmp_path / "lock" / "holder.json").unlink).start()  # what giving it back does
    began = time.monotonic()
    got = lock(**BEN, wait_seconds=20)
    assert not got.get("failed"), got
    assert 1 < time.monotonic() - began < 10
    assert "ada on desk" in got["reason"]
    assert "of waiting" in got["reason"]


def test_who_waits_in_vain_says_how_long(lock) -> None:
    lock(**ADA)
    refused = lock(**BEN, wait_seconds=3)
    assert refused["failed"]
    assert "waited" in refused["msg"]
    assert not lock(**ADA).get("failed")  # it is still hers
