"""From measurement to verdict: every judge, every verdict, every sentence."""

from __future__ import annotations

import bisect
import math
import random
import re
from typing import Any

import numpy
import pytest
import scipy.stats
from golive_core import compare
from golive_core.judge import FAIL, NO_EVIDENCE, PASS, Verdict, blocks, judge, next_look, percent, quantity, read_rule
from golive_core.measurement import Measurement, measurement
from support import NOW

P95 = {"quantile": 0.95, "below": 0.5, "min_samples": 1_500}
ERRORS = {"share": "failures", "below": 0.01}
WAIVER = {"gate": "release.x", "reason": "known, JIRA-7", "who": "li", "until": "2026-11-30"}


def verdict(rule: Any, seen: Measurement | None, *waivers: dict[str, Any]) -> Verdict:
    return judge({"id": "release.x", "judge": rule}, seen, NOW, host="app2", waivers=waivers)


def seen(**values: Any) -> Measurement:
    return measurement("release.x", **{"n": 0, **values})


def latencies(n: int, slow: float, limit: float = 0.5) -> list[float]:
    """Return n latencies of which a share `slow` is above the limit, in random order."""
    rows = [limit * 1.4] * round(n * slow) + [limit * 0.8] * (n - round(n * slow))
    random.Random(1).shuffle(rows)
    return rows


# --- all_ok


def test_all_ok_passes_with_what_was_seen() -> None:
    told = verdict({"all_ok": True, "min_samples": 5}, seen(n=5, observed="/health/ was right in 5 of 5 tries"))
    assert (told["verdict"], told["message"]) == (PASS, "/health/ was right in 5 of 5 tries")
    assert not blocks(told)


def test_all_ok_fails_for_one_failure_whatever_the_minimum() -> None:
    told = verdict({"all_ok": True, "min_samples": 5}, seen(n=2, failures=1, observed="503", expected="200"))
    assert (told["verdict"], told["message"]) == (FAIL, "503 (wanted 200)")
    assert blocks(told)


def test_all_ok_without_a_word_from_the_probe_still_says_what_happened() -> None:
    assert verdict({"all_ok": True}, seen(n=3, failures=1))["message"] == "1 of 3 observations were wrong"
    assert verdict({"all_ok": True}, seen(n=3))["message"] == "3 of 3 observations were right"


@pytest.mark.parametrize(("n", "minimum"), [(4, 5), (0, 1)])
def test_all_ok_of_too_few_is_no_evidence(n: int, minimum: int) -> None:
    told = verdict({"all_ok": True, "min_samples": minimum}, seen(n=n))
    assert (told["verdict"], told["message"]) == (NO_EVIDENCE, f"needs {minimum} samples, had {n}")


# --- share


@pytest.mark.parametrize(
    ("n", "failures", "expected"),
    [(299, 0, PASS), (3_000, 10, PASS), (3_000, 60, FAIL), (3_000, 28, NO_EVIDENCE), (300, 300, FAIL)],
)
def test_share_is_judged_by_its_bounds(n: int, failures: int, expected: str) -> None:
    assert verdict(ERRORS, seen(n=n, failures=failures))["verdict"] == expected


def test_share_that_passes_says_the_bound() -> None:
    told = verdict(ERRORS, seen(n=3_000, failures=3, unit="s"))
    assert told["message"] == "3 of 3000 failed (0.1 %), at most 0.258 % at 95 % confidence (wanted below 1 %)"
    assert (told["value"], told["threshold"], told["unit"]) == (0.001, 0.01, "1")
    assert told["bound"] == pytest.approx(0.002583, abs=1e-6)


def test_share_that_fails_says_what_went_wrong() -> None:
    told = verdict(ERRORS, seen(n=3_000, failures=60, observed="status 503 x 60"))
    assert told["message"].endswith("at least 1.6 % at 95 % confidence (wanted below 1 %); status 503 x 60")


def test_share_between_says_how_many_more() -> None:
    message = verdict(ERRORS, seen(n=1_060, failures=6))["message"]
    more = re.search(r"undecided: about (\d+) more samples like these would pass", message)
    assert more is not None
    whole = 1_060 + int(more[1])
    assert scipy.stats.beta.ppf(0.95, 6 / 1_060 * whole + 1, whole - 6 / 1_060 * whole) < 0.01


