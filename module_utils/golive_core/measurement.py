"""What a probe hands to the judge: one flat dictionary per gate and host."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TypedDict


class Measured(TypedDict):
    """Numbers of one probe on one host; keys are described in docs/contributing.md."""

    id: str
    n: int
    failures: int
    samples: str
    value: float | str | None
    unit: str
    observed: str
    expected: str
    invalid: str
    started: str
    seconds: float
    sha256: str


class Measurement(Measured, total=False):
    """The same, with what to do about it, by language, where the gate cannot know."""

    remedy: dict[str, str]


def utc_now() -> str:
    """Return the present time as ISO 8601 in UTC with milliseconds."""
    return utc(datetime.now(UTC).timestamp())


def utc(epoch: float) -> str:
    """Return a time in seconds since 1970 in the same form."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def measurement(
    id: str,
    *,
    n: int,
    failures: int = 0,
    samples: Sequence[float] = (),
    value: float | str | None = None,
    unit: str = "1",
    observed: str = "",
    expected: str = "",
    invalid: str = "",
    started: str = "",
    seconds: float = 0.0,
) -> Measurement:
    """Build a measurement and hash its raw samples.

    :param id: id of the gate that the numbers are for
    :param n: observations taken
    :param failures: how many of them were wrong
    :param samples: raw numbers in `unit`, in the order taken
    :param invalid: why the numbers prove nothing; empty when they do
    :raises ValueError: when failures exceed observations
    """
    if not 0 <= failures <= n:
        raise ValueError(f"{id}: {failures} failures among {n} observations")
    text = " ".join(f"{sample:.9g}" for sample in samples)
    raw = text or f"{n} {failures} {value} {observed}"
    return Measurement(
        id=id,
        n=n,
        failures=failures,
        samples=text,
        value=value,
        unit=unit,
        observed=observed,
        expected=expected,
        invalid=invalid,
        started=started or utc_now(),
        seconds=round(seconds, 6),
        sha256=hashlib.sha256(raw.encode()).hexdigest(),
    )


def read_samples(text: str) -> list[float]:
    """Return the numbers of a measurement's `samples`."""
    return [float(word) for word in text.split()]


def summarise(problems: Iterable[str], limit: int = 3) -> str:
    """Join the most telling problems into one sentence, naming how many more there were."""
    rows = list(dict.fromkeys(problem for problem in problems if problem))
    more = len(rows) - limit
    return "; ".join(rows[:limit]) + (f"; and {more} more" if more > 0 else "")
