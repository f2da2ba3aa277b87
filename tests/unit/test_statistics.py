"""The bounds against scipy, and by simulation against what they promise."""

from __future__ import annotations

import random

import pytest
import scipy.stats
from golive_core import statistics

SIZES = (1, 2, 10, 59, 300, 3_000, 100_000, 1_000_000)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_share_bounds_agree_with_scipy(n: int, confidence: float) -> None:
    for failures in {0, 1, n // 1000, n // 100, n // 2, n - 1, n}:
        upper = 1.0 if failures == n else scipy.stats.beta.ppf(confidence, failures + 1, n - failures)
        lower = 0.0 if failures == 0 else scipy.stats.beta.ppf(1 - confidence, failures, n - failures + 1)
        assert statistics.share_upper_bound(failures, n, confidence) == pytest.approx(upper, abs=1e-9)
        assert statistics.share_lower_bound(failures, n, confidence) == pytest.approx(lower, abs=1e-9)


@pytest.mark.parametrize(("failures", "needed"), [(0, 299), (1, 473), (2, 628), (5, 1_049), (10, 1_693)])
def test_one_percent_needs_as_many_requests_as_the_tables_say(failures: int, needed: int) -> None:
    assert statistics.share_upper_bound(failures, needed, 0.95) < 0.01
    assert statistics.share_upper_bound(failures, needed - 1, 0.95) >= 0.01


@pytest.mark.parametrize(("x", "a", "b"), [(0.3, 2.5, 7.0), (0.999, 0.5, 0.5), (1e-9, 3.0, 1e6), (0.5, 5e5, 5e5)])
def test_beta_cdf_agrees_with_scipy(x: float, a: float, b: float) -> None:
    assert statistics.beta_cdf(x, a, b) == pytest.approx(scipy.stats.beta.cdf(x, a, b), abs=1e-9)


def test_beta_cdf_ends_at_nothing_and_all() -> None:
    assert statistics.beta_cdf(0.0, 2, 3) == 0.0
    assert statistics.beta_cdf(1.0, 2, 3) == 1.0


@pytest.mark.parametrize(
    ("n", "rank"),
    [(0, None), (58, None), (59, 59), (100, 99), (300, 292), (3_000, 2_870), (6_000, 5_729), (100_000, 95_114)],
)
def test_upper_rank_of_p95_is_that_of_the_binomial_tables(n: int, rank: int | None) -> None:
    assert statistics.quantile_upper_rank(n, 0.95, 0.95) == rank


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n", [1, 5, 59, 300, 4_000, 1_000_000])
def test_ranks_are_the_tightest_that_the_binomial_allows(n: int, q: float) -> None:
    below = scipy.stats.binom(n, q)
    upper = statistics.quantile_upper_rank(n, q, 0.95)
    if upper is None:
        assert below.cdf(n - 1) < 0.95
    else:
        assert below.cdf(upper - 1) >= 0.95
        assert upper == 1 or below.cdf(upper - 2) < 0.95
    lower = statistics.quantile_lower_rank(n, q, 0.95)
    if lower is None:
        assert below.sf(0) < 0.95
    else:
        assert below.sf(lower - 1) >= 0.95 - 1e-12
        assert lower == n or below.sf(lower) < 0.95


@pytest.mark.parametrize(("q", "expected"), [(0.5, 50), (0.95, 95), (0.951, 96), (0.99, 99), (0.001, 1), (1.0, 100)])
def test_quantile_is_the_smallest_sample_that_enough_do_not_exceed(q: float, expected: int) -> None:
    samples = list(range(1, 101))
    random.Random(1).shuffle(samples)
    assert statistics.quantile(samples, q) == expected


@pytest.mark.parametrize("freedom", [1, 2, 5, 11, 59, 1_000])
@pytest.mark.parametrize("probability", [0.6, 0.95, 0.999])
def test_t_quantile_agrees_with_scipy(freedom: int, probability: float) -> None:
    expected = scipy.stats.t.ppf(probability, freedom)
    assert statistics.t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9)


def test_mean_bounds_agree_with_scipy() -> None:
    values = [58, 61, 60, 60, 59, 62, 60, 57, 60, 61]
    low, high = scipy.stats.t.interval(0.90, 9, scipy.stats.tmean(values), scipy.stats.sem(values))
    assert statistics.mean_bounds(values, 0.95) == pytest.approx((low, high))


