"""What a load test says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from golive_core.judge import PASS, judge
from golive_core.load import METRICS, Endpoint, Profile, Result, measure, validate
from golive_core.measurement import read_samples
from support import NOW


def result(n: int = 1_000, **values: Any) -> Result:
    """Return a quiet test of n requests in ten seconds."""
    quiet: dict[str, Any] = {
        "outcomes": [""] * n,
        "latencies": [0.02] * n,
        "lags": [0.001] * n,
        "ok_per_second": [n // 10] * 10,
        "errors_per_second": [0] * 10,
    }
    return Result(10, **{**quiet, **values})


def test_a_quiet_test_is_valid() -> None:
    assert result().invalid == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lags": [0.001] * 980 + [0.02] * 20}, "up to 20.0 ms late (99th percentile, allowed 5.0 ms)"),
        ({"outcomes": ["dropped"] + [""] * 999}, "did not send 1 of 1000 requests"),
        ({"cpu_share": 0.93}, "used 93% of its processor (allowed 80%)"),
    ],
)
def test_a_generator_that_could_not_keep_up_proves_nothing(values: dict[str, Any], said: str) -> None:
    told = result(**values)
    assert said in told.invalid
    assert measure(told, "p.x", "latency_seconds")["invalid"] == told.invalid
    assert measure(told, "p.x", "lag")["invalid"] == ""


def test_lag_may_grow_with_the_latency_or_as_far_as_the_profile_allows() -> None:
    late: dict[str, Any] = {"lags": [0.02] * 1_000}
    assert result(**late, latencies=[1.0] * 1_000).invalid == ""
    assert result(**late, max_lag=0.03).invalid == ""


def test_the_metrics_count_what_they_say() -> None:
    outcomes = [""] * 990 + ["status 404"] * 4 + ["status 503"] * 3 + ["timeout"] * 2 + ["connect"]
    told = result(outcomes=outcomes, lags=[0.002] * 1_000)
    seen = {metric: measure(told, "p.x", metric) for metric in METRICS}
    assert (seen["errors"]["n"], seen["errors"]["failures"]) == (1_000, 10)
    assert seen["availability"]["failures"] == 6
    assert read_samples(seen["throughput"]["samples"]) == [100] * 10
    assert (seen["throughput"]["n"], seen["throughput"]["unit"]) == (10, "1/s")
    assert len(read_samples(seen["latency_seconds"]["samples"])) == 1_000
    assert (seen["lag"]["value"], seen["lag"]["unit"]) == (0.002, "s")
    assert "status 404 x 4, status 503 x 3, timeout x 2, connect x 1" in seen["errors"]["observed"]


def test_the_summary_adds_up() -> None:
    told = result(outcomes=[""] * 990 + ["status 503"] * 5 + ["timeout"] * 3 + ["dropped"] * 2).summary()
    assert (told["offered"], told["sent"], told["completed"], told["ok"], told["dropped"]) == (1_000, 998, 995, 990, 2)
    assert told["error_kinds"] == {"status 503": 5, "timeout": 3, "dropped": 2}
    assert told["ok_per_second"] == " ".join(["100"] * 10)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="`metric` must be one of"):
        measure(result(), "p.x", "speed")


def test_a_quiet_test_passes_the_gates_of_the_guide() -> None:
    told = result(3_000, ok_per_second=[60] * 60)
    rules = {
        "latency_seconds": {"quantile": 0.95, "below": 0.5, "min_samples": 1_500},
        "errors": {"share": "failures", "below": 0.01},
        "availability": {"share": "failures", "below": 0.01},
        "throughput": {"rate": True, "above": 50},
        "lag": {"value": True, "below": 0.005},
    }
    for metric, rule in rules.items():
        assert judge({"id": "p.x", "judge": rule}, measure(told, "p.x", metric), NOW)["verdict"] == PASS, metric


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"endpoints": []}, "`endpoints` is empty"),
        ({"rate": 0}, "1 to 1000000 requests"),
        ({"seconds": 700}, "at most 600 s"),
        ({"warmup_seconds": 600}, "at most 600 s"),
        ({"rate": 0.1, "seconds": 1, "warmup_seconds": 99.0}, "no request falls into"),
        ({"timeout": 0}, "`timeout_seconds`"),
        ({"base_url": "edge"}, "not an http or https URL"),
        ({"endpoints": [Endpoint("/", weight=0)]}, "weights"),
        ({"endpoints": [Endpoint("/", headers={"A": "\r\n"})]}, "header"),
    ],
)
def test_a_bad_profile_is_refused(values: dict[str, Any], said: str) -> None:
    good: dict[str, Any] = {"base_url": "http://a", "rate": 10, "seconds": 10, "endpoints": [Endpoint("/")]}
    with pytest.raises(ValueError, match=said):
        validate(Profile(**{**good, **values}))
