"""How often the watcher errs and how soon it acts, by simulation: golive's rules beside the guide's plain ones.

A healthy service answers 0.2 % of its requests with an error, and has one blip of 8 s with 20 % an hour. Requests come
at random (Poisson). A fault begins after ten healthy minutes, and from then on a share of the answers is wrong. At 1
request/s golive adds 4 of its own, as it does on an edge; the row without them shows what they are for. What the keys
of --json mean is in docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from golive_core.watcher import HOLD_SECONDS, Held, Limits, Traffic, errors_that_stay, too_many_errors

from golive.bench import table

HEALTHY, BLIP_SHARE, BLIP_SECONDS = 0.002, 0.20, 8
HOURS, WARM, GIVEN_UP = 6, 600, 600
LIMITS = Limits()
Series = list[tuple[int, int]]  # requests and wrong answers of each second
Tick = Callable[[int, int], bool]  # takes a second, and says whether to roll back


def draw(chance: np.random.Generator, rate: float, shares: np.ndarray[Any, np.dtype[np.float64]]) -> Series:
    """Return a series with a share of wrong answers for each second."""
    n = chance.poisson(rate, len(shares))
    return list(zip(n.tolist(), chance.binomial(n, shares).tolist(), strict=True))


def healthy(chance: np.random.Generator, rate: float) -> Series:
    """Return six hours without a fault."""
    shares = np.full(HOURS * 3600, HEALTHY)
    for hour in range(HOURS):
        begins = hour * 3600 + int(chance.integers(3600 - BLIP_SECONDS))
        shares[begins : begins + BLIP_SECONDS] = BLIP_SHARE
    return draw(chance, rate, shares)


def faulty(chance: np.random.Generator, rate: float, share: float) -> Series:
    """Return a fault of a share of the answers, after healthy minutes."""
    return draw(chance, rate, np.concatenate([np.full(WARM, HEALTHY), np.full(GIVEN_UP, share)]))


# --- the rules


def golive() -> Tick:
    """Return the watcher's own rules of errors, as Judge applies them."""
    traffic, held = Traffic(), (Held(HOLD_SECONDS), Held(HOLD_SECONDS))
    second = 0

    def tick(n: int, errors: int) -> bool:
        nonlocal second
        traffic.add(n, errors)
        second += 1
        traffic.close(second)
        seen = (too_many_errors(traffic, LIMITS), errors_that_stay(traffic, LIMITS))
        counted = [one.tick(true) for one, true in zip(held, seen, strict=True)]
        return any(counted)

    return tick


def plain(seconds: int) -> Callable[[], Tick]:
    """Return the guide's rule over a window: more than 5 %, looked at every 5 s."""

    def rule() -> Tick:
        sums: deque[tuple[int, int]] = deque([(0, 0)], maxlen=seconds + 1)
        looked = 0

        def tick(n: int, errors: int) -> bool:
            nonlocal looked
            sums.append((sums[-1][0] + n, sums[-1][1] + errors))
            looked += 1
            total, wrong = sums[-1][0] - sums[0][0], sums[-1][1] - sums[0][1]
            return looked % 5 == 0 and total > 0 and wrong / total > LIMITS.error_share

        return tick

    return rule


RULES: dict[str, Callable[[], Tick]] = {
    "golive": golive,
    "30 s > 5 %": plain(30),
    "1 min > 5 % (the guide)": plain(60),
    "5 min > 5 %": plain(300),
}


def fires(rule: Tick, series: Series) -> int | None:
    """Return after how many seconds a rule rolls back; None when it never does."""
    return next((second for second, (n, errors) in enumerate(series, start=1) if rule(n, errors)), None)


# --- the tables

RATES: dict[str, float] = {"1, 4 added": 5, "1, none added": 1, "5": 5, "50": 50}
FAULTS = {"outage": 1.0, "10 %": 0.10, "steady 4 %": 0.04}


def false_rollbacks(chance: np.random.Generator, runs: int) -> Iterator[dict[str, Any]]:
    """Yield how many of the healthy series each rule would have rolled back."""
    for rate, per_second in RATES.items():
        series = [healthy(chance, per_second) for _ in range(runs)]
        for name, rule in RULES.items():
            fired = sum(fires(rule(), one) is not None for one in series)
            yield {"rule": name, "rate": rate, "hours": HOURS, "false": fired / runs}


