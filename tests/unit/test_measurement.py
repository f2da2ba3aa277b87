"""The one shape that every probe hands over."""

from __future__ import annotations

import hashlib

import pytest
from golive_core.measurement import measurement, read_samples, summarise


def test_samples_come_back_in_the_order_taken_and_are_hashed() -> None:
    taken = measurement("a.b", n=3, samples=[0.25, 1.5, 1e-6])
    assert read_samples(taken["samples"]) == [0.25, 1.5, 1e-6]
    assert taken["sha256"] == hashlib.sha256(taken["samples"].encode()).hexdigest()


def test_measurements_without_samples_hash_what_they_saw() -> None:
    assert measurement("a.b", n=1, value=1)["sha256"] != measurement("a.b", n=1, value=2)["sha256"]


@pytest.mark.parametrize(("n", "failures"), [(1, 2), (0, 1), (1, -1)])
def test_more_failures_than_observations_are_refused(n: int, failures: int) -> None:
    with pytest.raises(ValueError, match=r"a\.b: .* failures among"):
        measurement("a.b", n=n, failures=failures)


def test_the_time_is_utc() -> None:
    assert measurement("a.b", n=0)["started"].endswith("Z")
    assert measurement("a.b", n=0, started="2026-11-23T00:00:00.000Z")["started"] == "2026-11-23T00:00:00.000Z"


@pytest.mark.parametrize(
    ("problems", "said"),
    [([], ""), (["a", "a", "", "b"], "a; b"), (["a", "b", "c", "d", "e"], "a; b; c; and 2 more")],
)
def test_problems_are_summarised_once_each(problems: list[str], said: str) -> None:
    assert summarise(problems) == said
