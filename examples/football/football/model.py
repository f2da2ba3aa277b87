"""Poisson goals with attack and defence strengths (Maher 1982, "Modelling association football scores").

A team's goals are Poisson with mean: league rate x own attack x the other's defence, and for the home team x home
advantage. Strengths average about 1 and are pulled towards it by PRIOR_GOALS, so that a few matches prove little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal, NamedTuple

Outcome = Literal["home", "draw", "away"]

PRIOR_GOALS = 8.0
MAX_GOALS = 20  # more than that has a chance below 1e-9 at any mean a league sees; the rest is scaled away
_ROUNDS = 200
_TOLERANCE = 1e-10


class Result(NamedTuple):
    """A finished match, teams by id."""

    home: int
    away: int
    home_goals: int
    away_goals: int


class Probabilities(NamedTuple):
    """Chances of the three outcomes; they sum to 1."""

    home: float
    draw: float
    away: float

    @property
    def outcome(self) -> Outcome:
        """The likeliest outcome; of equals the first in the order home, draw, away."""
        names: tuple[Outcome, ...] = ("home", "draw", "away")
        return names[self.index(max(self))]


def outcome_of(home_goals: int, away_goals: int) -> Outcome:
    """Return which outcome a score is."""
    if home_goals == away_goals:
        return "draw"
    return "home" if home_goals > away_goals else "away"


@dataclass(frozen=True)
class Model:
    """A fitted model; a team it never saw counts as average."""

    home_rate: float
    away_rate: float
    attack: dict[int, float]
    defence: dict[int, float]

    def predict(self, home: int, away: int) -> Probabilities:
        """Return the chances of a match between two teams, by id."""
        home_goals = _poisson(self.home_rate * self.attack.get(home, 1.0) * self.defence.get(away, 1.0))
        away_goals = _poisson(self.away_rate * self.attack.get(away, 1.0) * self.defence.get(home, 1.0))
        draw = home_win = 0.0
        conceded_fewer = 0.0  # chance that the away team scores fewer than `goals`
        for ours, theirs in zip(home_goals, away_goals, strict=True):
            draw += ours * theirs
            home_win += ours * conceded_fewer
            conceded_fewer += theirs
        away_win = sum(home_goals) * sum(away_goals) - draw - home_win
        total = home_win + draw + away_win
        return Probabilities(home_win / total, draw / total, away_win / total)


def fit(results: Sequence[Result]) -> Model:
    """Fit the model by iterative scaling; the same results in any order give the same model.

    :raises ValueError: without any result
    """
    if not results:
        raise ValueError("no finished match to learn from")
    ordered = sorted(results)
    # Half a goal more on either side keeps the rates above zero in a league of goalless matches.
    home_rate = (sum(result.home_goals for result in ordered) + 0.5) / len(ordered)
    away_rate = (sum(result.away_goals for result in ordered) + 0.5) / len(ordered)
    scored: defaultdict[int, float] = defaultdict(lambda: PRIOR_GOALS)
    conceded: defaultdict[int, float] = defaultdict(lambda: PRIOR_GOALS)
    for home, away, home_goals, away_goals in ordered:
        scored[home] += home_goals
        scored[away] += away_goals
        conceded[home] += away_goals
        conceded[away] += home_goals
    attack = dict.fromkeys(scored, 1.0)
    defence = dict.fromkeys(scored, 1.0)
    for _ in range(_ROUNDS):
        before = attack
        attack = {team: scored[team] / due for team, due in _due(ordered, home_rate, away_rate, defence).items()}
        defence = {team: conceded[team] / due for team, due in _due(ordered, away_rate, home_rate, attack).items()}
        if max(abs(attack[team] - before[team]) for team in attack) < _TOLERANCE:
            break
    return Model(home_rate, away_rate, attack, defence)


def _due(results: Sequence[Result], at_home: float, away_from_home: float, other: dict[int, float]) -> dict[int, float]:
    """Return the goals that each team was due, were its own strength 1, given the strengths of the `other` side."""
    due: defaultdict[int, float] = defaultdict(lambda: PRIOR_GOALS)
    for result in results:
        due[result.home] += at_home * other[result.away]
        due[result.away] += away_from_home * other[result.home]
    return due


def _poisson(mean: float) -> list[float]:
    """Return the chances of 0, 1, ... MAX_GOALS."""
    chances = [exp(-mean)]
    for goals in range(1, MAX_GOALS + 1):
        chances.append(chances[-1] * mean / goals)
    return chances
