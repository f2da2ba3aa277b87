"""When each request of a load test is to be sent, fixed before the first one is (open model).

A generator that waits for an answer before it sends the next request slows down with the server and never sees how long
users would have waited. Here the server has no influence on the schedule.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

ARRIVALS = ("constant", "poisson", "ramp", "step")
MAX_SECONDS = 600
MAX_REQUESTS = 1_000_000
MAX_STEPS = 100


def send_times(
    rate: float,
    seconds: float,
    arrivals: str = "constant",
    seed: int = 1,
    *,
    end_rate: float = 0.0,
    steps: int = 5,
    warmup: float = 0.0,
) -> list[float]:
    """Return the intended send times in seconds from the start, ascending, all below `warmup + seconds`.

    :param rate: requests per second, for `ramp` and `step` those at the start
    :param seconds: length of the schedule without its warm-up
    :param arrivals: `constant` (evenly spaced), `poisson` (independent users; the count then varies around the mean),
        `ramp` (the rate moves evenly from `rate` to `end_rate`) or `step` (it does so in `steps` equally long stairs)
    :param seed: the same seed gives the same schedule
    :param warmup: seconds beforehand at `rate`
    :raises ValueError: when the schedule would be empty or exceed the bounds
    """
    if arrivals not in ARRIVALS:
        raise ValueError(f"`arrivals` must be one of {', '.join(ARRIVALS)}, not {arrivals!r}")
    whole = warmup + seconds
    if not 0 < whole <= MAX_SECONDS:
        raise ValueError(f"a load test takes more than 0 and at most {MAX_SECONDS} s, not {whole:g} s")
    shaped = arrivals in ("ramp", "step")
    if shaped and not (rate > 0 and 0 < end_rate < math.inf):
        raise ValueError(f"`rate` and `end_rate` of a {arrivals} must be above 0, not {rate:g}/s and {end_rate:g}/s")
    if arrivals == "step" and not 2 <= steps <= MAX_STEPS:
        raise ValueError(f"`steps` must be from 2 to {MAX_STEPS}, not {steps}")
    count = rate * warmup + (rate + end_rate) / 2.0 * seconds if shaped else rate * whole
    if not 1 <= count <= MAX_REQUESTS:
        what = f"{rate:g}/s to {end_rate:g}/s" if shaped else f"{rate:g}/s"
        raise ValueError(f"a load test sends 1 to {MAX_REQUESTS} requests, not {what} x {whole:g} s")
    if arrivals == "poisson":
        return _poisson(rate, whole, seed)
    if not shaped:
        return [number / rate for number in range(round(rate * whole))]
    before = [number / rate for number in range(round(rate * warmup))]
    if arrivals == "ramp":
        times = _ramp(rate, end_rate, seconds)
    else:
        stair, width = seconds / steps, (end_rate - rate) / (steps - 1)
        rates = [rate + width * number for number in range(steps)]
        times = [
            number * stair + request / each
            for number, each in enumerate(rates)
            for request in range(round(each * stair))
        ]
    return before + [warmup + time for time in times]


def _poisson(rate: float, seconds: float, seed: int) -> list[float]:
    chance = random.Random(seed)
    times: list[float] = []
    now = chance.expovariate(rate)
    while now < seconds and len(times) < MAX_REQUESTS:
        times.append(now)
        now += chance.expovariate(rate)
    return times


def _ramp(rate: float, end_rate: float, seconds: float) -> list[float]:
    """Return where the number of requests sent so far, rate * t + growth * t^2 / 2, is 0, 1, 2, ..."""
    growth = (end_rate - rate) / seconds
    count = round((rate + end_rate) / 2.0 * seconds)
    # This form of the solution also holds for a growth of 0, and subtracts no near numbers.
    return [2.0 * k / (rate + math.sqrt(max(rate * rate + 2.0 * growth * k, 0.0))) for k in range(count)]


def choices(weights: Sequence[float], count: int, seed: int = 1) -> list[int]:
    """Return, for each of `count` requests, the index of the endpoint that it asks.

    :param weights: relative frequency of each endpoint
    :raises ValueError: when a weight is negative or all are 0
    """
    if not weights or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError("the weights of the endpoints must not be negative, and one of them must be above 0")
    return random.Random(seed).choices(range(len(weights)), weights, k=count)
