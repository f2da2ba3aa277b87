"""What counts as a right answer, and what proves nothing."""

from __future__ import annotations

from typing import Literal

import pytest
from golive_core.answers import Answer, measure
from golive_core.measurement import read_samples
from golive_core.sqlstate import is_refusal, login_sqlstate

ANSWERED = Answer("answered", "on")
REFUSED = Answer("refused", "42501 permission denied")
FAILED = Answer("failed", "42P01 no such table")
DOWN = Answer("unreachable", "connection refused")


@pytest.mark.parametrize(
    ("expect", "value", "answer", "failures", "valid"),
    [
        ("ok", "", ANSWERED, 0, True),
        ("ok", "", REFUSED, 1, True),
        ("ok", "", DOWN, 1, True),
        ("refused", "", REFUSED, 0, True),
        ("refused", "", ANSWERED, 1, True),
        ("refused", "", FAILED, 1, False),
        ("refused", "", DOWN, 1, False),
        ("value", "on", ANSWERED, 0, True),
        ("value", "off", ANSWERED, 1, True),
        ("value", "on", DOWN, 1, True),
    ],
)
def test_only_what_was_wanted_is_right_and_only_a_refusal_is_one(
    expect: Literal["ok", "refused", "value"], value: str, answer: Answer, failures: int, valid: bool
) -> None:
    seen = measure("g.x", "x at y", lambda: answer, expect, value)
    assert (seen["n"], seen["failures"], not seen["invalid"]) == (1, failures, valid)
    assert answer.text in seen["observed"]


def test_one_answer_among_refusals_is_a_failure_with_the_answer_named() -> None:
    answers = iter([REFUSED, ANSWERED, REFUSED])
    seen = measure("g.x", "x at y", lambda: next(answers), "refused", samples=3)
    assert (seen["n"], seen["failures"], seen["invalid"]) == (3, 1, "")
    assert "answered: on" in seen["observed"]
    assert len(read_samples(seen["samples"])) == 3


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('FATAL:  password authentication failed for user "a"', "28P01"),
        ("fe_sendauth: no password supplied", "28P01"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "a", database "b", SSL encryption', "28000"),
        ('FATAL:  pg_hba.conf rejects connection for host "10.0.0.1"', "28000"),
        ("FATAL:  the database system is starting up", "FATAL"),
        ("could not connect to server: Connection refused", ""),
        ("SSL error: certificate verify failed", ""),
    ],
)
def test_a_login_that_fails_is_read_from_the_sentence(message: str, code: str) -> None:
    assert login_sqlstate(message) == code


def test_a_refusal_is_of_login_or_privilege_unless_one_code_is_wanted() -> None:
    assert [is_refusal(code) for code in ("28P01", "28000", "42501", "42P01", "FATAL")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not is_refusal("28P01", wanted="42501")
