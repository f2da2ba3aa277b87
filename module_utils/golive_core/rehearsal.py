"""The way back, rehearsed: how soon after a switch the wanted colour answers, and what was lost meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from .measurement import Measurement, measurement, summarise

MARGIN_SECONDS = 0.5  # that the load must have run before and after the switches


class Asked(NamedTuple):
    """One request through the edge: when it began and ended (monotonic seconds), who answered, what was wrong."""

    began: float
    ended: float
    colour: str
    problem: str


class Turn(NamedTuple):
    """One switch: when it was decided (monotonic seconds), and the colour that was to serve."""

    decided: float
    colour: str


def seconds_until(turn: Turn, asked: Sequence[Asked], until: float) -> float | None:
    """Return seconds from a decision until the wanted colour had answered, with no other answer begun later.

    A request that began before the decision may be answered by either colour.

    :param until: when the next switch was decided; what began later tells nothing of this one
    :returns: None when it never answered, or another colour still answered last
    """
    rows = [each for each in asked if turn.decided <= each.began < until and not each.problem]
    wrong = [number for number, each in enumerate(rows) if each.colour != turn.colour]
    right = rows[wrong[-1] + 1 :] if wrong else rows
    return right[0].ended - turn.decided if right else None


def back_seconds(id: str, turns: Sequence[Turn], asked: Sequence[Asked], old: str, end: float) -> Measurement:
    """Return how long the way back took: one sample per switch to the old colour, the slowest as the value."""
    nexts = [turn.decided for turn in turns[1:]] + [end]
    backs = [(turn, until) for turn, until in zip(turns, nexts, strict=True) if turn.colour == old]
    found = [seconds_until(turn, asked, until) for turn, until in backs]
    samples = [seconds for seconds in found if seconds is not None]
    missing = len(found) - len(samples)
    slowest = f"{max(samples):.3f} s at most from the decision to the answer of {old}" if samples else ""
    return measurement(
        id,
        n=len(found),
        failures=missing,
        samples=samples,
        value=round(max(samples), 4) if samples and not missing else None,
        unit="s",
        observed=summarise([f"{missing} of {len(found)} times {old} did not answer again" if missing else "", slowest]),
        expected=f"{old} answers again, every time",
        invalid="" if found else "no way back was rehearsed",
    )


def answered(id: str, asked: Sequence[Asked]) -> Measurement:
    """Return how many requests, each on a connection of its own, got no good answer."""
    problems = [each.problem for each in asked if each.problem]
    return measurement(
        id,
        n=len(asked),
        failures=len(problems),
        value=float(len(asked) - len(problems)),
        observed=summarise(problems) or f"{len(asked)} of {len(asked)} requests on new connections answered",
        expected="every request answered",
    )


def covered(measurements: Sequence[Mapping[str, Any]], load: str, switches: str) -> list[dict[str, Any]]:
    """Return the measurements, that of the load invalid where it did not run all the time while it was switched.

    :param load: id of the load's measurement; `switches`: id of the one that was taken of the switches
    """
    spans = [_span(row) for row in measurements if row["id"] == switches]
    rows = []
    for row in map(dict, measurements):
        if row["id"] == load and not row["invalid"]:
            began, ended = _span(row)
            inside = all(began + MARGIN_SECONDS < first and last < ended - MARGIN_SECONDS for first, last in spans)
            if not spans or not inside:
                row["invalid"] = "the load did not run all the time while the edge was switched; rehearse again"
        rows.append(row)
    return rows


def _span(row: Mapping[str, Any]) -> tuple[float, float]:
    began = datetime.fromisoformat(row["started"]).timestamp()
    return began, began + row["seconds"]
