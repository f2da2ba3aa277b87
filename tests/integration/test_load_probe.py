"""The load generator against real servers, and against its own limits."""

from __future__ import annotations

import gc
import json
import threading
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from golive_core import compare, http, load, statistics
from golive_core.histogram import PERCENTILES
from golive_core.judge import FAIL, NO_EVIDENCE, judge
from golive_core.load import Endpoint, Profile
from golive_core.measurement import read_samples
from support import NOW, Certificates, Run, serving

# Machines that run tests are busy with other things; the rule of 5 ms has its own tests.
PATIENT = 0.2


def profile(url: str, path: str = "/", rate: float = 100, seconds: float = 1, **values: Any) -> Profile:
    endpoints = values.pop("endpoints", [Endpoint(path)])
    return Profile(url, rate, seconds, endpoints, **{"max_lag": PATIENT, **values})


def test_every_request_of_the_schedule_is_sent_and_answered(server: str) -> None:
    told = load.run(profile(server, rate=500, seconds=2))
    assert told.summary()["ok"] == 1_000
    assert told.invalid == ""
    assert told.connections < 200  # they are kept
    assert sum(told.ok_per_second) == pytest.approx(1_000, abs=100)
    assert len(told.ok_per_second) == 2


def test_two_thousand_a_second_leave_the_generator_room(server: str) -> None:
    told = load.run(profile(server, rate=2_000, seconds=2))
    assert told.summary()["ok"] == 4_000
    assert told.cpu_share < load.MAX_CPU_SHARE


def test_a_frozen_server_makes_every_request_of_that_second_slow() -> None:
    """500/s for 5 s, in which the server stands still for 1 s.

    The requests of that second wait for 1 s down to nothing, so that 250 of 2,500 wait longer than half a second, and
    P90 is 500 ms. A generator that waits for answers would have sent one slow request, and seen a P90 of a millisecond.
    """
    with serving() as port:
        url = f"http://127.0.0.1:{port}"
        freeze = threading.Timer(2.0, lambda: http.fetch(http.target(f"{url}/freeze?1")))
        freeze.start()
        told = load.run(profile(url, rate=500, seconds=5))
        freeze.join()
    assert told.summary()["ok"] == 2_500
    assert told.percentile(0.5) < 0.2
    standstill = max(told.latencies)  # 1 s, and more on a busy machine
    assert standstill > 0.95
    assert told.percentile(0.9) == pytest.approx(standstill - 0.5, abs=0.15)


def test_percentiles_of_a_run_with_a_standstill_are_those_that_the_server_knows() -> None:
    """Every request has an id, and the server remembers when it answered it: what a user waited needs no generator."""
    data = [{"id": number} for number in range(2_500)]
    with serving() as port:
        url = f"http://127.0.0.1:{port}"
        freeze = threading.Timer(2.0, lambda: http.fetch(http.target(f"{url}/freeze?1")))
        freeze.start()
        told = load.run(profile(url, "/known?{id}", rate=500, seconds=5, data=data))
        freeze.join()
        answered = json.loads(http.fetch(http.target(f"{url}/truth")).body)
    assert len(answered) == len(told.outcomes) == 2_500
    truth = [answered[str(number)] - told.clock - intended for number, intended in enumerate(told.times)]
    assert statistics.quantile(truth, 0.99) > 0.8  # the standstill is in it
    percentiles = told.histogram.percentiles()
    for name, q in PERCENTILES.items():
        # An answer is read after it was written, later on a busy machine; a closed loop would be 500 ms off at P90.
        assert percentiles[name] == pytest.approx(statistics.quantile(truth, q), rel=0.02, abs=0.05), name


