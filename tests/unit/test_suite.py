"""The report of the full tests says what ran, what it showed, and nothing about the machine but its size."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from golive.suite import report, results

XML = """<?xml version="1.0"?><testsuites><testsuite name="pytest" time="754.2">
<testcase classname="tests.unit.test_a" name="test_one" time="0.5"/>
<testcase classname="tests.unit.test_b" name="test_two[a|b]" time="1.6"><failure message="no">trace</failure></testcase>
<testcase classname="tests.e2e.test_c" name="test_three" time="40"><skipped message="no second edge"/></testcase>
<testcase classname="tests.e2e.test_d" name="test_four" time="4"/>
<testcase classname="tests.molecule.test_scenarios" name="test_scenario[cache]" time="3">
  <properties><property name="scenario" value="cache"/><property name="seconds" value="181.4"/></properties></testcase>
<testcase classname="tests.molecule.test_scenarios" name="test_scenario[tls on bookworm]" time="200">
  <properties><property name="scenario" value="tls on bookworm"/><property name="seconds" value="99.6"/></properties>
  <error message="gone"/></testcase>
</testsuite></testsuites>"""
WHEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
AT = "2026-01-02 03:04 | 1234567 |"


def told(only=(), before=""):
    return report(before, results(XML, only, WHEN, "1234567"), 2, 24 * 2**30).splitlines()


@pytest.mark.parametrize(
    "line",
    [
        f"| tests/unit | 1 passed; **1 failed**: test_two[a/b] | 2 | {AT}",
        f"| tests/e2e/test_c | 0 passed; 1 skipped: test_three (no second edge) | 40 | {AT}",
        f"| tests/e2e/test_d | 1 passed | 4 | {AT}",
        f"| scenario cache | 1 passed | 181 | {AT}",
        f"| scenario tls on bookworm | 0 passed; **1 failed**: test_scenario[tls on bookworm] | 100 | {AT}",
    ],
)
def test_what_it_says(line):
    assert line in told()


@pytest.mark.parametrize(
    ("only", "parts"),
    [
        (["tests/e2e"], ["tests/e2e/test_c", "tests/e2e/test_d"]),
        (["tests/e2e/test_d.py"], ["tests/e2e/test_d"]),
        (["tests/unit/"], ["tests/unit"]),
        (["tests/unit/test_a.py"], []),
        (["tests/e2e/test_c.py::test_three"], []),
        (["tests/unit", "-k", "one"], []),
    ],
)
def test_a_piece_of_a_part_says_nothing_about_it(only, parts):
    found = [row.what for row in results(XML, only, WHEN, "1234567") if not row.what.startswith("scenario")]
    assert found == parts


def test_a_scenario_is_whole_however_it_was_chosen():
    found = results(XML, ["tests/molecule", "-k", "cache or tls"], WHEN, "1234567")
    assert [row.what for row in found] == ["scenario cache", "scenario tls on bookworm"]


def test_what_did_not_run_now_stays_as_it_was():
    old = "| tests/unit | 9 passed | 8 | 2025-12-31 23:59 | abcdef0 |"
    gone = "| tests/e2e/test_d | 7 passed | 7 | 2025-12-31 23:59 | abcdef0 |"
    lines = told(["tests/e2e"], f"# Report\n\n{old}\n{gone}\n")
    assert old in lines
    assert gone not in lines
    assert f"| tests/e2e/test_d | 1 passed | 4 | {AT}" in lines
