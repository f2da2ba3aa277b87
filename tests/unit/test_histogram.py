"""A histogram of latencies against the samples that it was made of."""

from __future__ import annotations

import math
import random

import pytest
from golive_core import statistics
from golive_core.histogram import MAX_BUCKETS, PERCENTILES, RELATIVE_ERROR, UNIT, Histogram, read


def samples(n: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.lognormvariate(-3, 1.5) for _ in range(n)]


def test_percentiles_are_within_the_stated_error_of_the_samples() -> None:
    taken = samples(20_000)
    for name, value in Histogram(taken).percentiles().items():
        truth = statistics.quantile(taken, PERCENTILES[name])
        assert value == pytest.approx(truth, rel=RELATIVE_ERROR, abs=UNIT), name


@pytest.mark.parametrize(
    "seconds", [0, 1e-6, 127e-6, 128e-6, 255e-6, 256e-6, 511e-6, 512e-6, 0.0123, 1.0, 59.9, 4_000.0]
)
def test_every_size_has_its_bucket(seconds: float) -> None:
    histogram = Histogram([seconds])
    assert histogram.quantile(0.5) == pytest.approx(seconds, rel=RELATIVE_ERROR, abs=1e-12)
    assert max(histogram.buckets()) < MAX_BUCKETS


def test_a_longer_latency_is_never_in_a_lower_bucket() -> None:
    found = [Histogram([ticks * UNIT]).quantile(1.0) for ticks in range(2_000)]
    assert found == sorted(found)


def test_it_does_not_grow_with_what_is_counted() -> None:
    chance = random.Random(3)
    histogram = Histogram(10 ** chance.uniform(-7, 5) for _ in range(50_000))
    histogram.add(math.inf)
    assert len(histogram.buckets()) <= MAX_BUCKETS
    before = len(histogram.buckets())
    for bucket in list(histogram.buckets()):
        histogram.merge(read(f"{bucket}:1000000"))
    assert len(histogram.buckets()) == before
    assert histogram.n == 50_001 + before * 1_000_000


def test_merged_histograms_are_that_of_all_samples() -> None:
    one, two = samples(3_000, 1), samples(2_000, 2)
    merged = Histogram(one)
    merged.merge(Histogram(two))
    assert merged.buckets() == Histogram(one + two).buckets()
    assert merged.n == 5_000


def test_it_travels_as_text() -> None:
    histogram = Histogram(samples(1_000))
    again = read(histogram.text())
    assert (again.buckets(), again.n) == (histogram.buckets(), 1_000)
    assert read("").quantile(0.5) == 0.0


@pytest.mark.parametrize("text", ["7", "7:", ":7", "-1:7", "1:-7", "1:0", "99999:1", "1:1.5", "a:b"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a histogram"):
        read(text)


@pytest.mark.parametrize("seconds", [-1e-9, math.nan])
def test_what_is_no_latency_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="0 s or more"):
        Histogram([seconds])
