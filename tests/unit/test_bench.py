"""Benches are programs and no tests; here is only how they are run, and that their rules are what they say."""

from __future__ import annotations

import inspect
import json
import re
import runpy
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from golive import bench
from golive.say import Problem

VERDICTS: dict[str, Any] = runpy.run_path(str(bench.BENCHES / "verdicts.py"))


def test_an_unknown_bench_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Problem, match="there are: golive, load_probe, scale, switch, verdicts, watcher"):
        bench.bench("speed", [])


def test_arguments_reach_the_bench(capfd: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "golive", "bench", "verdicts", "--runs", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--runs must be from 10 to 100000, not 3" in done.stderr


def test_every_key_of_a_bench_is_explained() -> None:
    told = (bench.ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    chance = np.random.default_rng(1)
    rows = [
        next(VERDICTS["limits"](chance, 2)),
        next(VERDICTS["power"](chance, 2)),
        next(VERDICTS["comparisons"](chance, 2)),
    ]
    for key in {key for row in rows for key in row} | {"targets", "seen", "met", "comparison_runs"}:
        assert f"`{key}`" in told, key
    assert json.loads(json.dumps(rows)) == rows


def test_every_key_of_the_bench_of_a_golive_is_explained() -> None:
    """It needs a lab; so its keys are read."""
    told = (bench.ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    measured = inspect.getsource(runpy.run_path(str(bench.BENCHES / "golive.py"))["measure"])
    keys = re.findall(r'^        "(\w+)":', measured, re.MULTILINE)
    assert len(keys) == 11
    assert [key for key in keys if f"`{key}`" not in told] == []


def test_the_bench_of_the_load_generator_knows_what_users_wait_and_explains_its_keys() -> None:
    probe = runpy.run_path(str(bench.BENCHES / "load_probe.py"))
    # A tenth of the requests comes into a standstill of one second, so P95 waits for half of it.
    assert probe["users"]() == pytest.approx({"p50": 2, "p90": 2, "p95": 502, "p99": 902, "p999": 992}, abs=2)
    assert probe["off"]({"p50": 3, "p90": 2, "p95": 502, "p99": 902, "p999": 992}, probe["users"]()) == 1
    told = (bench.ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    source = (bench.BENCHES / "load_probe.py").read_text(encoding="utf-8")
    keys = {*re.findall(r'^ {8,12}"(\w+)":', source, re.MULTILINE), *probe["PERCENTILES"]}
    assert len(keys) > 15
    assert [key for key in keys if f"`{key}`" not in told] == []


def section(name: str) -> str:
    """Return what docs/bench.md says of one bench."""
    told = (bench.ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    return told.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_the_bench_of_switches_explains_its_keys_and_ways() -> None:
    """It needs a lab; so its keys are read."""
    told = section("switch")
    switch = runpy.run_path(str(bench.BENCHES / "switch.py"))
    source = (bench.BENCHES / "_switches.py").read_text(encoding="utf-8")
    keys = re.findall(r'^ {12}"(\w+)":', source, re.MULTILINE)
    assert len(keys) == 11
    assert [key for key in [*keys, *switch["WAYS"], "rate", "ways"] if f"`{key}`" not in told] == []
    assert set(re.findall(r'^    "(\w+)": ', source, re.MULTILINE)) >= set(switch["WAYS"])


def test_a_switch_that_is_late_or_loses_a_request_misses_its_target() -> None:
    targets = runpy.run_path(str(bench.BENCHES / "switch.py"))["targets"]
    good = {
        "lost": {"new": 0, "kept": 0},
        "requests": 100_000,
        "visible": [0.06, 0.07],
        "unseen": 0,
        "p99_around": 0.03,
        "p99_between": 0.015,
    }
    assert [goal["met"] for goal in targets(good)] == [True] * 4
    bad = {"lost": {"new": 1, "kept": 0}, "requests": 99_999, "unseen": 1, "p99_around": 0.04}
    assert [goal["met"] for goal in targets({**good, **bad})] == [False] * 4


def test_results_are_counted_by_host() -> None:
    results = runpy.run_path(str(bench.BENCHES / "golive.py"))["results"]
    counted = "ok: [app1]\nchanged: [app1 -> localhost] => (item=x)\nskipping: [app1]\nok: [edge1]\nok: nothing\n"
    output = f"PLAY [Infrastructure | Work] ***\n{counted}PLAY [Monitoring | Work] ***\nok: [app1]\n"
    assert results(output) == {"app1": 2, "edge1": 1}


def test_kayentas_rule_fails_a_clear_rise_and_lets_nothing_and_a_fall_pass() -> None:
    kayenta = VERDICTS["kayenta"]
    chance = np.random.default_rng(2)
    control = 100 + chance.standard_normal(60)
    assert kayenta(control, control + 10) == "FAIL"
    assert kayenta(control, control + 3) == "FAIL"  # 3 % of the baseline: the tolerance is one of the shift
    assert kayenta(control, control - 10) == "PASS"
    assert kayenta(control, np.empty(0)) == "PASS"


def scale_row(hosts: int, seconds: float, **more: float) -> dict[str, Any]:
    usual = {"peak_mib": 300, "rollback_ms": 30.0, "switch_ms": 20.0, "act_ms": 5.0, "look_ms": 25.0}
    usual |= {"requests": 10_000, "lost": 0}
    return {"hosts": hosts, "seconds": seconds, "cpu_seconds": seconds, **usual, **more}


def test_the_bench_of_scale_knows_what_each_task_took_and_which_grew() -> None:
    scale = runpy.run_path(str(bench.BENCHES / "scale.py"))
    printed = (
        "ok: [app001]\n\n===============================================================================\n"
        "Gather --------------------------------------------- 4.50s\n"
        "app : Start the containers of the colour ----------- 2.25s\n"
        "Gather --------------------------------------------- 0.50s\n"
        "Playbook run took 0 days, 0 hours, 0 minutes, 9 seconds\n"
    )
    few = scale["tasks"](printed)
    assert few == {"Gather": 5.0, "app : Start the containers of the colour": 2.25}
    rows = scale["grown"]([1, 10], [few, {**few, "Gather": 6.0, "Judge": 3.0}])
    assert rows[0] == {"task": "Judge", "seconds": {1: 0.0, 10: 3.0}}
    assert rows[1] == {"task": "Gather", "seconds": {1: 5.0, 10: 6.0}}


@pytest.mark.parametrize(
    ("rows", "missed"),
    [
        ([scale_row(1, 30), scale_row(10, 66), scale_row(100, 420)], []),
        ([scale_row(1, 30), scale_row(10, 66), scale_row(100, 480)], ["each further host, from 10 on"]),
        ([scale_row(1, 30), scale_row(10, 66, lost=1)], ["requests lost"]),
        ([scale_row(1, 30), scale_row(10, 66, switch_ms=31.0)], ["a switch, 10 hosts"]),
        ([scale_row(1, 30), scale_row(10, 66, rollback_ms=46.0)], ["a rollback, 10 hosts"]),
        ([scale_row(1, 30), scale_row(10, 66, peak_mib=1000)], ["memory of the controller"]),
    ],
)
def test_the_bench_of_scale_says_what_was_not_reached(rows: list[dict[str, Any]], missed: list[str]) -> None:
    scale = runpy.run_path(str(bench.BENCHES / "scale.py"))
    assert [goal["name"] for goal in scale["targets"](rows) if not goal["met"]] == missed


def test_the_bench_of_scale_shows_a_release_that_never_answered() -> None:
    row = scale_row(1, 30) | {"switch_ms": None, "look_ms": None}
    shown = runpy.run_path(str(bench.BENCHES / "scale.py"))["shown"]({"sizes": [row], "tasks": [], "targets": []})
    assert "| never  | 5 ms | never |" in shown


@pytest.mark.parametrize("words", ["x", "", "0", "101", "1;10", "1,", "-3"])
def test_the_bench_of_scale_refuses_numbers_that_it_cannot_have(words: str) -> None:
    command = [sys.executable, "-P", str(bench.BENCHES / "scale.py"), f"--hosts={words}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "wanted numbers from 1 to 100 with commas between them" in done.stderr


def test_every_key_of_the_bench_of_scale_is_explained() -> None:
    told = section("scale")
    for key in {*scale_row(1, 1), "sizes", "tasks", "targets", "seen", "wanted", "met"}:
        assert f"`{key}`" in told, key
