"""The watcher's rules: what makes it go back, what makes it only call somebody, and what leaves it alone."""

from __future__ import annotations

import json
import runpy
from typing import Any

import numpy as np
import pytest
from golive_core import watch_log
from golive_core.watcher import (
    NOTHING,
    PAGE,
    ROLLBACK,
    Before,
    Counts,
    Judge,
    Limits,
    Metric,
    Resource,
    Seen,
    Traffic,
    caused_by_release,
    leads,
    recovered,
    wilson_lower,
    window,
)

from golive import bench

SIMULATED: dict[str, Any] = runpy.run_path(str(bench.BENCHES / "watcher.py"))
LIMITS = Limits()


def looks(seen_of: Any, ticks: int, before: Before | None = None, rate: tuple[int, int, int] = (10, 0, 0)) -> list[Any]:
    """Return what each of some ticks finds, with requests, errors and slow ones a second."""
    judge, traffic, found = Judge(LIMITS, before or Before()), Traffic(), []
    traffic.close(0)
    for second in range(1, ticks + 1):
        traffic.add(*rate)
        traffic.close(second)
        found.append(judge.tick(seen_of(traffic)))
    return found


def first(found: list[Any], act: str = ROLLBACK) -> tuple[int, str] | None:
    rows = [(second, row[0].rule) for second, row in enumerate(found, start=1) if row and row[0].act == act]
    return rows[0] if rows else None


def test_a_window_counts_whole_seconds_and_those_with_errors():
    traffic = Traffic()
    traffic.close(100)
    for second in range(101, 111):
        traffic.add(5, errors=second % 2, slow=1)
        traffic.close(second)
    assert traffic.last(4) == Counts(20, 2, 4, 2)
    assert traffic.last(300) == Counts(50, 5, 10, 5)
    traffic.add(1000)  # of a second that goes on
    assert traffic.last(4).n == 20
    traffic.close(2000)
    assert traffic.last(300).n == 0


def test_the_bound_is_wilsons():
    assert wilson_lower(5, 60) == pytest.approx(0.0234, abs=5e-4)
    assert wilson_lower(0, 100) == 0.0
    assert wilson_lower(0, 0) == 0.0


def test_an_outage_is_acted_on_within_ten_seconds_and_health_is_left_alone():
    second, rule = first(looks(lambda traffic: Seen(traffic), 30, rate=(5, 5, 0)))
    assert (rule, second <= 10) == ("errors", True)
    assert looks(lambda traffic: Seen(traffic), 120)[-1] == []


def test_a_slow_release_is_acted_on_with_enough_samples_only():
    assert first(looks(lambda traffic: Seen(traffic), 60, rate=(5, 0, 1)))[1] == "latency"
    assert first(looks(lambda traffic: Seen(traffic), 60, rate=(2, 0, 2))) is None


def test_four_failed_checks_from_both_sides_are_the_application_and_from_one_the_edge():
    assert first(looks(lambda traffic: Seen(traffic, 3, 3), 5)) is None
    assert first(looks(lambda traffic: Seen(traffic, 4, 4), 5)) == (1, "health")
    assert first(looks(lambda traffic: Seen(traffic, 4, 0), 5)) is None
    assert first(looks(lambda traffic: Seen(traffic, 4, 0), 5), PAGE) == (1, "edge")


def test_what_was_no_better_before_is_paged_for():
    bad = Before(Counts(300, 30, 0, 30))
    found = looks(lambda traffic: Seen(traffic), 30, bad, rate=(5, 5, 0))
    assert first(found) is None
    assert "no better" in found[-1][0].sentence


def test_without_a_way_back_it_pages_and_says_why():
    found = looks(lambda traffic: Seen(traffic, 4, 4, back="no release served before this one"), 2)
    assert first(found) is None
    assert found[0][0].sentence.endswith("no release served before this one")


def test_blind_for_a_minute_pages_at_once():
    assert first(looks(lambda traffic: Seen(traffic, silent_seconds=59), 1), PAGE) is None
    assert first(looks(lambda traffic: Seen(traffic, silent_seconds=60), 1), PAGE) == (1, "blind")


@pytest.mark.parametrize(
    ("now", "before", "own", "caused"),
    [(0.95, 0.3, 0.6, True), (0.95, 0.92, 0.6, False), (0.95, 0.3, 0.2, False), (0.95, 0.3, None, False),
     (0.95, None, 0.9, False), (0.5, 0.3, 0.5, False)],
)  # fmt: skip
def test_a_resource_counts_when_the_release_fills_it(now, before, own, caused):
    assert caused_by_release(Resource("memory", now, before, own), LIMITS.resource_share) is caused