def test_share_at_the_limit_says_that_more_will_not_help() -> None:
    message = verdict(ERRORS, seen(n=1_000, failures=10))["message"]
    assert message.endswith("undecided: no number of samples passes at this share")


def test_share_just_below_the_limit_says_that_more_will_hardly_help() -> None:
    message = verdict({**ERRORS, "min_samples": 10}, seen(n=1_000_000, failures=9_990))["message"]
    assert "too close to the limit" in message


def test_share_of_too_few_says_how_many_and_what_was_seen_of_them() -> None:
    told = verdict({**ERRORS, "min_samples": 1_500}, seen(n=300, failures=2))
    assert (told["verdict"], told["message"]) == (NO_EVIDENCE, "needs 1500 samples, had 300, of which 2 failed")


def test_failures_in_one_burst_are_worth_less_than_the_same_here_and_there() -> None:
    spread = verdict(ERRORS, seen(n=3_600, failures=18, samples=range(100, 3_700, 200)[:18], seconds=60))
    assert (spread["verdict"], "bursts" in spread["message"]) == (PASS, False)
    burst = verdict(ERRORS, seen(n=3_600, failures=18, samples=range(100, 118), seconds=60))
    assert burst["verdict"] == NO_EVIDENCE
    assert re.match(
        r"18 of 3600 failed \(0\.5 %\), in bursts and worth \d+ independent ones, between", burst["message"]
    )
    short = verdict(ERRORS, seen(n=3_600, failures=18, samples=range(100, 118), seconds=20))
    assert short["verdict"] == PASS  # too few blocks to know


@pytest.mark.parametrize("samples", [[1.0], [1.0, 3_600.0], [-1.0, 2.0], [1.5, 2.0], [2.0, 1.0], [1.0, 1.0]])
def test_numbers_of_failures_that_cannot_be_are_no_evidence(samples: list[float]) -> None:
    told = verdict(ERRORS, seen(n=3_600, failures=2, samples=samples, seconds=60))
    assert told["verdict"] == NO_EVIDENCE
    assert told["message"] == "the samples are not the numbers of the 2 failed among 3600 observations"


# --- quantile


@pytest.mark.parametrize(("slow", "expected"), [(0.03, PASS), (0.10, FAIL), (0.049, NO_EVIDENCE), (0.05, NO_EVIDENCE)])
def test_quantile_is_judged_by_its_bounds(slow: float, expected: str) -> None:
    told = verdict(P95, seen(n=3_000, samples=latencies(3_000, slow), unit="s", seconds=60))
    assert told["verdict"] == expected


def test_quantile_that_fails_says_measured_bound_and_wanted() -> None:
    told = verdict(P95, seen(n=3_000, samples=latencies(3_000, 0.1), unit="s", seconds=60, observed="no errors"))
    assert told["message"].startswith("P95 700 ms, bound 700 ms at 95 % confidence, n = 3000")
    assert told["message"].endswith("(wanted below 500 ms); no errors")


def test_quantile_between_says_how_many_more() -> None:
    told = verdict({**P95, "min_samples": 59}, seen(n=400, samples=latencies(400, 0.04), unit="s"))
    assert told["verdict"] == NO_EVIDENCE
    assert "bounds 400 ms and 700 ms" in told["message"]
    assert "more samples like these would pass" in told["message"]


def test_quantile_of_too_few_for_any_bound_is_undecided() -> None:
    told = verdict({**P95, "min_samples": 10}, seen(n=40, samples=[0.1] * 40, unit="s"))
    assert told["verdict"] == NO_EVIDENCE
    assert "bounds 100 ms and unknown" in told["message"]
    assert "about 19 more samples" in told["message"]


def test_quantile_needs_the_samples_that_the_gate_wants() -> None:
    told = verdict(P95, seen(n=300, samples=[0.1] * 300, unit="s"))
    assert (told["verdict"], told["message"]) == (NO_EVIDENCE, "needs 1500 samples, had 300")


def test_quantile_knows_a_burst_from_spread_out_slow_samples() -> None:
    burst = [0.7 if 1_000 <= number < 1_120 else 0.1 for number in range(3_000)]
    told = verdict(P95, seen(n=3_000, samples=burst, unit="s", seconds=60))
    assert told["verdict"] == NO_EVIDENCE
    assert "independent samples" in told["message"]
    assert verdict(P95, seen(n=3_000, samples=burst, unit="s", seconds=2))["verdict"] == PASS  # no time to tell


