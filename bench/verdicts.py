"""How often a gate errs, by simulation: golive's bounds, a plain comparison, and Kayenta's rule.

Latencies are lognormal (sigma 0.5), 50 a second; errors are judged on 60 a second. Where seconds are alike
("correlated"), a fifth of the variance of the logarithm belongs to a level that moves from second to second with a
correlation of 0.8. An error is the same draw above a limit, so that correlated errors come in bursts. What the keys of
--json mean is in docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from statistics import NormalDist
from typing import Any

import numpy as np
from golive_core import compare, statistics
from golive_core.judge import FAIL, NO_EVIDENCE, PASS

from golive.bench import table

SIGMA = 0.5
PER_SECOND = 50
SIXTY = {3_600: 60}  # the errors' gate is simulated at 60 a second, so that it takes a minute too
RHO, SHARED = 0.8, 0.2
NORMAL = NormalDist()
# What was promised, by gate, truth and whether seconds are alike.
PROMISES: dict[tuple[str, float, bool], tuple[str, str, float]] = {
    ("P95", 0.5, False): ("false pass, P95 at the limit, independent", "at_most", 0.05),
    ("errors", 0.01, False): ("false pass, errors at the limit, independent", "at_most", 0.05),
    ("P95", 0.5, True): ("false pass, P95 at the limit, correlated", "at_most", 0.10),
    ("errors", 0.01, True): ("false pass, errors at the limit, correlated", "at_most", 0.10),
    ("P95", 0.45, False): ("power, P95 10 % below the limit", "at_least", 0.90),
    ("errors", 0.005, False): ("power, errors 0.5 % against 1 %", "at_least", 0.90),
}
CLOSER = 5  # times the runs behind these, so that their doubt is less than half a point
MARGINS = compare.Margins(ratio=0.10, floor=0.0, errors=0.005)
Draw = np.ndarray[Any, np.dtype[np.float64]]


def scores(chance: np.random.Generator, n: int, correlated: bool) -> Draw:
    """Return n standard normal numbers, one per request in time order."""
    alone = chance.standard_normal(n)
    if not correlated:
        return alone
    per_second = SIXTY.get(n, PER_SECOND)
    seconds = -(-n // per_second)
    steps = chance.standard_normal(seconds)
    level = np.empty(seconds)
    level[0] = steps[0]
    for second in range(1, seconds):
        level[second] = RHO * level[second - 1] + math.sqrt(1 - RHO**2) * steps[second]
    shared = np.repeat(level, per_second)[:n]
    return np.asarray(math.sqrt(SHARED) * shared + math.sqrt(1 - SHARED) * alone)


# --- a limit


def latency(chance: np.random.Generator, n: int, true: float, limit: float, correlated: bool) -> tuple[str, bool]:
    """Return golive's verdict on P95 and whether a plain `p95 < limit` passes."""
    rows = (true * np.exp(SIGMA * (scores(chance, n, correlated) - NORMAL.inv_cdf(0.95)))).tolist()
    blocks = min(n // PER_SECOND // 5, n // 10)  # as the judge takes them
    found = statistics.quantile_bounds(rows, 0.95, 0.95, limit=limit, blocks=blocks)
    verdict = NO_EVIDENCE
    if found.upper is not None and found.upper < limit:
        verdict = PASS
    elif found.lower is not None and found.lower >= limit:
        verdict = FAIL
    return verdict, found.estimate < limit


def errors(chance: np.random.Generator, n: int, true: float, limit: float, correlated: bool) -> tuple[str, bool]:
    """Return golive's verdict on the share of errors and whether a plain `errors < limit` passes."""
    wrong = np.flatnonzero(scores(chance, n, correlated) > NORMAL.inv_cdf(1 - true)).tolist()
    found = statistics.share_bounds(wrong, n, 0.95, limit=limit, blocks=n // 60 // 5)  # as the judge takes them
    verdict = NO_EVIDENCE
    if found.upper < limit:
        verdict = PASS
    elif found.lower >= limit:
        verdict = FAIL
    return verdict, len(wrong) / n < limit


def limits(chance: np.random.Generator, runs: int) -> Iterator[dict[str, Any]]:
    """Yield one row per gate, truth and correlation."""
    cases: list[tuple[str, Callable[..., tuple[str, bool]], int, float, tuple[float, ...]]] = [
        ("P95", latency, 3_000, 0.5, (0.40, 0.45, 0.475, 0.5, 0.51, 0.55, 0.60)),
        ("errors", errors, 3_600, 0.01, (0.002, 0.005, 0.008, 0.01, 0.012, 0.02, 0.03)),
    ]
    for name, draw, n, limit, truths in cases:
        for correlated in (False, True):
            for true in truths:
                count = runs * CLOSER if (name, true, correlated) in PROMISES else runs
                told = [draw(chance, n, true, limit, correlated) for _ in range(count)]
                verdicts = [verdict for verdict, _ in told]
                yield {
                    "gate": name,
                    "n": n,
                    "limit": limit,
                    "true": true,
                    "correlated": correlated,
                    "runs": count,
                    "pass": verdicts.count(PASS) / count,
                    "fail": verdicts.count(FAIL) / count,
                    "no_evidence": verdicts.count(NO_EVIDENCE) / count,
                    "plain_pass": sum(plain for _, plain in told) / count,
                }


def power(chance: np.random.Generator, runs: int) -> Iterator[dict[str, Any]]:
    """Yield how many samples a gate needs to pass nine times in ten, by how far the truth is from the limit."""
    for true in (0.30, 0.40, 0.45, 0.475):
        for n in (100, 300, 600, 1_000, 1_500, 3_000, 6_000, 12_000):
            passed = sum(latency(chance, n, true, 0.5, False)[0] == PASS for _ in range(runs)) / runs
            if passed >= 0.9:
                break
        yield {"gate": "P95", "limit": 0.5, "true": true, "n": n if passed >= 0.9 else None, "pass": passed}
    for true in (0.001, 0.002, 0.005, 0.007):
        for n in (300, 500, 1_000, 1_500, 2_000, 3_000, 3_600, 6_000, 10_000, 20_000):
            tests = runs * CLOSER
            passed = sum(errors(chance, n, true, 0.01, False)[0] == PASS for _ in range(tests)) / tests
            if passed >= 0.9:
                break
        yield {"gate": "errors", "limit": 0.01, "true": true, "n": n if passed >= 0.9 else None, "pass": passed}


# --- a comparison


def kayenta(control: Draw, experiment: Draw) -> str:
    """Return Kayenta's classification of one metric, re-implemented from NetflixACAJudge.scala and MannWhitney.scala.

    Confidence interval at 98 % of the shift between both groups (normal approximation), tolerance of 0.25 of the
    *estimated shift*, effect size left at its default of 1.0. No data is "Nodata", which scores as a pass.
    """
    if not len(control) or not len(experiment):
        return PASS
    n, m = len(control), len(experiment)
    shifts = np.sort((experiment[:, None] - control[None, :]).ravel())
    rank = n * m / 2 - NORMAL.inv_cdf(0.99) * math.sqrt(n * m * (n + m + 1) / 12)
    place = max(round(rank), 0)
    lower, upper, estimate = shifts[place], shifts[-1 - place], float(np.median(shifts))
    # Only a rise of latency is judged here: direction "increase".
    return FAIL if lower > 0.25 * abs(estimate) and upper > 0 else PASS


def versions(
    chance: np.random.Generator, pairs: int, factor: float, hit: float, bad: tuple[float, float]
) -> tuple[list[compare.Pair], Draw, Draw]:
    """Return pairs of 5 s blocks, and the mean latency of each block as Kayenta would be given it."""
    size = 5 * PER_SECOND
    rows = (0.05 * np.exp(SIGMA * scores(chance, 2 * pairs * size, True))).reshape(pairs, 2, size)
    found, means = [], np.empty((2, pairs))
    for number, order in enumerate(compare.alternate(pairs)):
        blocks = dict(zip(order, rows[number], strict=True))
        new = blocks["new"] * factor + np.where(chance.random(size) < hit, 0.7, 0.0)
        counts = [int(chance.binomial(size, share)) for share in bad]
        old = np.sort(blocks["old"]).tolist()
        found.append(compare.pair(old, np.sort(new).tolist(), old_bad=counts[0], new_bad=counts[1]))
        means[0, number], means[1, number] = blocks["old"].mean(), new.mean()
    return found, means[0], means[1]


def comparisons(chance: np.random.Generator, runs: int) -> Iterator[dict[str, Any]]:
    """Yield one row per difference between two versions and number of pairs; the margin is 10 % and 0.5 points."""
    cases = (
        ("the same version", 1.0, 0.0, (0.001, 0.001)),
        ("3 % slower", 1.03, 0.0, (0.001, 0.001)),
        ("10 % slower (the margin)", 1.10, 0.0, (0.001, 0.001)),
        ("30 % slower", 1.30, 0.0, (0.001, 0.001)),
        ("2 % of requests 0.7 s slower", 1.0, 0.02, (0.001, 0.001)),
        ("errors 0 to 2 %", 1.0, 0.0, (0.0, 0.02)),
    )
    for name, factor, hit, bad in cases:
        for pairs in (20, 60, 120):
            verdicts, theirs = [], 0
            for _ in range(runs):
                found, old, new = versions(chance, pairs, factor, hit, bad)
                metrics = compare.compare(found, MARGINS, 0.95)
                fine, worse = compare.all_fine(metrics, 0.95), bool(compare.worse(metrics, 0.95))
                verdicts.append(FAIL if worse else PASS if fine else NO_EVIDENCE)
                theirs += kayenta(old, new) == FAIL
            yield {
                "case": name,
                "pairs": pairs,
                "pass": verdicts.count(PASS) / runs,
                "fail": verdicts.count(FAIL) / runs,
                "no_evidence": verdicts.count(NO_EVIDENCE) / runs,
                "kayenta_fail": theirs / runs,
            }


# --- telling it


def percent(share: float) -> str:
    """Return a share for a table."""
    return f"{share * 100:.1f} %"


def show(title: str, names: list[str], rows: list[list[str]]) -> None:
    """Print a table for people."""
    print(f"\n{title}\n\n{table(names, rows)}")


def targets(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what was promised, beside what was seen."""

    seen = {(row["gate"], row["true"], row["correlated"]): row["pass"] for row in told["limits"]}
    return [
        {
            "name": name,
            "seen": seen[case],
            kind: limit,
            "met": seen[case] <= limit if kind == "at_most" else seen[case] >= limit,
        }
        for case, (name, kind, limit) in PROMISES.items()
    ]


def main() -> None:
    """Simulate, print tables, and with --json one object as the last line."""
    parser = argparse.ArgumentParser(prog="./golive bench verdicts", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--runs", type=int, default=1_000, help="simulated tests of each limit (1000)")
    parser.add_argument("--seed", type=int, default=20_261_125, help="the same seed gives the same figures")
    options = parser.parse_args()
    if not 10 <= options.runs <= 100_000:
        parser.error(f"--runs must be from 10 to 100000, not {options.runs}")
    started, chance = time.monotonic(), np.random.default_rng(options.seed)
    told: dict[str, Any] = {
        "bench": "verdicts",
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "seed": options.seed,
        "runs": options.runs,
        "comparison_runs": max(options.runs // 10, 10),
    }
    told["limits"] = list(limits(chance, options.runs))
    told["power"] = list(power(chance, max(options.runs // 5, 10)))
    told["comparisons"] = list(comparisons(chance, told["comparison_runs"]))
    told["targets"] = targets(told)
    told["seconds"] = round(time.monotonic() - started, 1)

    show(
        "A limit: share of tests by verdict (P95: n = 3000, limit 500 ms; errors: n = 3600, limit 1 %)",
        ["gate", "truth", "seconds alike", "tests", "PASS", "FAIL", "NO-EVIDENCE", "plain comparison passes"],
        [
            [
                row["gate"],
                f"{row['true'] * 1000:g} ms" if row["gate"] == "P95" else f"{row['true'] * 100:g} %",
                "yes" if row["correlated"] else "no",
                str(row["runs"]),
                *(percent(row[key]) for key in ("pass", "fail", "no_evidence", "plain_pass")),
            ]
            for row in told["limits"]
        ],
    )
    show(
        "Samples needed to pass nine times in ten (independent)",
        ["gate", "truth", "n", "PASS"],
        [
            [
                row["gate"],
                f"{row['true'] * 1000:g} ms" if row["gate"] == "P95" else f"{row['true'] * 100:g} %",
                str(row["n"] or "more than was tried"),
                percent(row["pass"]),
            ]
            for row in told["power"]
        ],
    )
    show(
        f"Old against new, margin 10 % and 0.5 points, seconds alike: share of {told['comparison_runs']} tests",
        ["the new version is", "pairs", "PASS", "FAIL", "NO-EVIDENCE", "Kayenta fails it"],
        [
            [
                row["case"],
                str(row["pairs"]),
                *(percent(row[key]) for key in ("pass", "fail", "no_evidence", "kayenta_fail")),
            ]
            for row in told["comparisons"]
        ],
    )
    show(
        "Targets",
        ["target", "wanted", "seen", "met"],
        [
            [
                row["name"],
                f"at most {percent(row['at_most'])}" if "at_most" in row else f"at least {percent(row['at_least'])}",
                percent(row["seen"]),
                "yes" if row["met"] else "NO",
            ]
            for row in told["targets"]
        ],
    )
    print(
        f"\nKayenta given no data: {kayenta(np.empty(0), np.empty(0))}. {told['seconds']:g} s, {told['cores']} cores."
    )
    if options.json:
        print(json.dumps(told))


if __name__ == "__main__":
    main()
