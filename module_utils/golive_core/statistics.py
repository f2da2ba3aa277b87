"""Bounds that hold at a stated confidence, from the standard library alone.

All of them are one-sided: an upper bound at 95 % confidence lies below the truth in at most 5 % of measurements.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean, stdev

_TINY = 1e-300
_TERMS = 100_000  # the fraction converges in about sqrt(a + b) terms: enough for far more than 1e6 observations
_BISECTIONS = 200  # ends long before, when the interval is no wider than two neighbouring floats
# Fewer stretches of time than this say nothing of the correlation between them.
MIN_BLOCKS = 6
# Independent failures are taken for bursts at this risk; by simulation never below the second figure, from _FEW on.
_SUSPICION, _SUSPECTED, _FEW = 0.075, 0.04, 6
_GROWN = 3.0  # times what bursts were seen to add to a variance, at most, where the limit is far above what was seen
_OF_BURSTS = 0.2  # part of the risk for series in bursts: their variance comes from few blocks, which are skewed
_FADE = math.exp(-0.5)  # of the weight of a pair of failures, from one fifth of a block to the next


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    Continued fraction by Lentz's method (Press et al., Numerical Recipes, 3rd ed., section 6.4).

    :param x: 0 <= x <= 1
    :param a: first shape, > 0, need not be whole
    :param b: second shape, > 0, need not be whole
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction converges fast only on the near side of the mean
        return 1.0 - beta_cdf(1.0 - x, b, a)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return front * fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _root(increasing: Callable[[float], float], low: float, high: float) -> float:
    """Return where an increasing function crosses zero between `low` and `high`, by bisection."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if increasing(middle) < 0.0:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def share_upper_bound(failures: float, n: float, confidence: float) -> float:
    """Return the upper bound of the true share of failures (Clopper & Pearson, Biometrika 26, 1934).

    :param failures: failures seen; may be fractional, for an effective number of observations
    :param n: observations, > 0
    :param confidence: one-sided, for example 0.95
    """
    if failures >= n:
        return 1.0
    return _root(lambda p: beta_cdf(p, failures + 1.0, n - failures) - confidence, 0.0, 1.0)


def share_lower_bound(failures: float, n: float, confidence: float) -> float:
    """Return the lower bound of the true share of failures; arguments as in :func:`share_upper_bound`."""
    if failures <= 0:
        return 0.0
    return _root(lambda p: beta_cdf(p, failures, n - failures + 1.0) - (1.0 - confidence), 0.0, 1.0)


def quantile(samples: Sequence[float], q: float) -> float:
    """Return the q-quantile as the smallest sample that at least a share q of them does not exceed.

    :param samples: at least one number, in any order
    """
    rows = sorted(samples)
    return rows[max(math.ceil(q * len(rows) - 1e-9), 1) - 1]  # 0.95 * 100 is 95.00000000000001


def _at_least(n: int, q: float, k: int) -> float:
    """Return P(Binomial(n, q) >= k), which is I_q(k, n - k + 1)."""
    return beta_cdf(q, k, n - k + 1.0)


def quantile_upper_rank(n: int, q: float, confidence: float) -> int | None:
    """Return the rank (1-based) of the sample that bounds the q-quantile from above.

    For independent samples X(1) <= ... <= X(n), P(quantile <= X(k)) = P(Binomial(n, q) < k) whatever their distribution
    (David & Nagaraja, Order Statistics, 3rd ed., section 7.1). The smallest k that reaches `confidence` is returned.

    :returns: the rank, or None when n samples cannot give the bound (q = 0.95 at 95 % needs 59)
    """
    risk = 1.0 - confidence
    if n < 1 or q**n > risk:
        return None
    low, high = 0, n  # the rank is in (low, high]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _at_least(n, q, middle) <= risk else (middle, high)
    return high


def quantile_lower_rank(n: int, q: float, confidence: float) -> int | None:
    """Return the rank of the sample that bounds the q-quantile from below: P(X(k) <= quantile) >= `confidence`.

    :returns: the largest such rank, or None when n samples cannot give the bound
    """
    if n < 1 or _at_least(n, q, 1) < confidence:
        return None
    low, high = 1, n + 1  # the rank is in [low, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _at_least(n, q, middle) >= confidence else (low, middle)
    return low