def test_quantile_without_samples_is_no_evidence_even_when_n_says_otherwise() -> None:
    assert verdict(P95, seen(n=5_000))["message"] == "needs 1500 samples, had 0"


# --- rate


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([60] * 60, PASS), ([60, 55, 58, 61] * 15, PASS), ([50] * 60, FAIL), ([20, 80] * 30, NO_EVIDENCE)],
)
def test_rate_is_judged_by_the_bounds_of_its_mean(counts: list[int], expected: str) -> None:
    told = verdict({"rate": True, "above": 50, "min_seconds": 60}, seen(n=60, samples=counts, unit="1/s"))
    assert told["verdict"] == expected


def test_rate_says_measured_and_wanted() -> None:
    told = verdict({"rate": True, "above": 50}, seen(n=60, samples=[60, 58] * 30, unit="1/s"))
    assert told["message"] == "mean 59/s over 60 s, at least 58.8/s at 95 % confidence (wanted above 50/s)"


def test_rate_of_too_short_a_time_is_no_evidence() -> None:
    told = verdict({"rate": True, "above": 50, "min_seconds": 60}, seen(n=5, samples=[60] * 5, unit="1/s"))
    assert (told["verdict"], told["message"]) == (NO_EVIDENCE, "needs 60 seconds, had 5")


# --- value


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"below": 2}, 1.9, PASS),
        ({"below": 2}, 2, FAIL),
        ({"above": 2}, 2.1, PASS),
        ({"above": 2}, 2, FAIL),
        ({"at_most": 2}, 2, PASS),
        ({"at_most": 2}, 2.1, FAIL),
        ({"at_least": 14}, 14, PASS),
        ({"at_least": "14"}, 13.9, FAIL),
        ({"equals": "1.4.0"}, "1.4.0", PASS),
        ({"equals": "1.4.0"}, "1.3.0", FAIL),
        ({"equals": 3}, 3.0, PASS),
        ({"equals": 1.1}, "1.1", PASS),
        ({"equals": "1.10"}, "1.1", FAIL),
        ({"below": 2}, "fast", NO_EVIDENCE),
        ({"below": 2}, float("nan"), NO_EVIDENCE),
        ({"below": 2}, None, NO_EVIDENCE),
    ],
)
def test_value_is_compared(rule: dict[str, Any], value: Any, expected: str) -> None:
    assert verdict({"value": True, **rule}, seen(n=1, value=value))["verdict"] == expected


def test_value_says_measured_wanted_and_what_was_seen() -> None:
    told = verdict({"value": True, "at_least": 14}, seen(n=1, value=3.25, unit="d", observed="certificate of edge1"))
    assert told["message"] == "3.25 d (wanted at least 14 d); certificate of edge1"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("rule", [{"below": 5}, {"equals": 5}])
def test_a_value_that_is_no_number_is_no_evidence(rule: dict[str, Any], value: float) -> None:
    assert verdict({"value": True, **rule}, seen(value=value, unit="s"))["verdict"] == NO_EVIDENCE


def test_share_of_slow_requests_is_judged_though_the_samples_are_seconds() -> None:
    slow = seen(n=300, failures=0, samples=[0.2] * 300, seconds=60.0, unit="s")
    assert verdict({"share": "failures", "below": 0.05}, slow)["verdict"] == PASS


def test_a_good_value_does_not_hide_a_failure_beside_it() -> None:
    rule = {"value": True, "at_least": 14}
    told = verdict(rule, seen(n=3, failures=1, value=90, observed="TLS 1.0 accepted", expected="TLS 1.2 or newer"))
    assert (told["verdict"], told["message"]) == (FAIL, "TLS 1.0 accepted (wanted TLS 1.2 or newer)")


# --- no evidence


@pytest.mark.parametrize(
    "rule", [{"all_ok": True}, ERRORS, P95, {"rate": True, "above": 1}, {"value": True, "below": 1}]
)
def test_no_measurement_is_no_evidence_whatever_the_judge(rule: dict[str, Any]) -> None:
    told = verdict(rule, None)
    assert (told["verdict"], told["message"], told["n"]) == (NO_EVIDENCE, "no measurement from app2", 0)
    assert blocks(told)