def detections(chance: np.random.Generator, runs: int) -> Iterator[dict[str, Any]]:
    """Yield how long each rule takes from the fault to the decision, and how often it misses it."""
    for rate, per_second in RATES.items():
        for fault, share in FAULTS.items():
            series = [faulty(chance, per_second, share) for _ in range(runs)]
            for name, rule in RULES.items():
                told = [fires(rule(), one) for one in series]
                # What fires before the fault is a false rollback, which the other table counts.
                times = sorted(seconds - WARM for seconds in told if seconds is not None and seconds > WARM)
                missed = sum(seconds is None for seconds in told)
                yield {
                    "rule": name,
                    "rate": rate,
                    "fault": fault,
                    "median_seconds": times[len(times) // 2] if times else None,
                    "p90_seconds": times[min(int(len(times) * 0.9), len(times) - 1)] if times else None,
                    "missed": missed / runs,
                }


def targets(false: list[dict[str, Any]], seen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what golive's rules have to reach, and whether they do."""
    wanted = []
    for rate, most in (("1, none added", 0.05), ("1, 4 added", 0.0), ("5", 0.0), ("50", 0.0)):
        row = next(row for row in false if row["rule"] == "golive" and row["rate"] == rate)
        wanted.append(
            {
                "name": f"false rollbacks in {HOURS} h at {rate} requests/s",
                "seen": row["false"],
                "at_most": most,
                "unit": "share",
            }
        )
    for fault, most in (("outage", 10), ("10 %", 45), ("steady 4 %", 150)):
        for rate in ("1, 4 added", "5", "50"):
            row = next(row for row in seen if row["rule"] == "golive" and row["fault"] == fault and row["rate"] == rate)
            wanted.append(
                {
                    "name": f"{fault} at {rate} requests/s, median",
                    "seen": row["median_seconds"],
                    "at_most": most,
                    "unit": "s",
                }
            )
    return [row | {"met": row["seen"] is not None and row["seen"] <= row["at_most"]} for row in wanted]


def _seconds(value: int | None) -> str:
    return "-" if value is None else f"{value} s"


def _shown(row: dict[str, Any], key: str) -> str:
    return _seconds(row[key]) if row["unit"] == "s" else f"{100 * row[key]:.1f} %"


def main() -> None:
    """Simulate, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200, help="series behind each row (default 200)")
    parser.add_argument("--seed", type=int, default=20261128)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    if not 2 <= asked.runs <= 10_000:
        parser.error(f"--runs must be from 2 to 10000, not {asked.runs}")
    chance, began = np.random.default_rng(asked.seed), time.monotonic()
    false = list(false_rollbacks(chance, asked.runs))
    seen = list(detections(chance, asked.runs))
    wanted = targets(false, seen)

    print(f"Healthy for {HOURS} h, one blip of {BLIP_SECONDS} s an hour: share of {asked.runs} series rolled back\n")
    rates = list(RATES)
    rows = [
        [
            name,
            *(
                f"{100 * row['false']:.1f} %"
                for rate in rates
                for row in false
                if row["rule"] == name and row["rate"] == rate
            ),
        ]
        for name in RULES
    ]
    print(table(["rule", *(f"{rate} /s" for rate in rates)], rows))
    print(f"\nSeconds from a fault to the decision: median, 90 of 100, and share missed in {GIVEN_UP // 60} min\n")
    rows = [
        [
            row["fault"],
            row["rate"],
            row["rule"],
            _seconds(row["median_seconds"]),
            _seconds(row["p90_seconds"]),
            f"{100 * row['missed']:.1f} %",
        ]
        for row in seen
    ]
    print(table(["fault", "requests/s", "rule", "median", "p90", "missed"], rows))
    print("\nTargets\n")
    rows = [
        [row["name"], f"at most {_shown(row, 'at_most')}", _shown(row, "seen"), "yes" if row["met"] else "NO"]
        for row in wanted
    ]
    print(table(["target", "wanted", "seen", "met"], rows))
    if asked.json:
        told = {
            "bench": "watcher",
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "cores": os.cpu_count(),
            "seed": asked.seed,
            "seconds": round(time.monotonic() - began, 1),
            "runs": asked.runs,
            "false_rollbacks": false,
            "detections": seen,
            "targets": wanted,
        }
        print(json.dumps(told))


if __name__ == "__main__":
    main()
