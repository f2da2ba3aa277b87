"""The new version against the old one, side by side: is it worse by more than a margin?

Both serve at the same time, and blocks of load alternate between them. Two neighbouring blocks are a pair; what they
share (the hour, a neighbour's backup, the warmth of caches) drops out of their difference. Pairs, not requests, are the
observations: requests of one second are alike, and would make any two runs of one version "different".

Three things are compared, since none stands for another: the shift of the median, the ratio of P95 and of P99 (a tenth
of the requests hit by 0.7 s moves the median by 4 ms), and the share of errors. Each margin is relative to the old
version.

The new version is fine when *every* metric's bound lies within its margin; such a conjunction needs no correction for
its several tests (Berger, Technometrics 24, 1982). It is worse when *any* metric's opposite bound lies beyond its
margin; with several chances to err, those are corrected (Holm, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, median, stdev
from typing import NamedTuple

from . import statistics

MIN_PAIRS = 10
MIN_BLOCK = 100  # requests: below, P99 is nothing but the slowest
_EXACT = 60  # pairs up to which the distribution of the signed ranks is counted out
_NORMAL = NormalDist()
_FAR = 40.0  # standard errors beyond which no doubt is left


class Interval(NamedTuple):
    """An estimate with one-sided bounds, each at the stated confidence; None where the data cannot give one."""

    estimate: float
    lower: float | None
    upper: float | None


class Pair(NamedTuple):
    """Two neighbouring blocks of load. Latencies in seconds; `old_n` requests, of which `old_bad` went wrong.

    `against` is 0 where the old version was compared with itself, 1 where it was compared with the new one.
    """

    against: float
    old_median: float
    new_median: float
    old_p95: float
    new_p95: float
    old_p99: float
    new_p99: float
    old_n: float
    old_bad: float
    new_n: float
    new_bad: float


@dataclass(frozen=True)
class Margins:
    """How much worse the new version may be.

    `ratio` of the old version's latency, but `floor` seconds at least; `errors` as a share of requests.
    """

    ratio: float = 0.10
    floor: float = 0.005
    errors: float = 0.005


@dataclass(frozen=True)
class Metric:
    """One comparison: `estimate`, `lower`, `upper` and `margin` are seconds (median), ratios (P95, P99) or shares.

    `fine` and `worse` are the p-values of "worse by the margin or more" and of "not worse by more than the margin";
    `worse` is corrected for the number of metrics.
    """

    name: str
    baseline: float
    estimate: float
    lower: float | None
    upper: float | None
    margin: float
    fine: float
    worse: float


# --- the plan and its data


def alternate(pairs: int) -> list[tuple[str, str]]:
    """Return which version each pair's blocks ask: old new, new old, and so on, since what drifts then hits both."""
    return [("old", "new") if number % 2 == 0 else ("new", "old") for number in range(pairs)]


def blocks(pairs: int) -> list[tuple[bool, str]]:
    """Return what each block of load is for and which version it asks: first the old one against itself, then the new.

    :returns: so many (whether the pair compares the old version with itself, "old" or "new"), neighbours are a pair
    """
    itself = [(True, "old")] * (2 * pairs)
    return itself + [(False, version) for versions in alternate(pairs) for version in versions]


def pairs_of(latencies: Sequence[float], wrong: Sequence[bool], places: Sequence[int], pairs: int) -> list[Pair]:
    """Return the pairs that a test with :func:`blocks` measured.

    :param latencies: of each request, in seconds
    :param wrong: whether its answer was a wrong one
    :param places: the number of the block that it belongs to
    :raises ValueError: when a block is too short
    """
    plan = blocks(pairs)
    rows: list[list[float]] = [[] for _ in plan]
    bad = [0] * len(plan)
    for latency, is_wrong, place in zip(latencies, wrong, places, strict=True):
        rows[place].append(latency)
        bad[place] += is_wrong
    found = []
    for first in range(0, len(plan), 2):
        itself, version = plan[first]
        old, new = (first, first + 1) if version == "old" else (first + 1, first)
        found.append(pair(rows[old], rows[new], old_bad=bad[old], new_bad=bad[new], itself=itself))
    return found