def test_an_invalid_measurement_is_no_evidence_with_its_reason() -> None:
    told = verdict({"all_ok": True}, seen(n=5, invalid="the load generator was 80 ms late"))
    assert told["verdict"] == NO_EVIDENCE
    assert told["message"] == "the measurement proves nothing: the load generator was 80 ms late"


def test_samples_that_were_changed_on_the_way_are_no_evidence() -> None:
    changed = seen(n=2_000, samples=[0.7] * 2_000, unit="s")
    changed["samples"] = changed["samples"].replace("0.7", "0.1")
    assert "their hash differs" in verdict(P95, changed)["message"]


def test_samples_that_are_no_numbers_are_no_evidence() -> None:
    told = verdict(P95, seen(n=2_000, samples=[0.1] * 1_999 + [float("nan")], unit="s"))
    assert (told["verdict"], told["message"]) == (NO_EVIDENCE, "the samples from app2 are not all numbers")


# --- the gate itself


@pytest.mark.parametrize(
    ("gate", "named"),
    [
        ({}, "`id`"),
        ({"id": "release.x"}, "release.x: `judge` is missing"),
        ({"id": "release.x", "judge": "all_ok"}, "`judge` must be a dictionary"),
        ({"id": "release.x", "judge": {"min_samples": 5}}, "exactly one of all_ok, share"),
        ({"id": "release.x", "judge": {"all_ok": True, "value": True, "below": 1}}, "exactly one of"),
        ({"id": "release.x", "judge": {"all_ok": False}}, "`all_ok` must be true, not False"),
        ({"id": "release.x", "judge": {"all_ok": True, "min_sample": 5}}, "`min_sample` is not known"),
        ({"id": "release.x", "judge": {"all_ok": True, "min_samples": 0}}, "`min_samples`"),
        ({"id": "release.x", "judge": {"all_ok": True, "min_samples": 1.5}}, "`min_samples` must be a whole number"),
        ({"id": "release.x", "judge": {"share": "errors", "below": 0.01}}, "`share` must be failures, not 'errors'"),
        ({"id": "release.x", "judge": {"share": "failures"}}, "`below` is missing"),
        ({"id": "release.x", "judge": {"share": "failures", "below": 1.5}}, "`below` must be a number from"),
        ({"id": "release.x", "judge": {"share": "failures", "below": True}}, "`below` must be a number"),
        ({"id": "release.x", "judge": {**P95, "quantile": 1}}, "`quantile`"),
        ({"id": "release.x", "judge": {**P95, "below": "soon"}}, "`below` must be a number, not 'soon'"),
        ({"id": "release.x", "judge": {**P95, "confidence": 95}}, "`confidence`"),
        ({"id": "release.x", "judge": {"rate": True}}, "`above` is missing"),
        ({"id": "release.x", "judge": {"rate": True, "above": 50, "min_samples": 5}}, "`min_samples` is not known"),
        ({"id": "release.x", "judge": {"value": True}}, "exactly one of below, above, at_most, at_least, equals"),
        ({"id": "release.x", "judge": {"value": True, "below": 2, "above": 1}}, "exactly one of"),
    ],
)
def test_a_bad_gate_is_named_with_its_key(gate: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_rule(gate)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "minimum"), [(ERRORS, 299), ({"quantile": 0.95, "below": 1}, 59), ({"all_ok": True}, 1)]
)
def test_without_a_minimum_the_least_that_can_pass_is_needed(rule: dict[str, Any], minimum: int) -> None:
    assert read_rule({"id": "x.y", "judge": rule}).minimum == minimum


def test_a_verdict_carries_what_the_record_needs() -> None:
    gate = {"id": "release.x", "judge": {"all_ok": True}, "title": {"en": "T"}, "remedy": {"en": "R", "zh": "措施"}}
    taken = seen(n=1, unit="s", started="2026-11-23T21:59:00.000Z", seconds=2.5)
    told = judge(gate, taken, NOW, host="app2")
    assert (told["gate"], told["phase"], told["host"]) == ("release.x", "release", "app2")
    assert (told["title"], told["remedy"]) == ({"en": "T"}, {"en": "R", "zh": "措施"})
    assert (told["started"], told["seconds"], told["sha256"]) == (taken["started"], 2.5, taken["sha256"])


