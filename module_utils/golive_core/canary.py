"""A canary: both colours serve at the same time, and the edge's own log tells how each of them does.

Who is served by which colour is drawn by lot, so that whatever else is different between two requests (the hour, the
page, the client) is so for both colours. Nothing has to alternate, and the old version beside the new one is the
baseline.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from . import compare, statistics
from .compare import Interval
from .measurement import Measurement, measurement
from .watch_log import Line

METRICS = ("share", "errors", "latency")
Q = 0.95  # of the latencies that are compared
BLOCK_SECONDS = 5  # longer than the bursts that make neighbouring requests alike
BLOCK_SAMPLES = 10
LEAST = 300  # requests of the new version: with fewer, 0 errors do not show a share below 1 %
MOST_LATENCIES = 5000  # of each colour that are kept; more make no verdict surer
_LEAST_HARM = 30  # requests of each colour before harm is spoken of
_RISK = 0.05  # of all looks for harm together


class Limits(NamedTuple):
    """What ends a canary before its time: so much larger a share of requests that fail or are this slow."""

    share: float
    seconds: float


class Row(NamedTuple):
    """What both colours did in one stretch of time: requests, and how many of them went wrong."""

    old_n: float
    old_bad: float
    new_n: float
    new_bad: float


class _Kept:
    """Latencies in the order in which they came, a fair sample of them where there are many."""

    def __init__(self, seed: int) -> None:
        self.rows: list[tuple[int, float]] = []
        self._seen = 0
        self._random = random.Random(seed)

    def add(self, seconds: float) -> None:
        """Vitter's algorithm R (ACM Transactions on Mathematical Software 11, 1985)."""
        row = (self._seen, seconds)
        self._seen += 1
        if len(self.rows) < MOST_LATENCIES:
            self.rows.append(row)
        elif (place := self._random.randrange(self._seen)) < MOST_LATENCIES:
            self.rows[place] = row

    def in_order(self) -> list[float]:
        return [seconds for _, seconds in sorted(self.rows)]


class Tally:
    """What the log told while a share was set."""

    def __init__(self, colour: str, by: str, limits: Limits) -> None:
        """Begin to count.

        :param colour: the canary's
        :param by: how the clients are chosen, see :data:`colours.CANARY_BY`
        """
        self.colour = colour
        self.by = by
        self.limits = limits
        self.draws = self.hits = self.strays = 0
        self.users = 0  # requests on the canary that are none of ours
        self.harmed = {False: 0, True: 0}  # by whether the canary served
        self.rows: list[list[int]] = []
        self._latencies = {False: _Kept(1), True: _Kept(2)}

    def enter(self, line: Line, at: float) -> None:
        """Count one request that ended `at` seconds after the beginning.

        Requests that chose their colour outright were no part of the draw, nor were those that began before it.
        """
        new = line.colour == self.colour
        if self.by == "header":
            if line.choice not in ("asked", ""):
                return
            asked = line.choice == "asked"
            self.draws += asked
            self.hits += asked and new
            self.strays += new and not asked
        else:
            if line.choice not in ("drawn", "kept"):
                return
            # Who has kept his lot brings the same result again: no draw.
            self.draws += line.choice == "drawn"
            self.hits += line.choice == "drawn" and new
        while len(self.rows) <= at // BLOCK_SECONDS:
            self.rows.append([0, 0, 0, 0])
        row = self.rows[-1]
        row[2 * new] += 1
        row[2 * new + 1] += line.error
        self.users += new and not line.own
        self.harmed[new] += line.error or line.seconds > self.limits.seconds
        self._latencies[new].add(line.seconds)

    @property
    def requests(self) -> tuple[int, int]:
        """How many requests the old and the new version answered."""
        return sum(row[0] for row in self.rows), sum(row[2] for row in self.rows)

    def harm(self, looks: int) -> str:
        """Return why the canary must not go on, in words; "" while that is not beyond doubt.

        It is worse than the old version beside it by more than the limit. Each of `looks` has its part of the risk
        (Bonferroni): looking again and again finds harm by chance otherwise.
        """
        old_n, new_n = self.requests
        if min(old_n, new_n) < _LEAST_HARM:
            return ""
        counts = (self.harmed[False], old_n, self.harmed[True], new_n)
        least = compare.newcombe(*counts, 1.0 - _RISK / looks).lower
        if least is None or least < self.limits.share:
            return ""
        return (
            f"{self.harmed[True]} of {new_n} requests failed or took more than {self.limits.seconds:g} s, "
            f"of the old version's {self.harmed[False]} of {old_n}"
        )

    def measure(self, id: str, metric: str, seconds: float) -> Measurement:
        """Return one metric as a measurement.

        :param metric: `share` (value: what part of the draws the canary got), `errors` (samples: :class:`Row` after
            Row), `latency` (samples: 0 or 1 for the new version, and the seconds, of each request)
        """
        old_n, new_n = self.requests
        seen: dict[str, Any] = {"n": new_n, "seconds": seconds}
        if metric == "share":
            whom = "requests that asked for it" if self.by == "header" else "draws"
            seen |= {
                "n": max(self.draws, self.strays),
                "failures": self.strays,
                "value": self.hits / self.draws if self.draws else None,
                "observed": f"{self.strays} requests got the canary without asking" if self.strays else "",
                "expected": f"the canary in its share of the {whom}, and nobody else",
            }
        elif metric == "errors":
            bad = [sum(row[place] for row in self.rows) for place in (1, 3)]
            seen |= {
                "samples": [count for row in self.rows for count in row],
                "observed": f"old {bad[0]} of {old_n} wrong, new {bad[1]} of {new_n}",
            }
        else:
            kept = {new: self._latencies[new].in_order() for new in (False, True)}
            samples = [value for new, rows in kept.items() for each in rows for value in (float(new), each)]
            seen |= {"samples": samples, "observed": f"{old_n} requests of the old version, {new_n} of the new one"}
        return measurement(id, **seen)