def test_a_standstill_is_a_second_without_answers_and_then_one_with_all_of_them() -> None:
    """A standstill of more than two seconds covers one whole second of the series, wherever the seconds begin."""
    with serving() as port:
        url = f"http://127.0.0.1:{port}"
        freeze = threading.Timer(1.0, lambda: http.fetch(http.target(f"{url}/freeze?2.2")))
        freeze.start()
        told = load.run(profile(url, rate=100, seconds=5))
        freeze.join()
    assert told.summary()["ok"] == 500
    assert min(told.ok_per_second) == 0
    assert max(told.ok_per_second) > 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/close", "closed"),
        ("/half", "closed"),
        ("/garbage", "protocol"),
        ("/status/503", "status 503"),
        ("/status/404", "status 404"),
    ],
)
def test_errors_are_told_apart(server: str, path: str, kind: str) -> None:
    told = load.run(profile(server, path))
    assert told.kinds == {kind: 100}
    assert sum(told.errors_per_second) > 80
    assert sum(told.ok_per_second) == 0


@pytest.mark.parametrize("path", ["/chunked", "/until-close", "/health"])
def test_answers_of_every_form_are_right(server: str, path: str) -> None:
    assert load.run(profile(server, path)).kinds == {}


def test_a_server_that_is_not_there_is_an_error_as_slow_as_the_time_out() -> None:
    told = load.run(profile("http://127.0.0.1:1", timeout=2))
    assert told.kinds == {"connect": 100}
    assert told.percentile(0.5) == 2


def test_time_outs_count_with_their_full_time(server: str) -> None:
    told = load.run(profile(server, "/slow?3", timeout=0.4))
    assert told.kinds == {"timeout": 100}
    assert set(told.latencies) == {0.4}


def test_a_late_answer_does_not_hold_up_the_next_request(server: str) -> None:
    told = load.run(profile(server, "/slow?0.5", rate=200))
    assert told.kinds == {}
    assert told.connections > 50
    assert told.percentile(0.5) == pytest.approx(0.5, abs=0.2)


def test_a_saturated_generator_says_that_its_numbers_prove_nothing(server: str) -> None:
    told = load.run(profile(server, rate=100_000, seconds=0.5, timeout=1, max_lag=0.005))
    assert "the load generator" in told.invalid
    seen = load.measure(told, "performance.latency_p95", "latency_seconds")
    gate = {"id": "performance.latency_p95", "judge": {"quantile": 0.95, "below": 5}}
    assert judge(gate, seen, NOW)["verdict"] == NO_EVIDENCE
    lag = {"id": "performance.lag", "judge": {"value": True, "below": 0.005}}
    assert judge(lag, load.measure(told, "performance.lag", "lag"), NOW)["verdict"] == FAIL


def test_requests_beyond_the_connections_that_may_be_open_are_dropped(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "_allowed_connections", lambda: 10)
    told = load.run(profile(server, "/slow?2", timeout=3))
    assert told.dropped == 90
    assert "did not send 90 of 100 requests" in told.invalid


def test_the_warm_up_is_sent_but_not_counted(fresh_server: str) -> None:
    told = load.run(profile(fresh_server, "/flaky?100", rate=100, seconds=1, warmup_seconds=1.2))
    assert len(told.outcomes) == 100
    assert told.kinds == {}


def test_endpoints_are_mixed_by_weight_with_their_own_expectations(server: str) -> None:
    endpoints = [
        Endpoint("/health", weight=8),
        Endpoint("/status/404", weight=1, expect_status=(404,)),
        Endpoint("/x", method="POST", weight=1, headers={"X-A": "1"}, body={"a": 1}),
    ]
    assert load.run(profile(server, endpoints=endpoints, rate=300, arrivals="poisson")).kinds == {}


def test_tls_is_verified_under_load(certificates: Certificates, tls_port: int) -> None:
    good: dict[str, Any] = {"address": "127.0.0.1", "ca_file": certificates.ca_file}
    assert load.run(profile(f"https://edge.example:{tls_port}", **good)).kinds == {}
    assert load.run(profile(f"https://other.example:{tls_port}", **good)).kinds == {"tls": 100}