def test_a_business_metric_is_unusual_beside_the_hour_before_and_in_its_bad_direction():
    history = [100 + n % 5 for n in range(60)]
    assert Metric("sales", 50, history).z > 4
    assert Metric("sales", 150, history).z < 0
    assert Metric("sales", 50, history[:10]).z == 0
    low = (Metric("sales", 50, history),)
    found = looks(lambda traffic: Seen(traffic, metrics=low), 130)
    assert first(found) is None
    assert first(found, PAGE) == (120, "metric sales")
    asked = (Metric("sales", 50, history, act=True),)
    assert first(looks(lambda traffic: Seen(traffic, metrics=asked), 130)) == (120, "metric sales")


def test_windows_and_leadership():
    assert [window(seconds, 900, 86400) for seconds in (0, 900, 86400)] == ["strict", "normal", "retired"]
    order = ["edge1", "edge2"]
    assert leads("edge1", order, lambda _: True)
    assert not leads("edge2", order, lambda _: True)
    assert leads("edge2", order, lambda _: False)
    assert leads("edge2", order, lambda _: True, holder="edge2")


def test_a_rollback_has_helped_when_all_three_are_right():
    assert recovered(Counts(20, 0), LIMITS, True, True) == ""
    assert recovered(Counts(20, 0), LIMITS, False, True)
    assert recovered(Counts(20, 0), LIMITS, True, False)
    assert recovered(Counts(5, 0), LIMITS, True, True)
    assert recovered(Counts(20, 10), LIMITS, True, True)
    assert NOTHING == "nothing"


# --- the log


def line(**changed: Any) -> bytes:
    row = {"colour": "green", "status": 200, "state": "----", "answer_ms": 20, "queue_ms": 1, "connect_ms": 2,
           "total_ms": 40, "agent": "curl"}  # fmt: skip
    return json.dumps(row | changed).encode()


def test_a_line_says_whether_an_answer_was_wrong_and_how_long_it_took():
    assert watch_log.read_line(line()) == ("green", 200, False, 0.023, False, "", 0.003)
    assert watch_log.read_line(line(status=503, answer_ms=-1)).error
    assert watch_log.read_line(line(status=404)).error is False
    left = {"status": -1, "state": "CH--", "answer_ms": -1}
    assert watch_log.read_line(line(**left)).error is False
    assert watch_log.read_line(line(**left, agent=watch_log.AGENT)).error is True
    for other in (b"{", b"[]", line(colour=None), line(status="x")):
        assert watch_log.read_line(other) is None


def test_a_host_that_cannot_be_reached_makes_nobody_slow():
    """Each request that was to go there waits for a connection (3 s), then another host answers it at once."""
    book = watch_log.Book()
    for second in range(60):
        for queue in (3001, 0, 0):
            book.enter(watch_log.read_line(line(queue_ms=queue, connect_ms=0)), 1.0)
        book.close(second)
    assert book.traffic.last(60).slow_share == 0
    assert book.p95() > 2  # users waited all the same
    for second in range(60, 120):
        for answer in (3001, 1, 1):
            book.enter(watch_log.read_line(line(answer_ms=answer)), 1.0)
        book.close(second)
    assert book.traffic.last(60).slow_share == pytest.approx(1 / 3)


def test_a_book_is_a_histogram_of_prometheus():
    book = watch_log.Book()
    for answer in (20, 300, 20_000):
        book.enter(watch_log.read_line(line(answer_ms=answer)), 1.0)
    text = watch_log.exposition(watch_log.families({"green": book}))
    assert 'golive_edge_requests_total{colour="green",code="2xx"} 3' in text
    assert 'golive_edge_request_duration_seconds_bucket{colour="green",le="0.5"} 2' in text
    assert 'golive_edge_request_duration_seconds_bucket{colour="green",le="+Inf"} 3' in text


# --- small, seeded versions of the bench


def test_sound_services_are_left_alone_and_the_guides_rule_would_not():
    chance = np.random.default_rng(7)
    series = [SIMULATED["healthy"](chance, 5) for _ in range(8)]
    assert [SIMULATED["fires"](SIMULATED["golive"](), one) for one in series] == [None] * 8
    assert any(SIMULATED["fires"](SIMULATED["RULES"]["30 s > 5 %"](), one) for one in series)


@pytest.mark.parametrize(("share", "within"), [(1.0, 10), (0.10, 45), (0.04, 150)])
def test_faults_are_found_in_time_at_five_requests_a_second(share, within):
    chance = np.random.default_rng(7)
    warm = SIMULATED["WARM"]
    took = sorted(
        SIMULATED["fires"](SIMULATED["golive"](), SIMULATED["faulty"](chance, 5, share)) - warm for _ in range(21)
    )
    assert took[10] <= within