# --- what the judge asks


def read_rows(samples: Sequence[float]) -> list[Row]:
    """Return the rows of metric `errors`.

    :raises ValueError: one sentence, when they are not such samples
    """
    width = len(Row._fields)
    rows = [Row(*samples[start : start + width]) for start in range(0, len(samples) - width + 1, width)]
    wrong = any(not 0 <= bad <= n for row in rows for bad, n in ((row.old_bad, row.old_n), (row.new_bad, row.new_n)))
    if len(samples) % width or wrong:
        raise ValueError(f"the {len(samples)} samples are no counts of requests and failures")
    return rows


def read_latencies(samples: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the latencies of the old and of the new version from metric `latency`.

    :raises ValueError: one sentence, when they are not such samples
    """
    sides, seconds = samples[::2], samples[1::2]
    if len(sides) != len(seconds) or set(sides) - {0.0, 1.0} or any(each < 0.0 for each in seconds):
        raise ValueError(f"the {len(samples)} samples are no latencies of two versions")
    pairs = list(zip(sides, seconds, strict=True))
    return [each for side, each in pairs if not side], [each for side, each in pairs if side]


def more_errors(rows: Sequence[Row], confidence: float) -> Interval:
    """Return by how much larger the new version's share of errors is, with its bounds.

    Newcombe's, on the number of requests that their bursts leave (:func:`compare.worth`).

    :param rows: with at least one request of each version
    """
    old = compare.worth([row.old_bad for row in rows], [row.old_n for row in rows])
    new = compare.worth([row.new_bad for row in rows], [row.new_n for row in rows])
    return compare.newcombe(
        old * sum(row.old_bad for row in rows),
        old * sum(row.old_n for row in rows),
        new * sum(row.new_bad for row in rows),
        new * sum(row.new_n for row in rows),
        confidence,
    )


def slower(old: Sequence[float], new: Sequence[float], seconds: float, confidence: float) -> Interval:
    """Return new / old of P95 with its bounds; None for one that so few requests cannot give.

    The bounds of both quantiles (order statistics, on the effective number of requests) are put together as Newcombe
    does with those of shares: the distances, squared and added, on the logarithms (Zou & Donner, Statistics in Medicine
    27, 2008). Nothing is assumed of how latencies are distributed.

    :param old: seconds, in the order of time; at least one of each version
    :param seconds: how long it was measured
    """
    floor = 1e-4  # a tenth of what the edge's log resolves
    one, two = (
        statistics.quantile_bounds(
            rows,
            Q,
            confidence,
            limit=statistics.quantile(rows, Q),
            blocks=min(int(seconds // BLOCK_SECONDS), len(rows) // BLOCK_SAMPLES),
        )
        for rows in (old, new)
    )

    def log(value: float) -> float:
        return math.log(max(value, floor))

    ratio = log(two.estimate) - log(one.estimate)
    lower = upper = None
    if two.lower is not None and one.upper is not None:
        away = math.hypot(log(two.estimate) - log(two.lower), log(one.upper) - log(one.estimate))
        lower = math.exp(ratio - away)
    if two.upper is not None and one.lower is not None:
        away = math.hypot(log(two.upper) - log(two.estimate), log(one.estimate) - log(one.lower))
        upper = math.exp(ratio + away)
    return Interval(math.exp(ratio), lower, upper)


def least_draws(share: float, confidence: float) -> int:
    """Return so many draws that none for the canary would show that no share was in force at all."""
    return 1 if share >= 1.0 else math.ceil(math.log((1.0 - confidence) / 2.0) / math.log1p(-share))