def test_what_to_do_is_said_by_the_measurement_when_it_knows_better():
    gate = {"id": "release.x", "judge": {"all_ok": True}, "remedy": {"en": "R", "zh": "措施"}}
    wrong = seen(n=2, failures=1)
    assert judge(gate, wrong, NOW)["remedy"] == {"en": "R", "zh": "措施"}
    assert judge(gate, {**wrong, "remedy": {"en": "M", "zh": "另一措施"}}, NOW)["remedy"] == {
        "en": "M",
        "zh": "另一措施",
    }


# --- waivers


@pytest.mark.parametrize("taken", [seen(n=1, failures=1, observed="down"), None])
def test_a_waiver_keeps_the_verdict_but_does_not_block(taken: Measurement | None) -> None:
    told = verdict({"all_ok": True}, taken, WAIVER)
    assert told["verdict"] in (FAIL, NO_EVIDENCE)
    assert told["waived"] == WAIVER
    assert not blocks(told)


def test_a_waiver_holds_to_the_end_of_its_day() -> None:
    assert not blocks(verdict({"all_ok": True}, None, {**WAIVER, "until": "2026-11-23"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": "2026-11-22"}, "its waiver by li expired on 2026-11-22"),
        ({"until": "next week"}, 'until is "next week" and not a date'),
        ({"who": ""}, "it lacks who"),
        ({"reason": None, "until": "  "}, "it lacks reason and until"),
    ],
)
def test_a_waiver_that_does_not_count_is_said_so(change: dict[str, Any], said: str) -> None:
    told = verdict({"all_ok": True}, None, {**WAIVER, **change})
    assert blocks(told)
    assert told["waived"] is None
    assert said in told["message"]


def test_a_later_waiver_counts_where_an_earlier_one_does_not() -> None:
    assert not blocks(verdict({"all_ok": True}, None, {**WAIVER, "until": "2020-01-01"}, WAIVER))


def test_a_waiver_of_another_gate_does_not_count_nor_one_of_a_pass() -> None:
    assert blocks(verdict({"all_ok": True}, None, {**WAIVER, "gate": "release.y"}))
    assert verdict({"all_ok": True}, seen(n=1), WAIVER)["waived"] is None


# --- quantities


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.5, "s", "500 ms"),
        (0.0042317, "s", "4.23 ms"),
        (1.2345, "s", "1.23 s"),
        (60, "s", "60 s"),
        (900, "s", "15 min"),
        (86_400, "s", "24 h"),
        (259_200, "s", "3 d"),
        (-0.25, "s", "-250 ms"),
        (512, "B", "512 B"),
        (1_610_612_736, "B", "1.5 GiB"),
        (61.234, "1/s", "61.2/s"),
        (0.914, "1", "0.914"),
        (12_345.6, "1", "12346"),
        (41, "d", "41 d"),
        (float("inf"), "1", "inf"),
        ("1.4.0", "1", '"1.4.0"'),
    ],
)
def test_quantities_read_as_people_write_them(value: Any, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_a_share_reads_as_percent() -> None:
    assert [percent(share) for share in (0.01, 0.00258, 1.0)] == ["1 %", "0.258 %", "100 %"]


# --- compare

COMPARE = {"compare": "old", "margin": 0.10, "floor": 0.0, "errors": 0.005}


def blocks_of(
    n: int, *, itself: bool = False, factor: float = 1.0, spread: float = 0.01, bad: int = 0, seed: int = 1
) -> list[compare.Pair]:
    """Return n pairs whose latencies differ by chance from block to block."""
    chance = random.Random(seed)
    pairs = []
    for _ in range(n):
        one, two = (math.exp(chance.gauss(0, spread)) for _ in range(2))
        values = [value for base in (0.05, 0.1, 0.2) for value in (base * one, base * two * factor)]
        pairs.append(compare.Pair(0.0 if itself else 1.0, *values, 500, 0, 500, bad))
    return pairs


def compared(*pairs: list[compare.Pair], **values: Any) -> Measurement:
    return seen(samples=compare.flatten([each for rows in pairs for each in rows]), unit="s", **values)


QUIET = blocks_of(20, itself=True, seed=2)


def test_a_version_that_is_as_good_passes_with_every_bound() -> None:
    told = verdict(COMPARE, compared(QUIET, blocks_of(20)))
    assert told["verdict"] == PASS
    assert told["message"].startswith("new is as good as old: median ")
    assert "(wanted below +5.01 ms), P95 x" in told["message"]
    assert told["message"].endswith("(wanted below +0.5 percentage points) at 95 % confidence, 20 pairs")
    assert told["message"].count("at most") == 4
    assert told["bound"] is not None
    assert told["value"] < told["bound"] < told["threshold"] == 0.10  # type: ignore[operator]
    assert told["unit"] == "1"


def test_a_version_that_is_slower_fails_with_what_is_worse() -> None:
    told = verdict(COMPARE, compared(QUIET, blocks_of(20, factor=1.3), observed="football 1.5.0 against 1.4.0"))
    assert told["verdict"] == FAIL
    assert told["message"].startswith("new is worse than old: median +1")
    assert "P95 x1.3, at least x1.3 (wanted below x1.1)" in told["message"]
    assert told["message"].endswith("at 95 % confidence, 20 pairs; football 1.5.0 against 1.4.0")
    assert "errors" not in told["message"]


def test_errors_alone_make_a_version_worse() -> None:
    told = verdict(COMPARE, compared(QUIET, blocks_of(20, bad=15)))
    assert told["verdict"] == FAIL
    assert told["message"].startswith("new is worse than old: errors +3 percentage points, at least +")


def test_a_version_near_the_margin_is_undecided() -> None:
    told = verdict(COMPARE, compared(QUIET, blocks_of(20, factor=1.10)))
    assert told["verdict"] == NO_EVIDENCE
    assert told["message"].startswith("neither as good nor worse: median +")
    assert told["message"].endswith("20 pairs; undecided")


def test_a_bench_that_is_not_quiet_proves_nothing_whatever_it_says_of_the_new_version() -> None:
    loud = blocks_of(20, itself=True, spread=0.5)
    for factor in (1.0, 3.0):
        told = verdict(COMPARE, compared(loud, blocks_of(20, factor=factor)))
        assert told["verdict"] == NO_EVIDENCE
        assert told["message"].startswith(
            "the bench is not quiet: the old version cannot be told to be as good as itself"
        )


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([blocks_of(20)], "needs 10 pairs of blocks of the old version against itself, had 0"),
        ([QUIET, blocks_of(9)], "needs 10 pairs of blocks of old against new, had 9"),
        ([QUIET[:9], blocks_of(20)], "needs 10 pairs of blocks of the old version against itself, had 9"),
    ],
)
def test_a_comparison_of_too_few_pairs_is_no_evidence(parts: list[list[compare.Pair]], said: str) -> None:
    told = verdict(COMPARE, compared(*parts))
    assert (told["verdict"], told["message"]) == (NO_EVIDENCE, said)


