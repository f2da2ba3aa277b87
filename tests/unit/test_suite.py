"""The report of a full run says what ran, what it showed, and nothing about the machine but its size."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from golive.suite import report

XML = """<?xml version="1.0"?><testsuites><testsuite name="pytest" time="754.2">
<testcase classname="tests.unit.test_a" name="test_one" time="0.5"/>
<testcase classname="tests.unit.test_b" name="test_two" time="1.5"><failure message="no">trace</failure></testcase>
<testcase classname="tests.e2e.test_c" name="test_three" time="40"><skipped message="no second edge"/></testcase>
<testcase classname="tests.molecule.test_scenarios" name="test_scenario[cache]" time="3">
  <properties><property name="scenario" value="cache"/><property name="seconds" value="181.4"/></properties></testcase>
<testcase classname="tests.molecule.test_scenarios" name="test_scenario[tls on bookworm]" time="200">
  <properties><property name="scenario" value="tls on bookworm"/><property name="seconds" value="99.6"/></properties>
  <error message="gone"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-02 03:04 UTC, 2 cores, 24 GiB of memory. 5 tests, 2 failed, 1 skipped, in 13 minutes.",
        "| 2 tests in tests/unit | 1 FAILED | 2 |",
        "| 1 tests in tests/e2e | passed | 40 |",
        "| 2 tests in tests/molecule | 1 FAILED | 203 |",
        "| cache | passed | 181 |",
        "| tls on bookworm | FAILED | 100 |",
        "- test_two",
        "- test_scenario[tls on bookworm]",
        "- test_three: no second edge",
    ],
)
def test_what_it_says(line):
    assert line in report(XML, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), 2, 24 * 2**30).splitlines()
