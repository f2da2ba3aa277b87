"""Old against new: published examples, scipy, and by simulation what the bounds promise."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
import scipy.stats
from golive_core import compare
from golive_core.compare import Margins, Pair, alternate, flatten, hodges_lehmann, log_ratio, newcombe, pair, read_pairs

# --- Hodges-Lehmann: Hollander & Wolfe, Nonparametric Statistical Methods, table 3.1 and examples 3.1 to 3.4

BEFORE = (1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
AFTER = (0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)
HAMILTON = [after - before for before, after in zip(BEFORE, AFTER, strict=True)]


def test_the_shift_is_that_of_the_textbook() -> None:
    found = hodges_lehmann(HAMILTON, 0.98)  # 96 % between both bounds
    assert found == pytest.approx((-0.46, -0.786, -0.010), abs=5e-4)


@pytest.mark.parametrize("n", [1, 5, 9, 25, 40])
def test_signed_ranks_agree_with_scipy(n: int) -> None:
    chance = random.Random(n)
    values = [chance.gauss(0.3, 1) for _ in range(n)]
    found = scipy.stats.wilcoxon(values, alternative="greater", method="exact")
    assert 1 - compare.rank_sum_cdf(int(found.statistic) - 1, n) == pytest.approx(found.pvalue, abs=1e-12)


def test_many_pairs_agree_with_the_exact_distribution_nearly() -> None:
    assert compare.rank_sum_cdf(700, 61) == pytest.approx(compare._rank_sums(61)[700], abs=2e-4)


def test_too_few_pairs_have_no_bounds() -> None:
    assert hodges_lehmann([1.0, 2.0, 3.0, 4.0], 0.95)[1:] == (None, None)  # 1/16 is more than 5 %
    assert hodges_lehmann([1.0, 2.0, 3.0, 4.0, 5.0], 0.95)[1:] == (1.0, 5.0)


def test_p_values_of_a_shift_and_its_bounds_agree() -> None:
    chance = random.Random(4)
    values = [chance.gauss(0, 1) for _ in range(20)]
    found = hodges_lehmann(values, 0.95)
    assert found.upper is not None
    assert found.lower is not None
    assert compare._shift_p(values, found.upper + 1e-9)[0] <= 0.05 < compare._shift_p(values, found.upper - 1e-9)[0]
    assert compare._shift_p(values, found.lower - 1e-9)[1] <= 0.05 < compare._shift_p(values, found.lower + 1e-9)[1]


# --- Newcombe 1998, table II, method 10: (x1, n1, x2, n2) and the interval at 95 %


@pytest.mark.parametrize(
    ("x1", "n1", "x2", "n2", "lower", "upper"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (0, 10, 0, 10, -0.2775, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0000),
        (10, 10, 0, 10, 0.6075, 1.0000),
    ],
)
def test_the_difference_of_shares_is_that_of_the_paper(
    x1: int, n1: int, x2: int, n2: int, lower: float, upper: float
) -> None:
    assert newcombe(x2, n2, x1, n1, 0.975)[1:] == pytest.approx((lower, upper), abs=5e-5)


def test_p_values_of_errors_and_their_bounds_agree() -> None:
    counts = (3.0, 1_000.0, 8.0, 1_000.0)
    found = newcombe(*counts, 0.95)
    assert found.upper is not None
    assert found.lower is not None
    assert compare._error_p(counts, found.upper)[0] == pytest.approx(0.05, abs=1e-6)
    assert compare._error_p(counts, found.lower)[1] == pytest.approx(0.05, abs=1e-6)


def test_errors_in_bursts_are_worth_less_than_spread_out_ones() -> None:
    assert compare.worth([0, 0, 0, 0, 20], [250] * 5) < 0.1
    assert compare.worth([4, 4, 4, 4, 4], [250] * 5) == 1.0
    assert compare.worth([0, 0], [250] * 2) == 1.0


# --- the ratio of a tail


def test_the_ratio_is_a_paired_t_interval_of_logarithms() -> None:
    old, new = [0.10, 0.11, 0.09, 0.12, 0.10, 0.13], [0.12, 0.11, 0.10, 0.15, 0.10, 0.14]
    logs = [math.log(two / one) for one, two in zip(old, new, strict=True)]
    low, high = scipy.stats.t.interval(0.90, 5, scipy.stats.tmean(logs), scipy.stats.sem(logs))
    found = log_ratio(old, new, 0.95)
    assert found[1:] == pytest.approx((math.exp(low), math.exp(high)))
    expected = scipy.stats.ttest_1samp(logs, math.log(1.1), alternative="less").pvalue
    assert compare._ratio_p(old, new, 1.1) == pytest.approx((expected, 1 - expected))


@pytest.mark.parametrize(("factor", "p"), [(1.0, (0.0, 1.0)), (1.2, (1.0, 0.0))])
def test_ratios_that_are_all_the_same_leave_no_doubt(factor: float, p: tuple[float, float]) -> None:
    old = [0.1] * 10
    assert compare._ratio_p(old, [factor * each for each in old], 1.1) == pytest.approx(p, abs=1e-9)


# --- several metrics


def test_holm_corrects_as_in_the_textbooks() -> None:
    assert compare.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert compare.holm([0.6, 0.9]) == [1.0, 1.0]
    assert compare.holm([]) == []


def test_blocks_alternate_so_that_drift_hits_both() -> None:
    assert alternate(3) == [("old", "new"), ("new", "old"), ("old", "new")]


def test_pairs_travel_as_samples() -> None:
    one = pair([0.1] * 100, [0.2] * 120, old_bad=1, new_bad=2)
    assert read_pairs(flatten([one, one])) == [one, one]
    assert (one.against, one.old_p99, one.new_p95, one.old_n, one.new_bad) == (1, 0.1, 0.2, 100, 2)
    assert pair([0.1] * 100, [0.2] * 100, itself=True).against == 0


GOOD = flatten([pair([0.1] * 100, [0.2] * 100)])


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (GOOD[:-1], "10 numbers are no pairs of 11 each"),
        ([2.0, *GOOD[1:]], "pair 1 holds no latencies"),
        ([1.0, 0.0, *GOOD[2:]], "pair 1 holds no latencies"),
        ([*GOOD[:-1], 101.0], "more failures than those"),
        ([*GOOD[:7], 99.0, *GOOD[8:]], "fewer than 100 requests"),
    ],
)
def test_samples_that_are_no_pairs_are_refused(samples: Sequence[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_pairs(samples)


def test_a_block_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="a block needs 100 requests, had 99"):
        pair([0.1] * 99, [0.1] * 100)


# --- by simulation, on a fixed seed

SIDE = Margins(ratio=0.10, floor=0.0, errors=0.005)


def run(
    chance: random.Random, pairs: int = 20, *, factor: float = 1.0, hit: float = 0.0, bad: tuple[float, float] = (0, 0)
) -> list[Pair]:
    """Return a comparison whose seconds are alike among themselves (AR(1), 0.8, a fifth of the variance).

    :param factor: how much slower all requests of the new version are
    :param hit: share of the new version's requests that take 0.7 s more
    :param bad: true shares of errors
    """
    level, found = 0.0, []
    for order in alternate(pairs):
        blocks: dict[str, list[float]] = {}
        for version in order:
            rows = blocks.setdefault(version, [])
            for _second in range(5):
                level = 0.8 * level + 0.6 * chance.gauss(0, 1)
                rows += [0.05 * math.exp(0.5 * (0.4472 * level + 0.8944 * chance.gauss(0, 1))) for _ in range(25)]
        new = [factor * each + (0.7 if hit and chance.random() < hit else 0.0) for each in blocks["new"]]
        counts = [sum(chance.random() < share for _ in range(125)) for share in bad]
        found.append(pair(blocks["old"], new, old_bad=counts[0], new_bad=counts[1]))
    return found


def shares(runs: int, **values: object) -> tuple[float, float]:
    """Return how often the new version was found fine, and how often worse."""
    chance = random.Random(20261125)
    fine = bad = 0
    for _ in range(runs):
        metrics = compare.compare(run(chance, **values), SIDE, 0.95)  # type: ignore[arg-type]
        fine += compare.all_fine(metrics, 0.95)
        bad += bool(compare.worse(metrics, 0.95))
    return fine / runs, bad / runs


def test_a_version_that_is_worse_by_exactly_the_margin_is_rarely_fine_and_rarely_worse() -> None:
    fine, bad = shares(150, factor=1.10)
    assert fine <= 0.08  # 5 %, and what 150 runs may add
    assert bad <= 0.08


def test_the_bounds_of_a_ratio_cover_the_truth_as_often_as_they_say() -> None:
    chance = random.Random(3)
    missed = 0
    for _ in range(200):
        pairs = run(chance, 12, factor=1.07)
        found = log_ratio([each.old_p95 for each in pairs], [each.new_p95 for each in pairs], 0.95)
        assert found.upper is not None
        missed += found.upper < 1.07
    assert missed / 200 <= 0.09


def test_a_tail_hit_is_found_although_the_median_hardly_moves() -> None:
    metrics = {metric.name: metric for metric in compare.compare(run(random.Random(1), hit=0.10), SIDE, 0.95)}
    assert abs(metrics["median"].estimate) < 0.006
    assert metrics["P95"].estimate > 3
    assert {metric.name for metric in compare.worse(list(metrics.values()), 0.95)} >= {"P95", "P99"}


def test_errors_are_found_although_the_old_version_had_none() -> None:
    metrics = compare.compare(run(random.Random(2), bad=(0.0, 0.03)), SIDE, 0.95)
    assert [metric.name for metric in compare.worse(metrics, 0.95)] == ["errors"]


def test_the_same_version_against_itself_is_quiet_where_the_margin_can_be_resolved() -> None:
    wide = Margins(ratio=0.5, errors=0.01)
    quiet = run(random.Random(5), 30)
    assert compare.noise(quiet, wide, 0.95) == []
    assert compare.all_fine(compare.compare(quiet, wide, 0.95), 0.95)


def test_a_margin_below_the_noise_is_no_quiet_bench() -> None:
    tight = Margins(ratio=0.001, floor=0.0, errors=0.01)
    for seed in range(10):  # also where chance makes the one called new the quicker one
        assert {metric.name for metric in compare.noise(run(random.Random(seed)), tight, 0.95)} >= {"P95", "P99"}


def test_the_margin_is_relative_to_the_old_version_but_not_below_the_floor() -> None:
    metrics = compare.compare(run(random.Random(6), 10), Margins(ratio=0.10, floor=0.02), 0.95)
    assert metrics[0].margin == 0.02  # 10 % of 50 ms is less
    assert metrics[1].margin == pytest.approx(1 + 0.02 / metrics[1].baseline)