def test_samples_that_are_no_pairs_are_no_evidence() -> None:
    told = verdict(COMPARE, seen(n=3, samples=[1.0, 2.0, 3.0]))
    assert told["verdict"] == NO_EVIDENCE
    assert told["message"] == "the samples are no comparison: 3 numbers are no pairs of 11 each"


# --- looks

LOOKS = {"quantile": 0.95, "below": 0.5, "looks": [1_000, 2_000, 4_000]}


def test_looks_share_the_risk() -> None:
    rule = read_rule({"id": "p.x", "judge": LOOKS})
    assert rule.confidence == pytest.approx(1 - 0.05 / 3)
    assert rule.minimum == 1_000


def test_an_undecided_look_goes_on_to_the_next_and_the_last_is_no_evidence() -> None:
    gate = {"id": "release.x", "judge": LOOKS}
    for n, after, said in (
        (1_000, 2_000, "looks again at 2000"),
        (2_000, 4_000, "looks again at 4000"),
        (4_000, 0, "that was the last of 3 declared looks"),
    ):
        taken = seen(n=n, samples=latencies(n, 0.048), unit="s")
        told = verdict(LOOKS, taken)
        assert told["verdict"] == NO_EVIDENCE
        assert told["message"].endswith(said)
        assert next_look(gate, taken) == after