def pair(
    old: Sequence[float], new: Sequence[float], *, old_bad: int = 0, new_bad: int = 0, itself: bool = False
) -> Pair:
    """Return what two blocks of requests say.

    :param old: latencies of one block in seconds, those of failed requests among them
    :param old_bad: how many of them failed
    :param itself: whether both blocks asked the old version
    :raises ValueError: when a block is too short
    """
    if min(len(old), len(new)) < MIN_BLOCK:
        raise ValueError(f"a block needs {MIN_BLOCK} requests, had {min(len(old), len(new))}")
    one, two = ([statistics.quantile(rows, q) for q in (0.5, 0.95, 0.99)] for rows in (old, new))
    return Pair(
        0.0 if itself else 1.0, one[0], two[0], one[1], two[1], one[2], two[2], len(old), old_bad, len(new), new_bad
    )


def flatten(pairs: Sequence[Pair]) -> list[float]:
    """Return pairs as the samples of a measurement."""
    return [value for each in pairs for value in each]


def read_pairs(samples: Sequence[float]) -> list[Pair]:
    """Return the pairs that :func:`flatten` wrote.

    :raises ValueError: one sentence, when they are not such samples
    """
    width = len(Pair._fields)
    if len(samples) % width:
        raise ValueError(f"{len(samples)} numbers are no pairs of {width} each")
    pairs = [Pair(*samples[start : start + width]) for start in range(0, len(samples), width)]
    for number, each in enumerate(pairs, 1):
        if each.against not in (0.0, 1.0) or min(each[1:7]) <= 0.0 or not all(map(math.isfinite, each)):
            raise ValueError(f"pair {number} holds no latencies above 0")
        counts = ((each.old_bad, each.old_n), (each.new_bad, each.new_n))
        if any(not 0 <= bad <= n or n < MIN_BLOCK for bad, n in counts):
            raise ValueError(
                f"pair {number} has a block with fewer than {MIN_BLOCK} requests, or more failures than those"
            )
    return pairs


# --- the shift of the median


@functools.lru_cache(maxsize=64)
def _rank_sums(n: int) -> list[float]:
    """Return P(T <= t) for each sum t of signed ranks of n values (Wilcoxon, Biometrics Bulletin 1, 1945)."""
    counts = [1]
    for rank in range(1, n + 1):
        counts = [
            (counts[total] if total < len(counts) else 0) + (counts[total - rank] if total >= rank else 0)
            for total in range(len(counts) + rank)
        ]
    total, shares = 0, []
    for count in counts:
        total += count
        shares.append(total / (1 << n))
    return shares


def rank_sum_cdf(t: int, n: int) -> float:
    """Return P(T <= t) for the sum of signed ranks of n values that are as often above as below 0.

    Exact up to n = 60, else by the normal distribution with continuity correction.
    """
    most = n * (n + 1) // 2
    if t < 0 or t >= most:
        return float(t >= most)
    if n <= _EXACT:
        return _rank_sums(n)[t]
    return _NORMAL.cdf((t + 0.5 - most / 2.0) / math.sqrt(most * (2 * n + 1) / 12.0))


def _walsh(values: Sequence[float]) -> list[float]:
    """Return the means of all pairs of values, each with itself too, ascending."""
    return sorted((one + two) / 2.0 for place, one in enumerate(values) for two in values[place:])


def hodges_lehmann(values: Sequence[float], confidence: float) -> Interval:
    """Return the centre of within-pair differences, with its distribution-free bounds.

    Hodges & Lehmann, Annals of Mathematical Statistics 34, 1963; the bounds are Tukey's (Hollander & Wolfe,
    Nonparametric Statistical Methods, section 3.3): those means of pairs that the signed-rank test would not reject.

    :param values: at least one difference; they need not be normal, but symmetric around their centre
    :param confidence: one-sided, of each bound
    """
    means, n = _walsh(values), len(values)
    low, high = 0, len(means)  # the largest k with P(T <= k - 1) within the risk is in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if rank_sum_cdf(middle - 1, n) <= 1.0 - confidence else (low, middle)
    lower, upper = (means[low - 1], means[-low]) if low else (None, None)
    return Interval(median(means), lower, upper)


