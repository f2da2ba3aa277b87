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
