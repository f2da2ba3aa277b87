"""gate_verdict and release_evidence as processes, and every module through Ansible on the targets' Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from golive_core.measurement import measurement
from support import ROOT, Release, Run

HEALTH = {
    "id": "release.health",
    "judge": {"all_ok": True, "min_samples": 5},
    "title": {"en": "Health", "zh": "健康"},
    "remedy": {"en": "Read the log.", "zh": "查看日志。"},
}
AGE = {"id": "release.age", "judge": {"value": True, "at_most": 60}}
BOTH = [{"gate": "release.health", "host": "app1"}, {"gate": "release.health", "host": "app2"}]
FAR = "2999-01-01"


def on(host: str, gate: str = "release.health", **values: Any) -> dict[str, Any]:
    return {"host": host, **measurement(gate, **{"n": 5, **values})}


def test_every_expected_pair_gets_a_verdict(run_module: Run) -> None:
    params = {"gates": [HEALTH, AGE], "expected": BOTH, "measurements": [on("app1"), on("app3")]}
    told = run_module("gate_verdict", params)
    assert [(row["host"], row["verdict"]) for row in told["verdicts"]] == [("app1", "PASS"), ("app2", "NO-EVIDENCE")]
    assert not told["passed"]
    assert told["counts"] == {"pass": 1, "fail": 0, "no_evidence": 1, "waived": 0}
    assert told["failures"] == ["release.health NO-EVIDENCE on app2: no measurement from app2. Next: Read the log."]


def test_all_green_passes(run_module: Run) -> None:
    told = run_module("gate_verdict", {"gates": [HEALTH], "expected": BOTH, "measurements": [on("app1"), on("app2")]})
    assert told["passed"]
    assert told["failures"] == told["waived"] == []


def test_the_last_measurement_counts(run_module: Run) -> None:
    rows = [on("app1", failures=5, observed="down"), on("app1")]
    assert run_module("gate_verdict", {"gates": [HEALTH], "expected": BOTH[:1], "measurements": rows})["passed"]


@pytest.mark.parametrize(
    ("language", "end"),
    [("en", "Next: Read the log."), ("zh", "措施: 查看日志。"), ("both", "Next / 措施: Read the log. / 查看日志。")],
)
def test_a_failure_is_a_sentence_in_the_operators_language(run_module: Run, language: str, end: str) -> None:
    rows = [on("app1", failures=5, observed="/health/ answered 503 in 5 of 5 tries", expected="200")]
    params = {"gates": [HEALTH], "expected": BOTH[:1], "measurements": rows, "language": language}
    (sentence,) = run_module("gate_verdict", params)["failures"]
    said = "release.health FAIL on app1: /health/ answered 503 in 5 of 5 tries (wanted 200). "
    assert sentence == said + end


def test_a_measurement_can_say_what_to_do(run_module: Run) -> None:
    rows = [{**on("app1", failures=5), "remedy": {"en": "Split it.", "zh": "拆分。"}}]
    told = run_module("gate_verdict", {"gates": [HEALTH], "expected": BOTH[:1], "measurements": rows})
    assert told["failures"][0].endswith("Next: Split it.")


def test_a_waiver_lets_through_visibly(run_module: Run) -> None:
    waiver = {"gate": "release.health", "reason": "no data yet", "who": "li", "until": FAR}
    params = {"gates": [HEALTH], "expected": BOTH[:1], "measurements": [on("app1", failures=1)], "waivers": [waiver]}
    told = run_module("gate_verdict", params)
    assert told["passed"]
    assert told["verdicts"][0]["verdict"] == "FAIL"
    assert told["verdicts"][0]["waived"] == waiver
    assert told["counts"] == {"pass": 0, "fail": 1, "no_evidence": 0, "waived": 1}
    assert told["waived"][0].endswith("waived by li until 2999-01-01, because no data yet.")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"gates": [{"id": "a.b", "judge": {"all": True}}]}, "gate a.b: `judge` must have exactly one of"),
        ({"gates": [AGE, AGE]}, "gate release.age is defined twice"),
        ({"expected": [{"gate": "a.b", "host": "app1"}]}, "gate a.b is expected, but there is no such gate"),
        ({"measurements": [{"id": "release.age", "host": "app1"}]}, "measurement 'release.age' lacks `expected`"),
    ],
)
def test_a_mistake_is_one_sentence(run_module: Run, params: dict[str, Any], said: str) -> None:
    result = run_module("gate_verdict", {"gates": [AGE], "expected": [], "measurements": [], **params})
    assert result["failed"]
    assert result["msg"].startswith("Nothing was judged: " + said)


def test_evidence_goes_through_to_verdicts(run_module: Run, tmp_path: Path) -> None:
    release = Release(tmp_path)
    kinds = {
        "tests": {"all_ok": True, "min_samples": 2},
        "coverage": {"value": True, "at_least": 0.8},
        "lint": {"all_ok": True},
        "types": {"all_ok": True},
        "security": {"all_ok": True},
        "origin": {"all_ok": True},
    }
    gates = [{"id": f"evidence.{kind}", "judge": rule} for kind, rule in kinds.items()]
    checks = [{"id": gate["id"], "kind": str(gate["id"]).partition(".")[2]} for gate in gates]
    expected = [{"gate": gate["id"], "host": "localhost"} for gate in gates]

    def passed() -> list[str]:
        seen = run_module("release_evidence", {"directory": str(tmp_path), "checks": checks})["measurements"]
        rows = [{**row, "host": "localhost"} for row in seen]
        told = run_module("gate_verdict", {"gates": gates, "expected": expected, "measurements": rows})
        return [row["gate"] for row in told["verdicts"] if row["verdict"] == "PASS"]

    assert passed() == [gate["id"] for gate in gates]
    release.write("coverage.json", "")
    assert passed() == ["evidence.tests", "evidence.lint", "evidence.types", "evidence.security"]


# --- as Ansible runs them, on the Python of targets

ONE_LOAD = {"rate": 20, "seconds": 1, "endpoints": [{"path": "/"}], "checks": [{"id": "p.x", "metric": "errors"}]}


def test_every_module_runs_through_ansible(server: str, target_python: str, tmp_path: Path) -> None:
    tasks = [
        {"http_probe": {"checks": [{"id": "release.x", "url": f"{server}/health"}]}},
        {"load_probe": {"url": server, **ONE_LOAD}},
        {"tls_probe": {"checks": [{"id": "tls.x", "host": "127.0.0.1", "port": 1}]}},
        {"host_probe": {"checks": [{"id": "preflight.disk", "kind": "disk_free_share"}]}},
        {"release_evidence": {"directory": "/nowhere", "checks": [{"id": "evidence.x", "kind": "tests"}]}},
        {"gate_verdict": {"gates": [AGE], "expected": [], "measurements": []}},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "vars": {"ansible_python_interpreter": target_python}}
    playbook = tmp_path / "all.yml"
    playbook.write_text(json.dumps([{**play, "tasks": tasks}]))
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["plays"][0]["tasks"]
    told = [row["hosts"]["localhost"] for row in rows]
    assert [len(row.get("measurements", row.get("verdicts"))) for row in told] == [1, 1, 1, 1, 1, 0]
    assert not any(row["changed"] for row in told)


def test_the_core_loads_on_the_python_of_targets(target_python: str) -> None:
    names = sorted(file.stem for file in ROOT.glob("module_utils/golive_core/[a-z]*.py"))
    code = f"import importlib; [importlib.import_module('golive_core.' + name) for name in {names!r}]"
    command = [target_python, "-c", code]
    done = subprocess.run(command, cwd=ROOT / "module_utils", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
