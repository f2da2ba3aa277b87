"""The schedule of a load test."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from golive_core import schedule


def test_constant_arrivals_are_evenly_spaced() -> None:
    times = schedule.send_times(50, 60)
    assert len(times) == 3_000
    assert times[:3] == [0.0, 0.02, 0.04]
    assert max(times) < 60


def test_poisson_arrivals_are_those_of_independent_users() -> None:
    times = schedule.send_times(100, 100, "poisson", seed=3)
    gaps = [late - early for early, late in pairwise(times)]
    assert len(times) == pytest.approx(10_000, rel=0.03)
    assert all(gap >= 0 for gap in gaps)
    assert sum(gap > 0.03 for gap in gaps) / len(gaps) == pytest.approx(0.0498, abs=0.01)  # e^-3


def test_a_ramp_grows_evenly() -> None:
    times = schedule.send_times(10, 10, "ramp", end_rate=110)
    assert len(times) == 600
    counts = Counter(int(time) for time in times)
    assert [counts[second] for second in range(10)] == pytest.approx([15 + 10 * second for second in range(10)], abs=1)
    gaps = [late - early for early, late in pairwise(times)]
    assert gaps == sorted(gaps, reverse=True)


def test_a_ramp_may_fall_and_may_be_level() -> None:
    falling = Counter(int(time) for time in schedule.send_times(100, 4, "ramp", end_rate=20))
    assert [falling[second] for second in range(4)] == pytest.approx([90, 70, 50, 30], abs=1)
    assert schedule.send_times(50, 2, "ramp", end_rate=50) == pytest.approx(schedule.send_times(50, 2))


def test_steps_are_equally_long_stairs() -> None:
    times = schedule.send_times(10, 9, "step", end_rate=30, steps=3)
    counts = Counter(int(time / 3) for time in times)
    assert counts == {0: 30, 1: 60, 2: 90}
    assert times == sorted(times)


@pytest.mark.parametrize("arrivals", ["ramp", "step"])
def test_the_warm_up_of_a_shape_is_at_its_first_rate(arrivals: str) -> None:
    warm = schedule.send_times(10, 10, arrivals, end_rate=50, warmup=3)
    cold = schedule.send_times(10, 10, arrivals, end_rate=50)
    assert sum(time < 3 for time in warm) == 30
    assert [time - 3 for time in warm[30:]] == pytest.approx(cold)


@pytest.mark.parametrize("values", [{"end_rate": 0}, {"end_rate": -1}, {"end_rate": 1e9}, {"steps": 1}, {"steps": 101}])
def test_a_shape_outside_the_bounds_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"above 0|load test sends|`steps`"):
        schedule.send_times(10, 10, "step", **{"end_rate": 20, **values})  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert schedule.send_times(10, 5, "poisson", 1) == schedule.send_times(10, 5, "poisson", 1)
    assert schedule.send_times(10, 5, "poisson", 1) != schedule.send_times(10, 5, "poisson", 2)


@pytest.mark.parametrize(
    ("rate", "seconds", "arrivals"),
    [(0, 10, "constant"), (10, 0, "constant"), (10, 601, "constant"), (2_000, 600, "constant"), (1, 1, "bursty")],
)
def test_a_schedule_outside_the_bounds_is_refused(rate: float, seconds: float, arrivals: str) -> None:
    with pytest.raises(ValueError, match=r"load test|arrivals"):
        schedule.send_times(rate, seconds, arrivals)


def test_endpoints_are_chosen_by_weight() -> None:
    counts = Counter(schedule.choices([9, 1, 0], 10_000))
    assert counts[0] / 10_000 == pytest.approx(0.9, abs=0.02)
    assert counts[2] == 0
    assert schedule.choices([1, 1], 20, seed=4) == schedule.choices([1, 1], 20, seed=4)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1]])
def test_weights_that_choose_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        schedule.choices(weights, 10)