def t_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t distribution (by its relation to the incomplete beta function).

    :param probability: 0.5 <= probability < 1
    :param freedom: degrees of freedom, > 0
    """

    def excess(t: float) -> float:
        tail = 0.5 * beta_cdf(freedom / (freedom + t * t), freedom / 2.0, 0.5)
        return (1.0 - tail) - probability

    high = 1.0
    while excess(high) < 0.0:
        high *= 2.0
    return _root(excess, 0.0, high)


def mean_bounds(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return the lower and the upper bound of a mean, each one-sided, by Student's t.

    Meant for a rate counted in blocks of one second: blocks are nearly normal and independent where requests are not.

    :param values: one number per block, at least two
    """
    mean = fmean(values)
    margin = t_quantile(confidence, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return mean - margin, mean + margin


@dataclass(frozen=True)
class QuantileBounds:
    """What a series says about its q-quantile.

    `lower` and `upper` are None when the samples cannot give that bound; `effective` is how many independent samples
    the series is worth.
    """

    estimate: float
    lower: float | None
    upper: float | None
    effective: int


def effective_n(exceeds: Sequence[bool], blocks: int, confidence: float, limit: float) -> int:
    """Return how many independent observations a series in time order is worth.

    Slow requests come in bursts, so that n of them say less than n independent ones. The variance of the share is taken
    from the means of `blocks` equal stretches of time, widened for the correlation left between neighbouring stretches
    (first-order autoregression, its coefficient corrected for bias after Kendall, Biometrika 41, 1954) and for the few
    blocks that it is estimated from (t in place of the normal quantile: Korn & Graubard, Survey Methodology 24, 1998).

    The variance is that at the limit, as in every score test (Wilson, JASA 22, 1927), and not that at the share seen:
    what comes and goes multiplies the rate of failures, so that what bursts add grows with it (a variance of
    m + c m^2, the NB2 of Cameron & Trivedi, Journal of Applied Econometrics 1, 1986). Otherwise the series with the
    fewest bursts in it, which are those that pass, know least of bursts. It grows to three times at most: far below the
    limit more bursts are nearer than larger ones, and one hiccup in half an hour is no reason to doubt. Never more
    than n.

    :param exceeds: per observation, in time order, whether it is above the limit
    :param blocks: stretches of time, at least :data:`MIN_BLOCKS`; each should span the bursts (the judge uses 5 s)
    :param confidence: of the bound that will be computed from the result
    :param limit: the share with which that bound will be compared
    """
    n = len(exceeds)
    share = sum(exceeds) / n
    if share in (0.0, 1.0):
        return n
    edges = [n * block // blocks for block in range(blocks + 1)]
    means = [fmean(exceeds[low:high]) for low, high in pairwise(edges)]
    centre = fmean(means)
    squares = sum((mean - centre) ** 2 for mean in means)
    if squares == 0.0:
        return n
    neighbours = sum((one - centre) * (two - centre) for one, two in pairwise(means))
    rho = min(max((neighbours / squares * blocks + 1.0) / (blocks - 3.0), 0.0), 0.95)
    variance = squares / (blocks * (blocks - 1)) * (1.0 + rho) / (1.0 - rho)
    added = max(variance / (share * (1.0 - share) / n) - 1.0, 0.0)
    design_effect = 1.0 + added * min(max(limit / share, 1.0), _GROWN)
    shrink = (NormalDist().inv_cdf(confidence) / t_quantile(confidence, blocks - 1)) ** 2
    return max(min(int(n / design_effect * shrink), n), 1)


def _in_bursts(wrong: Sequence[int], n: int, bins: int) -> bool:
    """Return whether failures are closer together than independent ones, at a risk of :data:`_SUSPICION`.

    Tango's index of clustering in time (Biometrics 40, 1984): each pair of failures counts exp(-distance / 2), here in
    fifths of a block, which is a second for the judge. Its distribution, given how many failures there are, is that of
    a quadratic form; the quantile is that of Cornish & Fisher, with its skewness. The series is closed to a ring, which
    spares it the edges.
    """
    counts = [0] * bins
    for number in wrong:
        counts[number * bins // n] += 1
    pairs, before = sum(count * (count - 1) / 2.0 for count in counts), 0.0
    for lap in (0.0, 1.0):  # the first brings the end of the series in front of its beginning
        for count in counts:
            before *= _FADE
            pairs += lap * count * before
            before += count
    squares, most = _even_ring(bins)
    all_pairs = len(wrong) * (len(wrong) - 1) / 2.0
    return (pairs * bins - all_pairs * (1.0 + _FADE) / (1.0 - _FADE)) / math.sqrt(all_pairs * squares) > most


@functools.lru_cache
def _even_ring(bins: int) -> tuple[float, float]:
    """Return the variance of a pair's weight, times the square of `bins`, and the most standard errors of chance."""
    waves = [
        (1.0 - _FADE**2) / (1.0 - 2.0 * _FADE * math.cos(2.0 * math.pi * wave / bins) + _FADE**2)
        for wave in range(1, bins)
    ]  # the eigenvalues of the matrix of the weights
    squares, cubes = math.fsum(wave**2 for wave in waves), math.fsum(wave**3 for wave in waves)
    normal = NormalDist().inv_cdf(1.0 - _SUSPICION)
    return squares, normal + 8.0 * cubes / (2.0 * squares) ** 1.5 * (normal**2 - 1.0) / 6.0


@dataclass(frozen=True)
class ShareBounds:
    """What a series says about the share of its failures.

    `effective` is how many independent observations it is worth; `worst` tells the upper bound of so many failures
    among so many observations of the same kind.
    """

    lower: float
    upper: float
    effective: int
    worst: Callable[[float, float], float]


def share_bounds(wrong: Sequence[int], n: int, confidence: float, *, limit: float, blocks: int = 0) -> ShareBounds:
    """Bound a share of failures, taking into account whether they came in bursts.

    Few failures say little of bursts, and a correction made for every series would cost a service without bursts a
    fifth of its passes. So it is asked first whether they are clustered (:func:`_in_bursts`). The risk of passing at
    the limit is divided: a fifth of it for series in bursts, by their effective number (:func:`effective_n`); an even
    series, which was not taken for one in bursts, has what makes the whole (:func:`_even_upper_bound`).

    At a limit of 1 % and n = 3,600 in 60 s, by simulation: failures at the limit pass in 4.7 % of cases when they are
    independent, in 9.4 % with seconds alike (0.8, a fifth of the variance; 34 % uncorrected); a true share of 0.5 %
    passes in 90.8 % (95.6 % uncorrected). That is about all there is in a minute: where Clopper & Pearson's bound is
    kept, the likelihood ratio of the very process that is simulated lets 9.6 % pass at 90 %.

    :param wrong: numbers of the failed observations, 0 to n - 1, ascending
    :param limit: what the share will be compared with
    :param blocks: stretches of time; below :data:`MIN_BLOCKS` failures are taken as independent
    """
    failures = len(wrong)
    if blocks < MIN_BLOCKS or failures < 2 or failures == n:
        lower, upper = (bound(failures, n, confidence) for bound in (share_lower_bound, share_upper_bound))
        return ShareBounds(lower, upper, n, lambda failed, of: share_upper_bound(failed, of, confidence))
    if not _in_bursts(wrong, n, 5 * blocks):
        lower, upper = share_lower_bound(failures, n, confidence), _even_upper_bound(failures, n, confidence)
        return ShareBounds(lower, upper, n, lambda failed, of: _even_upper_bound(failed, of, confidence))
    failed = set(wrong)
    series = [number in failed for number in range(n)]
    strict = 1.0 - (1.0 - confidence) * _OF_BURSTS
    fewer, few = (effective_n(series, blocks, each, limit) for each in (confidence, strict))
    return ShareBounds(
        lower=share_lower_bound(failures * fewer / n, fewer, confidence),
        upper=share_upper_bound(failures * few / n, few, strict),
        effective=few,
        worst=lambda failed, of: share_upper_bound(failed * few / n, of * few / n, strict),
    )


def _even_upper_bound(failures: float, n: float, confidence: float) -> float:
    """Return the upper bound of a share whose failures were not in bursts.

    When independent failures are taken for bursts does not depend on how many there are (from :data:`_FEW` on). So a
    series passes falsely when it has too few failures and is also not taken for one in bursts, and the risk is that
    product: what Clopper & Pearson leave of it is given back here, less the part of the series in bursts.
    """
    risk = (1.0 - confidence) * (1.0 - _SUSPECTED * _OF_BURSTS)
    if failures < _FEW:
        return share_upper_bound(failures, n, confidence)

    def passes(share: float) -> float:
        as_few = 1.0 - beta_cdf(share, failures + 1.0, n - failures)
        untested = 1.0 - beta_cdf(share, _FEW, n - _FEW + 1.0)
        return (1.0 - _SUSPECTED) * as_few + _SUSPECTED * untested

    return _root(lambda share: risk - passes(share), 0.0, 1.0)


def quantile_bounds(
    samples: Sequence[float], q: float, confidence: float, *, limit: float, blocks: int = 0
) -> QuantileBounds:
    """Bound the q-quantile of a series, taking the correlation of its samples into account.

    :param samples: at least one number, in time order
    :param limit: what the quantile will be compared with; correlation is measured by who exceeds it
    :param blocks: stretches of time to cut the series into; below :data:`MIN_BLOCKS` samples are taken as independent
    """
    n = len(samples)
    rows = sorted(samples)
    exceeds = [sample > limit for sample in samples]
    effective = effective_n(exceeds, blocks, confidence, 1.0 - q) if blocks >= MIN_BLOCKS else n
    above = quantile_upper_rank(effective, q, confidence)
    below = quantile_lower_rank(effective, q, confidence)
    return QuantileBounds(
        estimate=quantile(rows, q),
        lower=None if below is None else rows[max(below * n // effective, 1) - 1],
        upper=None if above is None else rows[-(-above * n // effective) - 1],
        effective=effective,
    )
