"""The highest of some declared rates at which a service still holds its objective.

Rates are tried from the lowest on, and the first that does not hold ends the search, so that a service is never driven
further past its limit than one step. Time and rates are known before the first request is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from . import schedule
from .judge import FAIL, NO_EVIDENCE, PASS, judge, quantity
from .load import Result, measure
from .measurement import Measurement, measurement

MAX_RATES = 20


@dataclass(frozen=True)
class Objective:
    """What has to hold at a rate, each with `confidence`: a quantile of the latency in seconds, the share of errors."""

    quantile: float = 0.95
    below: float = 0.5
    errors_below: float = 0.01
    confidence: float = 0.95


@dataclass(frozen=True)
class Step:
    """One rate that was tried; latencies in seconds."""

    rate: float
    verdict: str
    message: str
    n: int
    errors: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Found:
    """How a search ended. `highest` is the last rate that held, 0 when none did."""

    highest: float
    steps: Sequence[Step]
    started: str = ""
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        """Return it as a module returns it."""
        return {"highest": self.highest, "steps": [asdict(step) for step in self.steps]}


def validate(rates: Sequence[float], seconds: float, warmup: float, rest: float) -> None:
    """Check a search before anything is sent.

    :raises ValueError: when the rates do not ascend, or the search could take longer than a load test may
    """
    if not 1 <= len(rates) <= MAX_RATES or sorted(set(rates)) != list(rates) or rates[0] <= 0:
        raise ValueError(f"`rates` must be 1 to {MAX_RATES} ascending rates above 0, not {list(rates)}")
    if rest < 0:
        raise ValueError(f"`rest_seconds` must not be below 0, not {rest:g}")
    whole = len(rates) * (seconds + warmup) + (len(rates) - 1) * rest
    if whole > schedule.MAX_SECONDS:
        raise ValueError(
            f"{len(rates)} rates may take {whole:g} s, and a load test at most {schedule.MAX_SECONDS} s: "
            "declare fewer rates or shorter steps"
        )


def _step(rate: float, result: Result, objective: Objective, now: datetime) -> Step:
    rules = (
        ("latency_seconds", {"quantile": objective.quantile, "below": objective.below}),
        ("errors", {"share": "failures", "below": objective.errors_below}),
    )
    verdicts = [
        judge(
            {"id": f"saturation.{metric}", "judge": {**rule, "confidence": objective.confidence}},
            measure(result, f"saturation.{metric}", metric),
            now,
        )
        for metric, rule in rules
    ]
    # What failed says more than what could not be decided, and both more than what passed.
    told = next(each for kind in (FAIL, NO_EVIDENCE, PASS) for each in verdicts if each["verdict"] == kind)
    return Step(
        rate=rate,
        verdict=told["verdict"],
        message=told["message"],
        n=len(result.outcomes),
        errors=len(result.outcomes) - result.outcomes.count(""),
        p50=round(result.percentile(0.5), 6),
        p95=round(result.percentile(0.95), 6),
        p99=round(result.percentile(0.99), 6),
    )


def search(
    rates: Sequence[float],
    attempt: Callable[[float], Result],
    objective: Objective,
    now: datetime,
    rest: Callable[[], None] = lambda: None,
) -> Found:
    """Try ascending rates until one does not hold.

    :param attempt: puts the service under load at a rate
    :param rest: called between two rates, so that queues can drain
    """
    highest, steps, started, seconds = 0.0, [], "", 0.0
    for number, rate in enumerate(rates):
        if number:
            rest()
        result = attempt(rate)
        started, seconds = started or result.started, seconds + result.seconds
        steps.append(_step(rate, result, objective, now))
        if steps[-1].verdict != PASS:
            break
        highest = rate
    return Found(highest, steps, started, seconds)


def observe(found: Found, id: str) -> Measurement:
    """Return the highest rate as a measurement in requests per second.

    A search that ended without a verdict proves nothing: the service may hold more, and the judge must not take the
    last rate that held for its limit.
    """
    last = found.steps[-1]
    held = f"{quantity(found.highest, '1/s')} held" if found.highest else "no rate held"
    ends = {
        PASS: f"{held}, the highest of the declared rates",
        FAIL: f"{held}, {quantity(last.rate, '1/s')} did not: {last.message}",
        NO_EVIDENCE: f"{held}, and {quantity(last.rate, '1/s')} could not be decided: {last.message}",
    }
    return measurement(
        id,
        n=len(found.steps),
        value=found.highest,
        unit="1/s",
        observed=ends[last.verdict],
        invalid=ends[NO_EVIDENCE] if last.verdict == NO_EVIDENCE else "",
        started=found.started,
        seconds=found.seconds,
    )
