"""The model: probabilities, fit, and the synthetic season."""

from collections import Counter
from itertools import permutations

import pytest

from football import season
from football.model import MAX_GOALS, Probabilities, Result, fit, outcome_of

RESULTS = [
    Result(match.home, match.away, match.home_goals, match.away_goals)
    for match in season.matches()
    if match.home_goals is not None and match.away_goals is not None
]
MODEL = fit(RESULTS)


def test_probabilities_of_every_pair_sum_to_one() -> None:
    for home, away in permutations(range(1, 21), 2):
        chances = MODEL.predict(home, away)
        assert sum(chances) == pytest.approx(1, abs=1e-9)
        assert min(chances) > 0


def test_the_better_team_is_favoured() -> None:
    results = [Result(1, 2, 4, 0), Result(2, 1, 0, 3)] * 10 + [Result(3, 4, 1, 1), Result(4, 3, 1, 1)] * 10
    model = fit(results)
    assert model.predict(1, 2).outcome == "home"
    assert model.predict(2, 1).outcome == "away"
    assert model.predict(1, 2).home > model.predict(3, 4).home > model.predict(2, 1).home
    assert model.attack[1] > model.attack[3] > model.attack[2]
    assert model.defence[1] < model.defence[3] < model.defence[2]


def test_playing_at_home_helps() -> None:
    results = [Result(home, away, 2, 1) for home, away in permutations((1, 2, 3), 2)] * 5
    chances = fit(results).predict(1, 2)
    assert chances.home > chances.away


def test_the_fit_does_not_depend_on_the_order_of_results() -> None:
    assert fit(RESULTS[::-1]) == MODEL == fit(RESULTS)


def test_expected_goals_meet_the_goals_scored() -> None:
    """At the maximum of the likelihood, with its prior, each team's due goals equal its scored ones."""
    for team in (1, 10, 20):
        scored = due = 0.0
        for result in RESULTS:
            if result.home == team:
                scored += result.home_goals
                due += MODEL.home_rate * MODEL.attack[team] * MODEL.defence[result.away]
            elif result.away == team:
                scored += result.away_goals
                due += MODEL.away_rate * MODEL.attack[team] * MODEL.defence[result.home]
        assert due - scored == pytest.approx(8 * (1 - MODEL.attack[team]), abs=1e-6)


def test_an_unknown_team_counts_as_average() -> None:
    assert MODEL.predict(998, 999).home > MODEL.predict(998, 999).away


def test_the_cut_at_max_goals_costs_nothing() -> None:
    assert MAX_GOALS == 20
    assert max(MODEL.home_rate * a * d for a in MODEL.attack.values() for d in MODEL.defence.values()) < 6


def test_no_result_no_model() -> None:
    with pytest.raises(ValueError, match="no finished match"):
        fit([])


def test_goalless_league() -> None:
    chances = fit([Result(1, 2, 0, 0), Result(2, 1, 0, 0)]).predict(1, 2)
    assert chances.outcome == "draw"
    assert sum(chances) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("chances", "outcome"),
    [((0.5, 0.3, 0.2), "home"), ((0.2, 0.5, 0.3), "draw"), ((0.2, 0.3, 0.5), "away"), ((0.4, 0.2, 0.4), "home")],
)
def test_outcome_is_the_likeliest(chances: tuple[float, float, float], outcome: str) -> None:
    assert Probabilities(*chances).outcome == outcome


@pytest.mark.parametrize(("goals", "outcome"), [((2, 1), "home"), ((1, 1), "draw"), ((0, 3), "away")])
def test_outcome_of_a_score(goals: tuple[int, int], outcome: str) -> None:
    assert outcome_of(*goals) == outcome


def test_the_season_is_a_double_round_robin() -> None:
    matches = season.matches()
    assert [match.id for match in matches] == list(range(1, 381))
    assert {(match.home, match.away) for match in matches} == set(permutations(range(1, 21), 2))
    for number in range(1, 39):
        teams = [team for match in matches if match.round == number for team in (match.home, match.away)]
        assert sorted(teams) == list(range(1, 21))
    assert Counter(match.home_goals is not None for match in matches) == {True: 300, False: 80}
    homes = Counter(match.home for match in matches[:190])
    assert set(homes.values()) <= {9, 10}


def test_the_season_is_always_the_same() -> None:
    assert season.matches() == season.matches()