def test_connections_are_new_for_every_request_when_asked(server: str) -> None:
    told = load.run(profile(server, keep_alive=False))
    assert (told.kinds, told.connections) == ({}, 100)


def test_a_kept_connection_that_the_server_closes_is_replaced(server: str) -> None:
    told = load.run(profile(server, "/then-close", rate=10))
    assert (told.kinds, told.connections) == ({}, 10)


def test_a_body_that_does_not_fit_into_the_socket_is_sent_whole(
    server: str, certificates: Certificates, tls_port: int
) -> None:
    large = [Endpoint("/x", method="POST", body="x" * 8_000_000)]
    assert load.run(profile(server, endpoints=large, rate=3)).kinds == {}
    tls: dict[str, Any] = {"address": "127.0.0.1", "ca_file": certificates.ca_file}
    assert load.run(profile(f"https://edge.example:{tls_port}", endpoints=large, rate=3, **tls)).kinds == {}


def test_the_collection_of_garbage_goes_on_afterwards(server: str) -> None:
    load.run(profile(server, rate=10))
    assert gc.isenabled()


def test_a_ramp_is_sent_as_scheduled(server: str) -> None:
    told = load.run(profile(server, rate=20, seconds=2, arrivals="ramp", end_rate=180))
    assert (told.kinds, len(told.outcomes)) == ({}, 200)
    assert sum(time < 1 for time in told.times) == pytest.approx(60, abs=1)


def test_a_search_finds_the_rate_above_which_a_service_refuses(run_module: Run) -> None:
    """The server answers 429 from its 131st request on: 60 and 70 are answered at the first two rates."""
    with serving() as port:
        told = run_module(
            "load_probe",
            {
                "url": f"http://127.0.0.1:{port}",
                "seconds": 1,
                "max_lag_seconds": PATIENT,
                "saturation": {"rates": [60, 70, 80, 90], "below": 5, "errors_below": 0.1, "rest_seconds": 0},
                "endpoints": [{"path": "/limit?130"}],
                "checks": [{"id": "performance.saturation", "metric": "saturation"}],
            },
        )
    (seen,) = told["measurements"]
    assert told["saturation"]["highest"] == seen["value"] == 70
    assert [step["verdict"] for step in told["saturation"]["steps"]] == ["PASS", "PASS", "FAIL"]
    assert "80/s did not: 80 of 80 failed" in seen["observed"]


def test_keys_from_a_file_reach_the_service_and_not_the_result(run_module: Run, server: str, tmp_path: Path) -> None:
    (tmp_path / "keys.csv").write_text("id,key\n404,s3cr3t1\n404,s3cr3t2\n")
    endpoint = {"path": "/status/{id}", "headers": {"X-API-Key": "{key}"}, "expect_status": 404}
    change = {"data_file": str(tmp_path / "keys.csv"), "endpoints": [endpoint]}
    told = run_module("load_probe", {"url": server, **ONE, **change})
    assert told["summary"]["ok"] == 10
    assert "s3cr3t" not in json.dumps(told)


def test_two_generators_are_put_together(run_module: Run, server: str) -> None:
    parts = [run_module("load_probe", {"url": server, **ONE, "max_lag_seconds": PATIENT, "raw": True})["raw"]] * 2
    told = run_module("load_merge", {"results": parts, "checks": ONE["checks"]})
    assert (told["summary"]["ok"], told["summary"]["generators"]) == (20, 2)
    assert (told["measurements"][0]["n"], told["measurements"][0]["invalid"]) == (20, "")


def test_what_no_generator_returned_is_one_sentence(run_module: Run) -> None:
    told = run_module("load_merge", {"results": [{"seconds": 1}], "checks": ONE["checks"]})
    assert told["failed"]
    assert "cannot be put together" in told["msg"]


# --- the module


