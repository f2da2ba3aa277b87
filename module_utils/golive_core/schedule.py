"""When each request of a load test is to be sent, fixed before the first one is (open model).

A generator that waits for an answer before it sends the next request slows down with the server and never sees how long
users would have waited. Here the server has no influence on the schedule.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

ARRIVALS = ("constant", "poisson")
MAX_SECONDS = 600
MAX_REQUESTS = 1_000_000


def send_times(rate: float, seconds: float, arrivals: str = "constant", seed: int = 1) -> list[float]:
    """Return the intended send times in seconds from the start, ascending, all below `seconds`.

    :param rate: requests per second
    :param seconds: length of the schedule
    :param arrivals: `constant` (evenly spaced) or `poisson` (independent users; the count then varies around the mean)
    :param seed: the same seed gives the same schedule
    :raises ValueError: when the schedule would be empty or exceed the bounds
    """
    if arrivals not in ARRIVALS:
        raise ValueError(f"`arrivals` must be one of {', '.join(ARRIVALS)}, not {arrivals!r}")
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"a load test takes more than 0 and at most {MAX_SECONDS} s, not {seconds:g} s")
    if not 1 <= rate * seconds <= MAX_REQUESTS:
        raise ValueError(f"a load test sends 1 to {MAX_REQUESTS} requests, not {rate:g}/s x {seconds:g} s")
    if arrivals == "constant":
        return [number / rate for number in range(round(rate * seconds))]
    chance = random.Random(seed)
    times: list[float] = []
    now = chance.expovariate(rate)
    while now < seconds and len(times) < MAX_REQUESTS:
        times.append(now)
        now += chance.expovariate(rate)
    return times


def choices(weights: Sequence[float], count: int, seed: int = 1) -> list[int]:
    """Return, for each of `count` requests, the index of the endpoint that it asks.

    :param weights: relative frequency of each endpoint
    :raises ValueError: when a weight is negative or all are 0
    """
    if not weights or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError("the weights of the endpoints must not be negative, and one of them must be above 0")
    return random.Random(seed).choices(range(len(weights)), weights, k=count)
