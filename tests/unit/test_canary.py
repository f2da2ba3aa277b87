"""What the edge's log tells of a canary, and what is concluded from it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from golive_core import canary
from golive_core.canary import BLOCK_SECONDS, Limits, Row, Tally, least_draws, more_errors, slower
from golive_core.judge import FAIL, NO_EVIDENCE, PASS, Verdict, judge
from golive_core.measurement import Measurement, measurement, read_samples
from golive_core.watch_log import Line, read_line
from support import NOW

LIMITS = Limits(0.05, 2.0)
ERRORS = {"beside": "errors", "margin": 0.01}
LATENCY = {"beside": "latency", "margin": 0.25, "floor": 0.01}


def line(colour: str, choice: str = "drawn", *, error: bool = False, seconds: float = 0.02, own: bool = True) -> Line:
    return Line(colour, 500 if error else 200, error, seconds, own, choice)


def tally(*rows: Line, by: str = "cookie", every: float = 0.05) -> Tally:
    """A tally for green that saw these, one after the other."""
    found = Tally("green", by, LIMITS)
    for number, row in enumerate(rows):
        found.enter(row, number * every)
    return found


def served(n: int, share: float, *, bad: float = 0.0, slow: float = 0.0, seed: int = 1) -> Tally:
    """A tally of n drawn requests, of which the canary fails and dawdles as told; the old version is sound."""
    dice = random.Random(seed)
    rows = []
    for _ in range(n):
        new = dice.random() < share
        seconds = 0.02 * dice.lognormvariate(0, 0.4) + (0.2 if new and dice.random() < slow else 0.0)
        rows.append(line("green" if new else "blue", error=new and dice.random() < bad, seconds=seconds))
    return tally(*rows)


def verdict(rule: dict[str, Any], seen: Measurement) -> Verdict:
    return judge({"id": "release.canary", "judge": rule}, seen, NOW, host="edge1")


def judged(rule: dict[str, Any], found: Tally, metric: str) -> Verdict:
    return verdict(rule, found.measure("release.canary", metric, len(found.rows) * BLOCK_SECONDS))


# --- the log


@pytest.mark.parametrize(("said", "choice"), [("drawn", "drawn"), ("kept", "kept"), (None, ""), ("", ""), ("-", "")])
def test_a_line_tells_how_its_colour_came_about(said: str | None, choice: str) -> None:
    row = {"colour": "green", "status": 200, "state": "--", "queue_ms": 0, "connect_ms": 1, "answer_ms": 9}
    found = read_line(json.dumps(row | {"agent": "x", "choice": said}).encode())
    assert found
    assert found.choice == choice


def test_only_draws_count_for_the_share_and_whoever_was_drawn_for_the_rest() -> None:
    found = tally(line("green"), line("blue"), line("green", "kept"), line("green", "chosen"), line("blue", ""))
    assert (found.draws, found.hits, found.requests) == (2, 1, (1, 2))


def test_by_header_only_who_asked_counts_and_nobody_else_may_get_it() -> None:
    found = tally(line("green", "asked"), line("blue", ""), line("green", "chosen"), line("green", ""), by="header")
    assert (found.draws, found.hits, found.strays, found.requests) == (1, 1, 1, (1, 2))
    seen = found.measure("x", "share", 5)
    assert seen["failures"] == 1
    assert "without asking" in seen["observed"]


def test_users_of_the_canary_are_told_from_our_own_requests() -> None:
    assert tally(line("green"), line("green", own=False), line("blue", own=False)).users == 1


def test_latencies_are_a_fair_sample_in_the_order_of_time_where_there_are_many() -> None:
    found = tally(*(line("green", seconds=float(number)) for number in range(3 * canary.MOST_LATENCIES)))
    _, new = canary.read_latencies(read_samples(found.measure("x", "latency", 60)["samples"]))
    assert len(new) == canary.MOST_LATENCIES
    assert new == sorted(new)
    assert sum(new) / len(new) == pytest.approx(1.5 * canary.MOST_LATENCIES, rel=0.03)


# --- harm


def test_harm_beyond_doubt_is_seen_and_says_what() -> None:
    assert "requests failed or took more than 2 s" in served(600, 0.2, bad=0.5).harm(60)


def test_what_both_versions_suffer_from_is_not_the_canarys_harm() -> None:
    rows = [line(colour, error=number % 3 == 0) for number in range(300) for colour in ("blue", "green")]
    assert tally(*rows).harm(60) == ""


def test_a_canary_that_hangs_does_harm_too() -> None:
    rows = [line("green", seconds=5.0) if number % 5 == 0 else line("blue") for number in range(300)]
    assert tally(*rows).harm(60)


def test_few_requests_show_no_harm() -> None:
    assert tally(*[line("green", error=True)] * 20, *[line("blue")] * 200).harm(60) == ""


def test_looking_all_the_time_does_not_find_harm_in_a_sound_canary() -> None:
    ended = 0
    for seed in range(40):
        dice, found = random.Random(seed), Tally("green", "cookie", LIMITS)
        for number in range(1200):
            row = line("green" if dice.random() < 0.2 else "blue", error=dice.random() < 0.05)
            found.enter(row, number / 20)
            if number % 100 == 99 and found.harm(12):
                ended += 1
                break
    assert ended <= 2


# --- the share


@pytest.mark.parametrize(
    ("n", "hits", "declared", "wanted"),
    [
        (1200, 240, 0.20, PASS),
        (1200, 275, 0.20, PASS),
        (1200, 60, 0.20, FAIL),
        (1200, 0, 0.20, FAIL),
        (1200, 600, 0.20, FAIL),
        (30, 6, 0.20, NO_EVIDENCE),
        (300, 300, 1, PASS),
        (300, 299, 1, FAIL),
    ],
)
def test_the_share_that_was_served_is_the_declared_one(n: int, hits: int, declared: float, wanted: str) -> None:
    found = Tally("green", "header" if declared == 1 else "random", LIMITS)
    found.draws, found.hits = n, hits
    rule = {"within": declared, "confidence": 0.999, "min_samples": 200}
    assert judged(rule, found, "share")["verdict"] == wanted


def test_a_share_needs_so_many_draws_that_none_would_be_seen() -> None:
    n = least_draws(0.05, 0.999)
    assert 0.95**n <= 0.0005 < 0.95 ** (n - 1)
    found = Tally("green", "random", LIMITS)
    found.draws = n - 1
    assert f"needs {n} draws" in judged({"within": 0.05, "confidence": 0.999}, found, "share")["message"]


def test_who_got_the_canary_without_asking_fails_the_share() -> None:
    found = Tally("green", "header", LIMITS)
    found.draws, found.hits, found.strays = 300, 300, 2
    assert judged({"within": 1, "min_samples": 200}, found, "share")["verdict"] == FAIL


# --- errors and latency


@pytest.mark.parametrize(
    ("n", "bad", "wanted"), [(6000, 0.0, PASS), (6000, 0.10, FAIL), (600, 0.0, NO_EVIDENCE), (600, 0.30, FAIL)]
)
def test_errors_of_the_canary(n: int, bad: float, wanted: str) -> None:
    found = judged(ERRORS, served(n, 0.2, bad=bad), "errors")
    assert found["verdict"] == wanted, found["message"]


@pytest.mark.parametrize(
    ("n", "slow", "wanted"), [(6000, 0.0, PASS), (6000, 0.10, FAIL), (600, 0.0, NO_EVIDENCE), (600, 0.5, FAIL)]
)
def test_latency_of_the_canary(n: int, slow: float, wanted: str) -> None:
    found = judged(LATENCY, served(n, 0.2, slow=slow), "latency")
    assert found["verdict"] == wanted, found["message"]


@pytest.mark.parametrize("rule", [ERRORS, LATENCY])
def test_without_a_request_of_one_version_there_is_no_evidence(rule: dict[str, Any]) -> None:
    found = judged(rule, tally(*[line("blue")] * 900), rule["beside"])
    assert found["verdict"] == NO_EVIDENCE
    assert "had 0 beside 900" in found["message"]


def test_errors_in_bursts_are_worth_less() -> None:
    spread = [Row(100, 0, 25, 1)] * 24
    bursts = [Row(100, 0, 25, 12)] * 2 + [Row(100, 0, 25, 0)] * 22
    one, two = more_errors(spread, 0.95), more_errors(bursts, 0.95)
    assert one.estimate == two.estimate
    assert (two.upper or 0) > (one.upper or 1)


@pytest.mark.parametrize(
    ("rule", "samples"),
    [(ERRORS, "1 2 3"), (ERRORS, "1 2 3 4"), (LATENCY, "0 0.1 2 0.1"), (LATENCY, "0 0.1 1"), (LATENCY, "1 -1 0 1")],
)
def test_samples_of_something_else_are_no_evidence(rule: dict[str, Any], samples: str) -> None:
    found = verdict(rule, measurement("x", n=900, samples=read_samples(samples), seconds=60))
    assert found["verdict"] == NO_EVIDENCE
    assert "samples are no" in found["message"]


def test_a_canary_that_is_worse_by_the_margin_seldom_passes() -> None:
    dice, passed = random.Random(4), 0
    for _ in range(120):
        old = [dice.lognormvariate(0, 0.5) for _ in range(2000)]
        new = [1.25 * dice.lognormvariate(0, 0.5) for _ in range(500)]
        upper = slower(old, new, 60, 0.95).upper
        passed += upper is not None and upper < 1.25
    assert passed <= 10


def test_a_canary_that_is_no_worse_mostly_passes() -> None:
    dice, passed = random.Random(5), 0
    for _ in range(30):
        old = [dice.lognormvariate(0, 0.4) for _ in range(4000)]
        new = [dice.lognormvariate(0, 0.4) for _ in range(1000)]
        upper = slower(old, new, 300, 0.95).upper
        passed += upper is not None and upper < 1.25
    assert passed > 24