def test_mean_bounds_of_an_even_rate_are_the_rate() -> None:
    assert statistics.mean_bounds([60] * 20, 0.95) == (60, 60)


# --- correlated samples


def test_independent_samples_keep_most_of_their_worth() -> None:
    chance = random.Random(2)
    exceeds = [chance.random() < 0.05 for _ in range(30_000)]
    assert statistics.effective_n(exceeds, 60, 0.95, 0.05) > 20_000


def test_one_burst_is_worth_few_samples() -> None:
    exceeds = [1_000 <= number < 1_150 for number in range(3_000)]
    assert statistics.effective_n(exceeds, 12, 0.95, 0.05) < 60


@pytest.mark.parametrize("exceeds", [[False] * 600, [True] * 600])
def test_samples_that_are_all_alike_say_nothing_of_correlation(exceeds: list[bool]) -> None:
    assert statistics.effective_n(exceeds, 12, 0.95, 0.05) == 600


def test_evenly_spread_slow_samples_are_worth_all_of_them_but_for_the_few_blocks() -> None:
    exceeds = [number % 20 == 0 for number in range(6_000)]
    assert statistics.effective_n(exceeds, 60, 0.95, 0.05) == 6_000


def test_quantile_bounds_of_plain_samples_are_order_statistics() -> None:
    found = statistics.quantile_bounds(list(range(1, 301)), 0.95, 0.95, limit=1_000)
    assert (found.estimate, found.upper, found.effective) == (285, 292, 300)
    assert found.lower == statistics.quantile_lower_rank(300, 0.95, 0.95)


def test_a_burst_widens_the_bounds_of_a_quantile() -> None:
    samples = [0.7 if 1_000 <= number < 1_120 else 0.1 for number in range(3_000)]  # 4 % slow, all in one burst
    assert statistics.quantile_bounds(samples, 0.95, 0.95, limit=0.5).upper == 0.1
    assert statistics.quantile_bounds(samples, 0.95, 0.95, limit=0.5, blocks=12).upper in (None, 0.7)


# --- what the bounds promise, on a fixed seed


def lognormal(chance: random.Random, n: int, limit: float, sigma: float = 0.8) -> list[float]:
    """Return latencies whose true P95 is exactly `limit`."""
    return [limit * chance.lognormvariate(-1.6448536 * sigma, sigma) for _ in range(n)]


@pytest.mark.parametrize(("n", "blocks", "runs"), [(100, 0, 3_000), (300, 0, 1_500), (1_500, 12, 400)])
def test_false_passes_of_p95_at_the_threshold_stay_below_five_percent(n: int, blocks: int, runs: int) -> None:
    chance = random.Random(20261123)
    passed = 0
    for _ in range(runs):
        upper = statistics.quantile_bounds(lognormal(chance, n, 0.5), 0.95, 0.95, limit=0.5, blocks=blocks).upper
        passed += upper is not None and upper < 0.5
    assert passed / runs < 0.05


@pytest.mark.parametrize("n", [299, 1_000, 3_000])
def test_false_passes_of_a_share_at_the_threshold_stay_below_five_percent(n: int) -> None:
    failures = 0
    while statistics.share_upper_bound(failures + 1, n, 0.95) < 0.01:
        failures += 1
    assert statistics.share_upper_bound(failures, n, 0.95) < 0.01
    assert scipy.stats.binom(n, 0.01).cdf(failures) < 0.05  # how often so few come although the share is 1 %


def test_correlated_latency_at_the_threshold_passes_far_less_often_than_by_order_statistics() -> None:
    chance = random.Random(7)
    plain = robust = 0
    runs = 200
    for _ in range(runs):
        level, samples = chance.gauss(0, 1), []
        for _second in range(60):  # correlation of 0.8 from second to second, in a fifth of the variance
            samples += [0.2**0.5 * level + 0.8**0.5 * chance.gauss(0, 1) for _ in range(50)]
            level = 0.8 * level + 0.6 * chance.gauss(0, 1)
        limit = 1.6448536
        plain += (statistics.quantile_bounds(samples, 0.95, 0.95, limit=limit).upper or 9) < limit
        robust += (statistics.quantile_bounds(samples, 0.95, 0.95, limit=limit, blocks=12).upper or 9) < limit
    assert plain / runs > 0.25
    assert robust / runs < 0.1