@pytest.mark.parametrize("slow", [0.01, 0.2])
def test_a_look_that_decides_is_the_last(slow: float) -> None:
    taken = seen(n=1_000, samples=latencies(1_000, slow), unit="s")
    assert next_look({"id": "release.x", "judge": LOOKS}, taken) == 0
    assert verdict(LOOKS, taken)["verdict"] in (PASS, FAIL)


def test_a_look_takes_in_what_was_declared_and_not_what_came_beyond() -> None:
    first = latencies(1_000, 0.048)
    told = verdict(LOOKS, seen(n=1_900, samples=first + [0.1] * 900, unit="s"))
    assert "n = 1000" in told["message"]
    assert told["message"].endswith("looks again at 2000")


def test_a_series_that_is_too_short_yet_or_proves_nothing_has_its_next_look_or_none() -> None:
    gate = {"id": "release.x", "judge": LOOKS}
    assert next_look(gate, seen(n=10, samples=[0.1] * 10, unit="s")) == 1_000
    assert next_look(gate, seen(n=10, samples=[0.1] * 10, unit="s", invalid="the generator was late")) == 0
    assert next_look(gate, None) == 0
    assert next_look({"id": "release.x", "judge": P95}, seen(n=10, samples=[0.1] * 10, unit="s")) == 0


def test_looks_at_a_share_and_at_pairs_count_those() -> None:
    share = {"id": "release.x", "judge": {**ERRORS, "looks": [500, 1_000]}}
    assert next_look(share, seen(n=500, failures=4)) == 1_000
    assert next_look(share, seen(n=1_000, failures=8)) == 0
    pairs = {"id": "release.x", "judge": {**COMPARE, "looks": [10, 20]}}
    assert next_look(pairs, compared(QUIET[:10], blocks_of(10, factor=1.1))) == 20
    assert next_look(pairs, compared(QUIET, blocks_of(20, factor=1.1))) == 0


def test_false_passes_over_all_looks_stay_below_five_percent() -> None:
    """At the whole risk each, three looks pass 7 % of services whose true share is at the limit."""
    looks = [1_500, 3_000, 6_000]

    def passed(rules: dict[int, Any]) -> float:
        most = [bisect.bisect_left(range(n), True, key=lambda f, n=n: not passes(rules[n], n, f)) - 1 for n in looks]
        counts = numpy.random.default_rng(20261125).binomial(numpy.diff([0, *looks]), 0.01, (20_000, 3)).cumsum(axis=1)
        return float((counts <= most).any(axis=1).mean())

    def passes(rule: Any, n: int, failures: int) -> bool:
        return verdict(rule, seen(n=n, failures=failures))["verdict"] == PASS

    assert passed({n: {**ERRORS, "looks": looks} for n in looks}) < 0.05
    assert passed(dict.fromkeys(looks, ERRORS)) > 0.06


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"compare": "new", "margin": 0.1}, "`compare` must be old"),
        ({"compare": "old"}, "`margin` is missing"),
        ({"compare": "old", "margin": 0}, "`margin` must be a number"),
        ({**COMPARE, "errors": 2}, "`errors` must be a number"),
        ({**COMPARE, "floor": -1}, "`floor` must be a number"),
        ({**COMPARE, "min_pairs": 5}, "`min_pairs` must be 10 or more"),
        ({**COMPARE, "looks": [5, 20]}, "the first of `looks` must be 10 or more"),
        ({**COMPARE, "below": 1}, "`below` is not known"),
        ({**P95, "looks": [1_500]}, "no other can be given beside them"),
        ({**ERRORS, "looks": [100, 1_000]}, "the first of `looks` must be 368 or more"),
        ({**ERRORS, "looks": [2_000, 1_000]}, "`looks` must ascend"),
        ({**ERRORS, "looks": []}, "`looks` must be a list of 1 to 10 numbers"),
        ({**ERRORS, "looks": 3}, "`looks` must be a list of 1 to 10 numbers"),
        ({**ERRORS, "looks": ["many"]}, "`looks` must be a number"),
        ({"rate": True, "above": 5, "looks": [10]}, "`looks` is not known"),
    ],
)
def test_a_bad_comparison_or_look_is_named_with_its_key(rule: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=r"gate p\.x: .*" + re.escape(named)):
        read_rule({"id": "p.x", "judge": rule})