def test_the_module_returns_a_measurement_per_check_and_hides_what_was_sent(run_module: Run, server: str) -> None:
    result = run_module(
        "load_probe",
        {
            "url": server,
            "rate": 200,
            "seconds": 2,
            "max_lag_seconds": PATIENT,
            "endpoints": [{"path": "/health", "headers": {"Authorization": "Bearer s3cr3t"}, "body": "hunter2!"}],
            "checks": [{"id": f"performance.{metric}", "metric": metric} for metric in load.METRICS],
        },
    )
    assert [row["id"] for row in result["measurements"]] == [f"performance.{metric}" for metric in load.METRICS]
    assert [row["invalid"] for row in result["measurements"]] == [""] * len(load.METRICS)
    latency, errors, *_ = result["measurements"]
    assert len(read_samples(latency["samples"])) == latency["n"] == 400
    assert (errors["failures"], latency["seconds"], result["summary"]["ok"]) == (0, 2, 400)
    assert "s3cr3t" not in json.dumps(result)
    assert "hunter2" not in json.dumps(result)


ONE: dict[str, Any] = {
    "rate": 10,
    "seconds": 1,
    "endpoints": [{"path": "/"}],
    "checks": [{"id": "p.x", "metric": "errors"}],
}


def test_the_module_sends_nothing_in_check_mode(run_module: Run, server: str) -> None:
    (seen,) = run_module("load_probe", {"url": server, **ONE}, check_mode=True)["measurements"]
    assert (seen["n"], seen["invalid"]) == (0, "check mode sends no load")


def test_a_foreign_target_needs_leave_also_in_check_mode(run_module: Run) -> None:
    away = {"url": "http://192.0.2.1", **ONE}
    assert run_module("load_probe", away, check_mode=True)["failed"]
    for leave in ({"allow_foreign": True}, {"targets": ["192.0.2.1"]}):
        (seen,) = run_module("load_probe", {**away, **leave}, check_mode=True)["measurements"]
        assert seen["invalid"] == "check mode sends no load"


def test_a_name_that_does_not_exist_is_no_evidence(run_module: Run) -> None:
    (seen,) = run_module("load_probe", {"url": "http://no.invalid", **ONE})["measurements"]
    assert "no.invalid cannot be resolved" in seen["invalid"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "edge"}, "is not an http or https URL"),
        ({"seconds": 601}, "at most 600 s"),
        ({"rate": 1e6, "seconds": 2}, "1000000 requests"),
        ({"endpoints": []}, "`endpoints` is empty"),
        ({"url": "http://192.0.2.1"}, "192.0.2.1 (192.0.2.1) is no host of the inventory"),
        ({"data_file": "/nowhere.csv"}, "/nowhere.csv cannot be read"),
        ({"checks": [{"id": "p.x", "metric": "saturation"}]}, "need each other"),
        ({"endpoints": [{"path": "/", "expect_status": "fine"}]}, "`status`"),
    ],
)
def test_a_mistake_is_one_sentence(run_module: Run, change: dict[str, Any], said: str) -> None:
    result = run_module("load_probe", {"url": "http://127.0.0.1:1", **ONE, **change})
    assert result["failed"]
    assert said in result["msg"]


def test_a_version_is_compared_with_itself_and_with_the_one_beside_it(run_module, server):
    sides = {"old": {"X-Slow": "0.05"}, "new": {"X-Slow": "0.2"}, "pairs": 10}
    checks = [{"id": "release.idle_compared", "metric": "compare"}]
    change = {"rate": 500, "seconds": 10, "max_lag_seconds": PATIENT, "versus": sides, "checks": checks}
    (seen,) = run_module("load_probe", {"url": server, **ONE, **change})["measurements"]
    assert (seen["n"], seen["invalid"]) == (20, "")
    shifts: dict[float, list[float]] = {0.0: [], 1.0: []}
    for pair in compare.read_pairs(read_samples(seen["samples"])):
        shifts[pair.against].append(pair.new_median - pair.old_median)
    assert abs(median(shifts[0.0])) < 0.05
    assert 0.1 < median(shifts[1.0]) < 0.2