def _shift_p(values: Sequence[float], margin: float) -> tuple[float, float]:
    """Return the p-values of "the centre is at or above the margin" and of "at or below it"."""
    means, n = _walsh(values), len(values)
    below, above = sum(mean < margin for mean in means), sum(mean > margin for mean in means)
    # T is at least `below` as often as it is at most what remains: its distribution is symmetric.
    return rank_sum_cdf(len(means) - below, n), rank_sum_cdf(len(means) - above, n)


# --- the ratio of a tail


def _t_tail(t: float, freedom: int) -> float:
    """Return P(T > t) of Student's t distribution."""
    half = 0.5 * statistics.beta_cdf(freedom / (freedom + t * t), freedom / 2.0, 0.5)
    return half if t >= 0.0 else 1.0 - half


def log_ratio(old: Sequence[float], new: Sequence[float], confidence: float) -> Interval:
    """Return new / old of a quantile: the geometric mean over pairs of blocks, with its bounds.

    By Student's t on the logarithms (Bland & Altman, British Medical Journal 312, 1996, page 1153). A block's own P99
    of 250 requests is rough, but it is so for both versions, and its spread from pair to pair makes the bounds.

    :param old: the quantile in each pair's old block, above 0; at least two pairs
    """
    logs = [math.log(two / one) for one, two in zip(old, new, strict=True)]
    lower, upper = statistics.mean_bounds(logs, confidence)
    return Interval(math.exp(fmean(logs)), math.exp(lower), math.exp(upper))


def _ratio_p(old: Sequence[float], new: Sequence[float], margin: float) -> tuple[float, float]:
    logs = [math.log(two / one) for one, two in zip(old, new, strict=True)]
    away = fmean(logs) - math.log(margin)
    error = stdev(logs) / math.sqrt(len(logs))
    t = max(min(away / error, _FAR**2), -(_FAR**2)) if error else math.copysign(_FAR**2, away)
    return _t_tail(-t, len(logs) - 1), _t_tail(t, len(logs) - 1)


# --- the difference of errors


def _wilson(bad: float, n: float, z: float) -> tuple[float, float]:
    """Return both bounds of a share (Wilson, Journal of the American Statistical Association 22, 1927)."""
    share, square = bad / n, z * z / n
    centre, half = share + square / 2.0, z * math.sqrt(share * (1.0 - share) / n + square / (4.0 * n))
    return max((centre - half) / (1.0 + square), 0.0), min((centre + half) / (1.0 + square), 1.0)


def _newcombe(old_bad: float, old_n: float, new_bad: float, new_n: float, z: float) -> tuple[float, float]:
    old, new = old_bad / old_n, new_bad / new_n
    old_low, old_high = _wilson(old_bad, old_n, z)
    new_low, new_high = _wilson(new_bad, new_n, z)
    difference = new - old
    return difference - math.hypot(new - new_low, old_high - old), difference + math.hypot(
        new_high - new, old - old_low
    )


def newcombe(old_bad: float, old_n: float, new_bad: float, new_n: float, confidence: float) -> Interval:
    """Return new - old of a share, with its bounds (Newcombe, Statistics in Medicine 17, 1998, method 10).

    They hold where the old version had no error at all, and "not significantly more" is not what they say.

    :param old_bad: failures among `old_n` > 0; both may be fractional, for effective numbers
    :param confidence: one-sided, of each bound
    """
    lower, upper = _newcombe(old_bad, old_n, new_bad, new_n, _NORMAL.inv_cdf(confidence))
    return Interval(new_bad / new_n - old_bad / old_n, lower, upper)


def _error_p(counts: tuple[float, float, float, float], margin: float) -> tuple[float, float]:
    """Return at which risk each bound would just reach the margin: the p-values that belong to the bounds."""

    def risk(reached: Callable[[float], bool]) -> float:
        if reached(0.0):
            return 1.0
        low, high = 0.0, _FAR
        for _ in range(60):
            middle = (low + high) / 2.0
            low, high = (low, middle) if reached(middle) else (middle, high)
        return 1.0 - _NORMAL.cdf(low)

    return risk(lambda z: _newcombe(*counts, z)[1] >= margin), risk(lambda z: _newcombe(*counts, z)[0] <= margin)


