"""A synthetic season: invented teams, a double round robin, scores drawn with a fixed seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp
from random import Random
from typing import NamedTuple

SOURCE = "synthetic"
SEASON = "2026"
FINISHED_ROUNDS = 30  # of 38: 300 matches with a score, 80 to come
TEAMS = (
    "Ashby Rovers", "Brackwater", "Calder Vale", "Dunmoor Athletic", "Eastholt", "Fernley City", "Grantham Cross",
    "Harrow Bridge", "Inverloch", "Jarrowby", "Kingsmere", "Larkhill United", "Merrow Park", "Northport",
    "Oakhampton", "Pendle Wanderers", "Quayside", "Redmarsh", "Stonebeck", "Thornwick",
)  # fmt: skip
_START = datetime(2026, 5, 2, 15, 0, tzinfo=UTC)
_SEED = 20260502


class Match(NamedTuple):
    """A match of the season; teams are numbered from 1, goals are None until it is finished."""

    id: int
    round: int
    kickoff_at: datetime
    home: int
    away: int
    home_goals: int | None
    away_goals: int | None


def matches() -> list[Match]:
    """Return the season's 380 matches in the order of their rounds; always the same ones."""
    random = Random(_SEED)
    teams = range(1, len(TEAMS) + 1)
    attack = {team: random.uniform(0.6, 1.6) for team in teams}
    defence = {team: random.uniform(0.6, 1.6) for team in teams}
    season = []
    for number, (round_, home, away) in enumerate(_fixtures(), 1):
        home_goals = _draw(random, 1.5 * attack[home] * defence[away])
        away_goals = _draw(random, 1.15 * attack[away] * defence[home])
        finished = round_ <= FINISHED_ROUNDS
        season.append(
            Match(
                id=number,
                round=round_,
                kickoff_at=_START + timedelta(weeks=round_ - 1),
                home=home,
                away=away,
                home_goals=home_goals if finished else None,
                away_goals=away_goals if finished else None,
            )
        )
    return season


def _fixtures() -> list[tuple[int, int, int]]:
    """Return (round, home, away) by the circle method; the second half swaps home and away."""
    size = len(TEAMS)
    first_half = []
    for round_ in range(size - 1):
        circle = [1, *((round_ + place) % (size - 1) + 2 for place in range(size - 1))]
        for place in range(size // 2):
            pair = circle[place], circle[-1 - place]
            home, away = pair if (place or round_) % 2 else pair[::-1]  # evens out home and away
            first_half.append((round_ + 1, home, away))
    return first_half + [(round_ + size - 1, away, home) for round_, home, away in first_half]


def _draw(random: Random, mean: float) -> int:
    """Draw from a Poisson distribution (Knuth, The Art of Computer Programming, volume 2, 3.4.1)."""
    goals, product = 0, random.random()
    while product > exp(-mean):
        goals += 1
        product *= random.random()
    return goals
