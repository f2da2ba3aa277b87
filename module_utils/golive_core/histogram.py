"""A histogram of latencies whose size does not depend on how many were counted, after HdrHistogram (Tene, 2012).

Values are counted in whole microseconds: exactly below 256 us, and above that in buckets that are 1/128 of their value
wide, so that a percentile is at most :data:`RELATIVE_ERROR` (and half a microsecond) off. Histograms of several
generators are added up without further error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

UNIT = 1e-6  # seconds
_HALF = 128  # buckets for each doubling of the value
_EXACT_BITS = 8  # below 2 ** 8 each value has a bucket of its own
_MOST = (1 << 32) - 1  # microseconds, over an hour: more is counted as this
RELATIVE_ERROR = 0.5 / _HALF  # from the middle of a bucket to its edges
MAX_BUCKETS = 2 * _HALF + (32 - _EXACT_BITS) * _HALF
PERCENTILES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def _bucket(ticks: int) -> int:
    shift = max(ticks.bit_length() - _EXACT_BITS, 0)
    return shift * _HALF + (ticks >> shift)


def _middle(bucket: int) -> float:
    """Return the middle of a bucket, in microseconds."""
    if bucket < 2 * _HALF:
        return float(bucket)
    shift = bucket // _HALF - 1
    low = (bucket - shift * _HALF) << shift
    return low + ((1 << shift) - 1) / 2.0


class Histogram:
    """Counts of latencies; at most :data:`MAX_BUCKETS` numbers, whatever was counted."""

    __slots__ = ("_counts", "n")

    def __init__(self, samples: Iterable[float] = ()) -> None:
        self._counts: dict[int, int] = {}
        self.n = 0
        for sample in samples:
            self.add(sample)

    def add(self, seconds: float, count: int = 1) -> None:
        """Count a latency.

        :raises ValueError: when it is negative or no number
        """
        if not seconds >= 0.0:
            raise ValueError(f"a latency is 0 s or more, not {seconds!r}")
        bucket = _bucket(min(round(min(seconds, 1e6) / UNIT), _MOST))
        self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.n += count

    def merge(self, other: Histogram) -> None:
        """Add another histogram's counts."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.n += other.n

    def quantile(self, q: float) -> float:
        """Return the q-quantile in seconds, as :func:`statistics.quantile` defines it; 0 when nothing was counted."""
        rank, seen = max(math.ceil(q * self.n - 1e-9), 1), 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= rank:
                return _middle(bucket) * UNIT
        return 0.0

    def percentiles(self) -> dict[str, float]:
        """Return P50 to P99.9 in seconds, by name."""
        return {name: round(self.quantile(q), 7) for name, q in PERCENTILES.items()}

    def text(self) -> str:
        """Return the counts as ``bucket:count`` words, for :func:`read` on another host."""
        return " ".join(f"{bucket}:{count}" for bucket, count in sorted(self._counts.items()))

    def buckets(self) -> Mapping[int, int]:
        """Return the counts by bucket."""
        return self._counts


def read(text: str) -> Histogram:
    """Return the histogram that :meth:`Histogram.text` wrote.

    :raises ValueError: when the text is not of that form
    """
    histogram = Histogram()
    for word in text.split():
        name, _, number = word.partition(":")
        if not (name.isascii() and name.isdecimal() and number.isascii() and number.isdecimal()):
            raise ValueError(f"a histogram is written as bucket:count words, not {word[:40]!r}")
        bucket, count = int(name), int(number)
        if bucket >= MAX_BUCKETS or count < 1:
            raise ValueError(
                f"a histogram has buckets 0 to {MAX_BUCKETS - 1} with counts of 1 or more, not {word[:40]!r}"
            )
        histogram._counts[bucket] = histogram._counts.get(bucket, 0) + count
        histogram.n += count
    return histogram
