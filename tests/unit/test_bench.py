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
    with pytest.raises(Problem, match="there are: golive, load_probe, switch, verdicts, watcher"):
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


def test_the_bench_of_switches_explains_its_keys_and_ways() -> None:
    """It needs a lab; so its keys are read."""
    told = (bench.ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    switch = runpy.run_path(str(bench.BENCHES / "switch.py"))
    source = (bench.BENCHES / "_switches.py").read_text(encoding="utf-8")
    keys = re.findall(r'^ {12}"(\w+)":', source, re.MULTILINE)
    assert len(keys) == 9
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
