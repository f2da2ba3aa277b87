"""The search for the highest rate that holds."""

from __future__ import annotations

import pytest
from golive_core.judge import FAIL, NO_EVIDENCE, PASS, judge
from golive_core.load import Result
from golive_core.saturation import Found, Objective, observe, search, validate
from support import NOW

RATES = [50, 100, 200, 400]


def service(capacity: float, asked: list[float], cpu_above: float = 1e9) -> object:
    """Return an attempt at a service that is quick up to its capacity; the generator is too slow above another rate."""

    def attempt(rate: float) -> Result:
        asked.append(rate)
        n = int(rate * 10)
        slow = 0.02 if rate <= capacity else 0.9
        return Result(10, outcomes=[""] * n, latencies=[slow] * n, lags=[0.0] * n, cpu_share=0.95 * (rate > cpu_above))

    return attempt


def find(capacity: float, **values: float) -> tuple[Found, list[float]]:
    asked: list[float] = []
    return search(RATES, service(capacity, asked, **values), Objective(), NOW), asked  # type: ignore[arg-type]


def test_the_first_rate_that_does_not_hold_ends_the_search() -> None:
    found, asked = find(150)
    assert (found.highest, asked) == (100, [50, 100, 200])
    assert [step.verdict for step in found.steps] == [PASS, PASS, FAIL]
    seen = observe(found, "performance.saturation")
    assert (seen["value"], seen["unit"], seen["invalid"]) == (100, "1/s", "")
    assert seen["observed"].startswith("100/s held, 200/s did not: P95 900 ms")
    gate = {"id": "performance.saturation", "judge": {"value": True, "at_least": 200}}
    assert judge(gate, seen, NOW)["verdict"] == FAIL


def test_a_service_that_holds_all_rates_is_said_to_hold_the_highest() -> None:
    found, _ = find(1_000)
    assert found.highest == 400
    assert observe(found, "p.x")["observed"] == "400/s held, the highest of the declared rates"


def test_a_service_that_holds_none_holds_nothing() -> None:
    found, asked = find(1)
    assert (found.highest, asked) == (0, [50])
    assert observe(found, "p.x")["observed"].startswith("no rate held, 50/s did not")


def test_a_generator_that_cannot_keep_up_ends_in_no_evidence_and_not_in_a_limit_of_the_service() -> None:
    found, _ = find(1_000, cpu_above=150)
    assert found.highest == 100
    seen = observe(found, "performance.saturation")
    assert "200/s could not be decided" in seen["invalid"]
    assert "used 95% of its processor" in seen["invalid"]
    gate = {"id": "performance.saturation", "judge": {"value": True, "at_least": 100}}
    assert judge(gate, seen, NOW)["verdict"] == NO_EVIDENCE


def test_errors_end_the_search_too() -> None:
    def attempt(rate: float) -> Result:
        n = int(rate * 10)
        bad = n // 10 if rate > 100 else 0
        return Result(10, outcomes=["status 503"] * bad + [""] * (n - bad), latencies=[0.02] * n, lags=[0.0] * n)

    found = search(RATES, attempt, Objective(), NOW)
    assert found.highest == 100
    assert "200 of 2000 failed" in found.steps[-1].message
    assert found.steps[-1].errors == 200


def test_there_is_a_rest_between_two_rates_only() -> None:
    rests: list[int] = []
    search([1_000, 2_000, 3_000], service(9_999, []), Objective(), NOW, rest=lambda: rests.append(1))  # type: ignore[arg-type]
    assert len(rests) == 2


@pytest.mark.parametrize(
    ("rates", "seconds", "said"),
    [
        ([], 10, "ascending"),
        ([100, 50], 10, "ascending"),
        ([50, 50], 10, "ascending"),
        ([0, 50], 10, "ascending"),
        (list(range(1, 22)), 1, "1 to 20"),
        ([50, 100, 200], 300, "3 rates may take 902 s, and a load test at most 600 s"),
    ],
)
def test_a_search_that_is_not_bounded_is_refused(rates: list[float], seconds: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        validate(rates, seconds, 0, 1)
