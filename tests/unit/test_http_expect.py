"""What makes an answer right, and what a wrong one tells."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golive_core.expect import expectation, look_up, problems, telling
from golive_core.http import Answer

HEALTH = {
    "status": "up",
    "checks": {"database": {"status": "up", "ms": 3}, "cache": {"ok": True}},
    "items": [{"id": 7}],
}


def answer(status: int = 200, body: Any = b"", seconds: float = 0.01, **headers: str) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, [(name.replace("_", "-"), value) for name, value in headers.items()], data, seconds)


@pytest.mark.parametrize(
    ("path", "value"), [("status", "up"), ("checks.database.status", "up"), ("items.0.id", 7), ("items.-1.id", 7)]
)
def test_a_path_leads_into_json(path: str, value: Any) -> None:
    assert look_up(HEALTH, path) == value


@pytest.mark.parametrize(
    ("path", "missing"), [("nothing", "nothing"), ("checks.queue.status", "checks.queue"), ("items.1.id", "items.1")]
)
def test_a_path_that_leads_nowhere_names_the_part_that_is_not_there(path: str, missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        look_up(HEALTH, path)


@pytest.mark.parametrize(
    ("wanted", "seen", "wrong"),
    [
        ({}, answer(200), []),
        ({}, answer(301), ["answered 301"]),
        ({"status": [200, 301]}, answer(301), []),
        ({"status": "401"}, answer(401), []),
        ({"json": {"checks.database.status": "up"}}, answer(200, HEALTH), []),
        ({"json": {"status": "down"}}, answer(200, HEALTH), ['status is "up"']),
        ({"json": {"checks.queue": 1}}, answer(200, HEALTH), ["the body has no checks.queue"]),
        ({"json": {"status": "up"}}, answer(200, b"<html>"), ["the body is not JSON"]),
        ({"json": {"status": "up"}}, answer(200, b"[" * 100_000), ["the body is not JSON"]),
        ({"json": {"checks.cache.ok": 1}}, answer(200, HEALTH), ["checks.cache.ok is true"]),
        ({"json": {"checks.cache.ok": True}}, answer(200, HEALTH), []),
        ({"contains": "tour"}, answer(200, b"detour"), []),
        ({"contains": "tour"}, answer(200, b""), ['"tour" is not in the body']),
        ({"headers": {"X-A": "1"}}, answer(200, x_a="1"), []),
        ({"headers": {"X-A": r"max-age=\d{8}"}}, answer(200, x_a="max-age=31536000; x"), []),
        ({"headers": {"X-A": "a+b"}}, answer(200, x_a="a+b"), []),
        ({"headers": {"X-A": "2"}}, answer(200, x_a="1"), ['header X-A is "1"']),
        ({"headers": {"X-A": "."}}, answer(200), ["header X-A is missing"]),
        ({"headers": {"Server": None}}, answer(200), []),
        ({"headers": {"Server": None}}, answer(200, server="x/1"), ['header Server is there ("x/1")']),
        ({"max_seconds": 0.1}, answer(seconds=0.05), []),
        ({"max_seconds": 0.1}, answer(seconds=0.2), ["took longer than 100 ms"]),
        (
            {"contains": "x", "max_seconds": 0.1},
            answer(503, seconds=1),
            ["answered 503", '"x" is not in the body', "took longer than 100 ms"],
        ),
    ],
)
def test_an_answer_is_compared_with_what_was_expected(wanted: dict[str, Any], seen: Answer, wrong: list[str]) -> None:
    assert problems(seen, expectation(wanted)) == wrong


def test_what_is_wanted_reads_as_a_sentence() -> None:
    wanted = {
        "status": [200, 204],
        "json": {"a.b": "up"},
        "contains": "x",
        "headers": {"A": "1", "B": None},
        "max_seconds": 0.1,
    }
    assert str(expectation(wanted)) == '200 or 204, a.b = "up", "x" in the body, A: 1, no B, within 100 ms'


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"stauts": 200}, "`stauts`"),
        ({"status": "up"}, "`status`"),
        ({"status": 999}, "`status`"),
        ({"status": []}, "`status`"),
        ({"headers": {"A": "("}}, "`headers.A`"),
        ({"max_seconds": "soon"}, "`max_seconds`"),
    ],
)
def test_a_bad_expectation_is_named(wanted: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        expectation(wanted)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"checks": {"database": {"status": "down", "error": "refused data1:5432"}}}, 'database: "refused data1:5432"'),
        ({"detail": "no token"}, '"no token"'),
        (
            {"status": "down", "checks": {"database": {"status": "down"}, "cache": {"status": "up"}}},
            'checks.database is "down"',
        ),
        ({"ready": False}, "ready is false"),
        ({"status": "up"}, ""),
        ([{"status": "up"}, {"status": "late"}], '1 is "late"'),
        (b"<html><head><title>502 Bad\n Gateway</title></head></html>", "502 Bad Gateway"),
        (b"upstream timed out\nsecond line", "upstream timed out"),
        (b"\x1b[31mred\x1b[0m", "[31mred [0m"),
        (b"", ""),
        (b"x" * 1_000, "x" * 119 + "…"),
        ({"a": {"b": {"error": ""}}}, ""),
    ],
)
def test_the_most_telling_part_of_a_body_is_found(body: Any, said: str) -> None:
    assert telling(answer(500, body).body) == said
