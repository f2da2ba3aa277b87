"""What a load test says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from golive_core import http
from golive_core.histogram import RELATIVE_ERROR
from golive_core.histogram import read as read_histogram
from golive_core.judge import PASS, judge
from golive_core.load import METRICS, Endpoint, Profile, Result, _Plan, foreign, measure, merge, read, validate
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
    assert read_samples(seen["errors"]["samples"]) == list(range(990, 1_000))
    assert read_samples(seen["availability"]["samples"]) == list(range(994, 1_000))
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
    with pytest.raises(ValueError, match="`metric` must be compare or one of"):
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


def test_the_summary_has_a_histogram_of_the_latencies() -> None:
    told = result(latencies=[0.02] * 900 + [0.5] * 95 + [2.0] * 5)
    histogram = read_histogram(told.summary()["histogram"])
    assert histogram.n == 1_000
    assert histogram.quantile(0.99) == pytest.approx(0.5, rel=RELATIVE_ERROR)
    assert (told.summary()["p90"], told.summary()["p999"]) == (0.02, 2.0)


# --- requests made of data


def requests(endpoint: Endpoint, **values: Any) -> list[bytes]:
    (made,) = _Plan(Profile("http://a", 10, 1, [endpoint], **values)).requests
    return made


def test_rows_of_data_fill_paths_headers_and_bodies() -> None:
    endpoint = Endpoint("/u/{id}", "POST", headers={"X-API-Key": "{key}"}, body={"name": "{id}", "n": [1, "{key}"]})
    one, two = requests(endpoint, data=[{"id": "a/b c", "key": "k1"}, {"id": 2, "key": "k2"}])
    assert one.startswith(b"POST /u/a%2Fb%20c HTTP/1.1\r\n")
    assert b"x-api-key: k1\r\n" in one
    assert one.endswith(b'{"name": "a/b c", "n": [1, "k1"]}')
    assert b"x-api-key: k2\r\n" in two


def test_requests_without_a_place_for_data_are_made_once_and_keep_their_braces() -> None:
    (one,) = requests(Endpoint("/", "POST", body="{other}"), data=[{"id": 1}, {"id": 2}])
    assert one.endswith(b"{other}")


@pytest.mark.parametrize(
    ("endpoint", "data", "said"),
    [
        (Endpoint("/{name}"), [{"id": 1}], r"names \{name\}, which `data` does not have"),
        (
            Endpoint("/", headers={"X-Key": "{key}"}),
            [{"key": "a"}, {"key": "b\r\nX: 1"}],
            "header 'x-key' is not valid",
        ),
        (Endpoint("/{id}"), [{"id": number} for number in range(100_001)], "more than 100000 different requests"),
    ],
)
def test_data_that_makes_no_good_request_is_refused(endpoint: Endpoint, data: list[Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        requests(endpoint, data=data)


def test_new_connections_are_announced() -> None:
    assert b"connection: close\r\n" in requests(Endpoint("/"), keep_alive=False)[0]


# --- several generators


def generator(started: str, late: float = 0.0, **values: Any) -> Result:
    times = [late + number / 100 for number in range(1_000)]
    return result(started=started, times=times, **values)


def test_generators_are_put_together_in_the_order_of_the_schedule() -> None:
    one = generator("2026-11-23T22:00:00.000Z", latencies=[0.1] * 1_000)
    two = generator("2026-11-23T22:00:00.500Z", latencies=[0.3] * 1_000, outcomes=["status 503"] * 1_000, cpu_share=0.5)
    whole = merge([one, read(two.raw())])
    assert whole.times == sorted(whole.times)
    assert whole.latencies[:50] == [0.1] * 50  # nothing of the second one yet
    assert whole.latencies[50:52] == [0.1, 0.3] or whole.latencies[50:52] == [0.3, 0.1]
    assert (whole.summary()["offered"], whole.summary()["ok"], whole.generators) == (2_000, 1_000, 2)
    assert whole.ok_per_second == [200] * 10
    assert (whole.cpu_share, whole.started, whole.invalid) == (0.5, one.started, "")


def test_one_generator_that_could_not_keep_up_spoils_the_whole() -> None:
    start = "2026-11-23T22:00:00.000Z"
    whole = merge([generator(start), generator(start, cpu_share=0.9)])
    assert whole.invalid.startswith("generator 2: the load generator used 90%")
    assert measure(whole, "p.x", "errors")["invalid"] == whole.invalid


def test_generators_that_did_not_start_together_prove_nothing() -> None:
    whole = merge([generator("2026-11-23T22:00:00.000Z"), generator("2026-11-23T22:00:03.000Z")])
    assert "started 3.0 s apart (allowed 1 s)" in whole.invalid


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"latencies": "0.1"}, "different lengths"),
        ({"outcomes": "7"}, "not complete"),
        ({"lags": None}, "not complete"),
        ({"cpu_share": "much"}, "not complete"),
    ],
)
def test_what_is_no_result_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read({**generator("2026-11-23T22:00:00.000Z").raw(), **change})


def test_nothing_and_different_tests_are_not_put_together() -> None:
    with pytest.raises(ValueError, match="no generator"):
        merge([])
    start = "2026-11-23T22:00:00.000Z"
    with pytest.raises(ValueError, match="differ"):
        merge([generator(start), generator(start, max_lag=1.0)])


# --- where a load may go


@pytest.mark.parametrize(
    ("address", "allowed", "refused"),
    [
        ("127.0.0.1", [], False),
        ("::1", [], False),
        ("192.0.2.1", [], True),
        ("192.0.2.1", ["192.0.2.2"], True),
        ("192.0.2.1", ["192.0.2.1"], False),
        ("EDGE1", ["edge1"], False),
    ],
)
def test_a_load_goes_to_this_host_and_to_hosts_of_the_inventory(
    address: str, allowed: list[str], refused: bool
) -> None:
    told = foreign(http.target("http://shop.example", address), allowed)
    assert ("is no host of the inventory" in told) == refused
    assert bool(told) == refused