def bursts(chance: random.Random, share: float, rho: float) -> list[int]:
    """Return which of 3,600 requests fail in 60 s, where a fifth of what decides belongs to the second."""
    limit, level, wrong = scipy.stats.norm.ppf(1 - share), chance.gauss(0, 1), []
    for second in range(60):
        for number in range(60):
            if 0.2**0.5 * level + 0.8**0.5 * chance.gauss(0, 1) > limit:
                wrong.append(60 * second + number)
        level = rho * level + (1 - rho**2) ** 0.5 * chance.gauss(0, 1)
    return wrong


def test_failures_in_bursts_pass_at_the_limit_in_at_most_a_tenth_of_minutes() -> None:
    chance, runs, plain, robust = random.Random(8), 600, 0, 0
    for _ in range(runs):
        wrong = bursts(chance, 0.01, 0.8)
        plain += statistics.share_upper_bound(len(wrong), 3_600, 0.95) < 0.01
        robust += statistics.share_bounds(wrong, 3_600, 0.95, limit=0.01, blocks=12).upper < 0.01
    assert plain / runs > 0.28
    assert robust / runs < 0.12  # 9.4 % of very many, and 600 leave 1.2 points of doubt; 16 % before the last rule


def test_independent_failures_keep_their_power() -> None:
    chance, passed = random.Random(9), 0
    for _ in range(600):
        passed += statistics.share_bounds(alone(chance, 0.005), 3_600, 0.95, limit=0.01, blocks=12).upper < 0.01
    assert passed / 600 > 0.88  # 90.8 % of very many


def alone(chance: random.Random, share: float) -> list[int]:
    return [number for number in range(3_600) if chance.random() < share]


@pytest.mark.parametrize(("failures", "seconds"), [(6, 60), (36, 60), (200, 60), (12, 300)])
def test_independent_failures_are_taken_for_bursts_as_often_as_the_risk_reckons(failures: int, seconds: int) -> None:
    chance, n, runs = random.Random(10), 60 * seconds, 1_500
    found = sum(statistics._in_bursts(sorted(chance.sample(range(n), failures)), n, seconds) for _ in range(runs))
    assert statistics._SUSPECTED < found / runs < 0.11


@pytest.mark.parametrize("n", [1_200, 3_000, 3_600, 18_000, 100_000])
def test_what_is_even_and_what_is_in_bursts_share_the_risk(n: int) -> None:
    most = 0  # failures that pass when they are even
    while statistics._even_upper_bound(most + 1, n, 0.95) < 0.01:
        most += 1
    independent, suspected = scipy.stats.binom(n, 0.01), statistics._SUSPECTED
    few = statistics._FEW - 1
    even = (1 - suspected) * independent.cdf(most) + suspected * independent.cdf(min(few, most))
    assert even + suspected * 0.05 * statistics._OF_BURSTS < 0.05


def test_the_fewer_bursts_were_seen_the_less_do_the_others_count() -> None:
    exceeds = [number in range(1_000, 1_010) for number in range(3_600)]  # one burst of ten
    at_the_limit, at_what_was_seen = (statistics.effective_n(exceeds, 12, 0.95, limit) for limit in (0.01, 0.0027))
    assert at_the_limit < 0.5 * at_what_was_seen


def test_a_share_without_stretches_of_time_is_bounded_after_clopper_and_pearson() -> None:
    found = statistics.share_bounds([7, 8, 9], 773, 0.95, limit=0.01)
    assert (found.upper, found.effective) == (statistics.share_upper_bound(3, 773, 0.95), 773)
    assert found.worst(6, 1_546) == statistics.share_upper_bound(6, 1_546, 0.95)


def test_a_long_series_with_one_burst_passes_all_the_same() -> None:
    long, short = list(range(50_000, 50_030)), list(range(2_000, 2_018))
    assert statistics.share_bounds(long, 108_000, 0.95, limit=0.01, blocks=360).upper < 0.01
    assert statistics.share_bounds(short, 3_600, 0.95, limit=0.01, blocks=12).upper > 0.01
