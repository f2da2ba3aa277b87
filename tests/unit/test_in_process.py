"""Modules that run in the controller's own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support import ROOT

GATE = {"id": "release.health", "judge": {"all_ok": True, "min_samples": 5}}
ASKED = {"gates": [GATE], "measurements": [], "expected": [{"gate": GATE["id"], "host": "app1"}]}


def play(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a module on the controller, whose Python for modules does not exist."""
    words = ["localhost", "-m", module, "-a", json.dumps(arguments), "-e", "ansible_python_interpreter=/nowhere/python"]
    done = subprocess.run(
        [f"{sys.prefix}/bin/ansible", *words],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "=>" in done.stdout, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout.partition("=>")[2])
    return told


def test_a_verdict_needs_no_python_of_its_own() -> None:
    told = play("gate_verdict", ASKED)
    assert (told["changed"], told["passed"]) == (False, False)
    assert told["failures"] == ["release.health NO-EVIDENCE on app1: no measurement from app1."]


def test_a_refusal_is_the_modules_own_sentence() -> None:
    told = play("gate_verdict", ASKED | {"gates": []})
    assert told["msg"] == "Nothing was judged: gate release.health is expected, but there is no such gate."


def test_an_option_that_does_not_exist_is_named() -> None:
    told = play("golive_record", {"directory": "/nowhere", "nothing": 1})
    assert told["msg"].startswith(
        "Unsupported parameters: nothing. Supported parameters include: allowed_signers, directory,"
    )


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "plugin_utils"))
    import in_process  # type: ignore[import-not-found]

    found: ModuleType = in_process
    return found


def test_arguments_are_what_a_module_would_get(in_process: ModuleType) -> None:
    class Tagged(str):
        """As Ansible marks where a text comes from."""

        __slots__ = ()

    told = in_process.plain({"until": date(2026, 12, 31), "who": [Tagged("ada")]})
    assert told == {"until": "2026-12-31", "who": ["ada"]}
    assert type(told["who"][0]) is str


def test_another_host_gets_the_module(in_process: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process.ActionBase, "run", lambda *_: {})
    monkeypatch.setattr(in_process.InProcess, "_execute_module", lambda *_, **__: {"sent": True})
    action = in_process.InProcess.__new__(in_process.InProcess)
    action._connection = SimpleNamespace(transport="ssh")
    assert action.run() == {"sent": True}
