"""How soon the old colour answers again, and whether the load saw the switches."""

from __future__ import annotations

import pytest
from golive_core.measurement import utc
from golive_core.rehearsal import Asked, Turn, answered, back_seconds, covered, seconds_until


def asked(*rows: tuple[float, str]) -> list[Asked]:
    """Requests that took 10 ms each."""
    return [Asked(began, began + 0.01, colour, "") for began, colour in rows]


def test_the_time_is_that_from_the_decision_to_the_first_answer_of_the_wanted_colour() -> None:
    rows = asked((9.99, "green"), (10.02, "green"), (10.04, "blue"), (10.06, "blue"))
    assert seconds_until(Turn(10.0, "blue"), rows, 11.0) == pytest.approx(0.05)


def test_an_answer_of_the_other_colour_in_between_is_not_passed_over() -> None:
    rows = asked((10.02, "blue"), (10.5, "green"), (10.52, "blue"))
    assert seconds_until(Turn(10.0, "blue"), rows, 11.0) == pytest.approx(0.53)


def test_what_began_before_the_decision_or_after_the_next_one_does_not_count() -> None:
    rows = asked((9.999, "green"), (10.02, "blue"), (11.01, "green"))
    assert seconds_until(Turn(10.0, "blue"), rows, 11.0) == pytest.approx(0.03)
    assert seconds_until(Turn(10.0, "blue"), asked((10.1, "green")), 11.0) is None


def test_the_slowest_way_back_is_the_value_and_ways_there_do_not_count() -> None:
    turns = [Turn(1, "green"), Turn(2, "blue"), Turn(3, "green"), Turn(4, "blue")]
    rows = asked((1.9, "green"), (2.1, "blue"), (3.9, "green"), (4.3, "blue"))
    seen = back_seconds("x", turns, rows, "blue", 5)
    assert (seen["n"], seen["failures"], seen["value"]) == (2, 0, pytest.approx(0.31))


def test_a_way_back_that_never_came_is_a_failure_without_a_value() -> None:
    turns = [Turn(1, "green"), Turn(2, "blue")]
    seen = back_seconds("x", turns, asked((2.1, "green")), "blue", 3)
    assert (seen["failures"], seen["value"]) == (1, None)
    assert "1 of 1 times blue did not answer again" in seen["observed"]


def test_lost_requests_are_told_with_who_lost_them() -> None:
    seen = answered("x", [Asked(1, 2, "green", "503 from green"), *asked((1, "blue"))])
    assert (seen["n"], seen["failures"], seen["observed"]) == (2, 1, "503 from green")


@pytest.mark.parametrize(
    ("began", "seconds", "invalid"),
    [(100, 14, False), (103.9, 14, True), (100, 9, True)],
    ids=["around", "late", "short"],
)
def test_a_load_that_missed_a_switch_proves_nothing(began: float, seconds: float, invalid: bool) -> None:
    rows = [
        {"id": "lost", "invalid": "", "started": utc(began), "seconds": seconds},
        {"id": "seconds", "invalid": "", "started": utc(104), "seconds": 6.0},
    ]
    assert bool(covered(rows, "lost", "seconds")[0]["invalid"]) == invalid


def test_a_load_without_any_switch_proves_nothing() -> None:
    rows = [{"id": "lost", "invalid": "", "started": utc(100), "seconds": 14.0}]
    assert covered(rows, "lost", "seconds")[0]["invalid"]
