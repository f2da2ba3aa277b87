"""What Prometheus says of itself becomes numbers, and no answer never becomes a good one."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from golive_core.prometheus import (
    Check,
    Seen,
    Unanswered,
    alertmanagers,
    configured,
    measure,
    measure_all,
    panels,
    query_value,
    rules_loaded,
    targets_up,
)

URL = "http://192.0.2.5:9090"
METRICS = """\
# HELP prometheus_config_last_reload_success_timestamp_seconds Timestamp of the last successful configuration reload.
# TYPE prometheus_config_last_reload_success_timestamp_seconds gauge
prometheus_config_last_reload_success_timestamp_seconds 1.7954748e+09
# TYPE prometheus_config_last_reload_successful gauge
prometheus_config_last_reload_successful 1
"""


def target(job: str, host: str, health: str = "up", error: str = "") -> dict[str, Any]:
    return {
        "labels": {"job": job, "host": host},
        "scrapeUrl": f"http://{host}:9100/metrics",
        "health": health,
        "lastError": error,
    }


def targets(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"activeTargets": list(rows), "droppedTargets": []}


def rule(name: str, health: str = "ok", error: str = "") -> dict[str, Any]:
    return {"name": name, "type": "alerting", "health": health, "lastError": error}


def rules(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"groups": [{"name": "golive", "rules": list(rows)}]}


def vector(*values: str) -> dict[str, Any]:
    return {"resultType": "vector", "result": [{"metric": {}, "value": [1795474800.0, value]} for value in values]}


@pytest.mark.parametrize(
    ("rows", "jobs", "minimum", "n", "failures"),
    [
        ([target("node", "a"), target("node", "b")], {"node": 2}, 1, 2, 0),
        ([target("node", "a"), target("node", "b", "down")], {"node": 2}, 1, 2, 1),
        ([target("node", "a"), target("node", "b", "unknown")], {"node": 2}, 1, 2, 1),
        ([target("node", "a")], {"node": 2}, 1, 2, 1),
        ([target("node", "a"), target("node", "b")], {"node": 1}, 1, 2, 1),
        ([target("node", "a"), target("node", "b", "down")], {"node": 1}, 1, 2, 2),
        ([target("node", "a"), target("app", "b", "down")], {"node": 1}, 1, 1, 0),
        ([target("node", "a")], {"node": 1, "redis": 2}, 1, 3, 2),
        ([target("node", "a")], {"node": 1, "redis": 0}, 1, 1, 0),
        ([target("node", "a"), target("app", "b", "down")], {}, 1, 2, 1),
        ([target("node", "a")], {}, 3, 3, 2),
        ([], {}, 1, 1, 1),
    ],
)
def test_targets_that_are_missing_surplus_or_not_up_count_as_wrong(
    rows: list[dict[str, Any]], jobs: dict[str, int], minimum: int, n: int, failures: int
) -> None:
    seen = targets_up(targets(*rows), jobs, minimum)
    assert (seen.n, seen.failures) == (n, failures)
    assert bool(seen.problems) == bool(failures)


def test_a_target_that_is_down_is_named_with_the_reason() -> None:
    seen = targets_up(targets(target("redis", "data1", "down", "connection refused")), {"redis": 1}, 1)
    assert seen.problems == ["redis of data1 (http://data1:9100/metrics) is down: connection refused"]


def test_a_job_without_targets_is_named() -> None:
    assert targets_up(targets(), {"redis": 1}, 1).problems == ["job redis has 0 targets, wanted 1"]


@pytest.mark.parametrize(
    ("rows", "wanted", "n", "failures", "said"),
    [
        ([rule("A"), rule("B")], ["A", "B"], 2, 0, None),
        ([rule("A")], ["A", "B"], 2, 1, "rule B is not loaded"),
        ([rule("A", "err", "many-to-many")], ["A"], 1, 1, "rule A is err: many-to-many"),
        ([rule("A", "unknown")], ["A"], 1, 1, "rule A is unknown: not evaluated yet"),
        ([rule("A"), rule("C", "err", "x")], ["A", "B"], 3, 2, "rule B is not loaded"),
        ([], ["A"], 1, 1, "rule A is not loaded"),
    ],
)
def test_rules_that_are_missing_or_ill_count_as_wrong(
    rows: list[dict[str, Any]], wanted: list[str], n: int, failures: int, said: str | None
) -> None:
    seen = rules_loaded(rules(*rows), wanted)
    assert (seen.n, seen.failures) == (n, failures)
    assert next(iter(seen.problems), None) == said


def test_recording_rules_are_no_alerts() -> None:
    recording = {**rule("job:up:sum"), "type": "recording"}
    assert rules_loaded(rules(recording, rule("A")), ["A"]).n == 1


def test_one_number_is_the_value() -> None:
    assert query_value(vector("0.25"), "x").value == 0.25
    assert query_value({"resultType": "scalar", "result": [1795474800.0, "3"]}, "x").value == 3.0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (vector(), "x gives no data"),
        (vector("1", "2"), "x gives 2 series, of which it is not said which one counts"),
        (vector("NaN"), "x gives nan"),
        (vector("+Inf"), "x gives inf"),
        ({"resultType": "matrix", "result": []}, "x gives no data"),
    ],
)
def test_anything_but_one_number_is_no_evidence(data: dict[str, Any], said: str) -> None:
    seen = query_value(data, "x")
    assert (seen.value, seen.invalid) == (None, said)


@pytest.mark.parametrize(
    ("urls", "minimum", "deaf", "n", "failures"),
    [
        (["a"], 1, [], 1, 0),
        (["a"], 1, ["a"], 1, 1),
        (["a", "b"], 2, ["b"], 2, 1),
        (["a"], 2, [], 2, 1),
        ([], 1, [], 1, 1),
    ],
)
def test_alertmanagers_count_when_they_answer(
    urls: list[str], minimum: int, deaf: list[str], n: int, failures: int
) -> None:
    data = {"activeAlertmanagers": [{"url": f"http://{url}:9093/api/v2/alerts"} for url in urls]}
    seen = alertmanagers(data, minimum, lambda url: "deaf" if url in [f"http://{one}:9093" for one in deaf] else "")
    assert (seen.n, seen.failures) == (n, failures)


def test_a_configuration_that_was_read_after_its_last_change_is_in_force() -> None:
    assert configured(METRICS, {"/etc/rules.yml": 1795474799.5}) == []


def test_a_configuration_that_changed_since_is_named() -> None:
    assert configured(METRICS, {"/etc/rules.yml": 1795474873.0}) == [
        "/etc/rules.yml was changed 73 s after it was last read"
    ]


@pytest.mark.parametrize("metrics", ["", METRICS.replace("successful 1", "successful 0")])
def test_a_configuration_that_was_refused_or_is_unknown_is_not_in_force(metrics: str) -> None:
    assert configured(metrics, {}) == ["the last configuration was refused, so an older one is in force"]


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_it_looks_until_all_is_well() -> None:
    looks = iter([Seen(0, invalid="no answer"), Seen(2, 1, ["not read yet"]), Seen(2, fine="2 up")])
    clock = Clock()
    check = Check("monitoring.targets", "targets_up", URL, within_seconds=10)
    seen = measure(check, lambda _: next(looks), clock, clock.sleep)
    assert (seen["n"], seen["failures"], seen["observed"], seen["seconds"]) == (2, 0, "2 up", 1.0)


def test_it_gives_up_in_time_with_what_it_saw_last() -> None:
    clock = Clock()
    check = Check("monitoring.targets", "targets_up", URL, within_seconds=3)
    seen = measure(check, lambda _: Seen(2, 1, [f"down at {clock.now:g}"]), clock, clock.sleep)
    assert (seen["failures"], seen["observed"], seen["seconds"]) == (1, "down at 3", 3.0)


@pytest.mark.parametrize(("wait", "waited"), [(True, [3.0, 2.0]), (False, [0.0, 0.0])])
def test_all_wait_for_the_same_time_and_a_plan_does_not_wait(wait: bool, waited: list[float]) -> None:
    clock = Clock()
    checks = [Check(name, "ready", URL, within_seconds=limit) for name, limit in (("one", 3), ("two", 5))]
    seen = measure_all(checks, wait=wait, look=lambda _: Seen(0, invalid="no"), clock=clock, sleep=clock.sleep)
    assert [each["seconds"] for each in seen] == waited


@pytest.mark.parametrize("kind", ["targets_up", "rules_loaded", "query", "alertmanagers_active"])
def test_a_server_that_does_not_answer_gives_no_evidence(kind: str, closed_port: int) -> None:
    seen = measure(Check("x", kind, f"http://127.0.0.1:{closed_port}", rules=["A"], query="up"))
    assert (seen["n"], seen["failures"], seen["value"]) == (0, 0, None)
    assert "Connection refused" in seen["invalid"]


def test_a_server_that_does_not_answer_is_not_ready(closed_port: int) -> None:
    seen = measure(Check("x", "ready", f"http://127.0.0.1:{closed_port}"))
    assert (seen["n"], seen["failures"], seen["invalid"]) == (1, 1, "")


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("data", "failures"),
    [
        (vector("1"), 0),
        (vector("NaN", "2"), 0),
        (vector(), 1),
        (vector("NaN"), 1),
        ({"resultType": "scalar", "result": [1.0, "3"]}, 0),
    ],
    ids=["a number", "one number", "nothing", "not a number", "scalar"],
)
def test_a_panel_without_a_number_is_empty(data: dict[str, Any], failures: int) -> None:
    seen = panels([{"panel": "Hosts / CPU", "expr": "cpu"}], lambda _: data)
    assert (seen.n, seen.failures) == (1, failures)
    assert not failures or seen.problems == ['panel "Hosts / CPU" has no data: cpu']


def test_a_query_that_is_refused_fails_its_panel() -> None:
    def run(query: str) -> dict[str, Any]:
        raise Unanswered("answered 400: parse error")

    assert panels([{"panel": "P", "expr": "up =="}], run).problems == ['panel "P": answered 400: parse error']