def worth(bad: Sequence[float], n: Sequence[float]) -> float:
    """Return the share of its number that a version's requests are worth, as errors come in bursts.

    The design effect is the variance of the blocks' shares over what independent requests would give (Kish, Survey
    Sampling, 1965, section 8.2).

    :param bad: failures in each block
    :param n: requests in each block
    :returns: above 0, at most 1
    """
    share = sum(bad) / sum(n)
    if share in (0.0, 1.0) or len(n) < 2:
        return 1.0
    spread = sum((b - share * size) ** 2 for b, size in zip(bad, n, strict=True)) / (len(n) - 1)
    return min(share * (1.0 - share) * fmean(n) / spread, 1.0) if spread else 1.0


# --- several metrics


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the order given (Holm, 1979): one error in all, at that risk."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        least = max(least, min((len(p_values) - rank) * p_values[place], 1.0))
        corrected[place] = least
    return corrected


def compare(pairs: Sequence[Pair], margins: Margins, confidence: float) -> list[Metric]:
    """Return the comparison of the median, P95, P99 and errors over pairs of blocks.

    :param pairs: at least two
    """
    rows: list[tuple[str, float, Interval, float, tuple[float, float]]] = []
    differences = [each.new_median - each.old_median for each in pairs]
    baseline = median(each.old_median for each in pairs)
    margin = max(margins.ratio * baseline, margins.floor)
    rows.append(("median", baseline, hodges_lehmann(differences, confidence), margin, _shift_p(differences, margin)))
    for name, old, new in (
        ("P95", [each.old_p95 for each in pairs], [each.new_p95 for each in pairs]),
        ("P99", [each.old_p99 for each in pairs], [each.new_p99 for each in pairs]),
    ):
        baseline = median(old)
        margin = 1.0 + max(margins.ratio, margins.floor / baseline)
        rows.append((name, baseline, log_ratio(old, new, confidence), margin, _ratio_p(old, new, margin)))
    counts: list[float] = []
    for bad, n in (
        ([each.old_bad for each in pairs], [each.old_n for each in pairs]),
        ([each.new_bad for each in pairs], [each.new_n for each in pairs]),
    ):
        part = worth(bad, n)
        counts += [sum(bad) * part, sum(n) * part]
    four = (counts[0], counts[1], counts[2], counts[3])
    rows.append(
        ("errors", four[0] / four[1], newcombe(*four, confidence), margins.errors, _error_p(four, margins.errors))
    )
    worse = holm([row[4][1] for row in rows])
    return [
        Metric(name, baseline, *interval, margin=margin, fine=p[0], worse=corrected)
        for (name, baseline, interval, margin, p), corrected in zip(rows, worse, strict=True)
    ]


def all_fine(metrics: Sequence[Metric], confidence: float) -> bool:
    """Return whether no metric is worse by its margin, at that confidence."""
    return all(metric.fine <= 1.0 - confidence for metric in metrics)


def worse(metrics: Sequence[Metric], confidence: float) -> list[Metric]:
    """Return the metrics that are worse by more than their margin, at that confidence over all of them."""
    return [metric for metric in metrics if metric.worse <= 1.0 - confidence]


def noise(pairs: Sequence[Pair], margins: Margins, confidence: float) -> list[Metric]:
    """Return the metrics by which the old version cannot be shown to be as good as itself (A/A before A/B).

    Either of the two could have been called the new one, so it has to be shown in both directions (two one-sided tests:
    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987). Where that cannot be shown, nothing that the
    same bench says of another version means anything. An empty list is quiet.

    :param pairs: of the old version against itself, at least two
    """
    both = zip(
        compare(pairs, margins, confidence), compare([_swap(each) for each in pairs], margins, confidence), strict=True
    )
    return [
        one if one.fine > other.fine else other for one, other in both if max(one.fine, other.fine) > 1.0 - confidence
    ]


def _swap(each: Pair) -> Pair:
    return Pair(
        each.against,
        old_median=each.new_median,
        new_median=each.old_median,
        old_p95=each.new_p95,
        new_p95=each.old_p95,
        old_p99=each.new_p99,
        new_p99=each.old_p99,
        old_n=each.new_n,
        old_bad=each.new_bad,
        new_n=each.old_n,
        new_bad=each.old_bad,
    )
