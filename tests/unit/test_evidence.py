"""The reports of continuous integration, good, bad, missing and malicious."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golive_core.evidence import Unusable, parse_xml
from support import JUNIT, MYPY, Release

RUFF = [{"filename": "app/db.py", "location": {"row": 9, "column": 1}, "code": "F401", "message": "unused import"}]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


@pytest.mark.parametrize("kind", ["tests", "lint", "types", "security", "origin"])
def test_good_evidence_has_observations_and_no_failure(release: Release, kind: str) -> None:
    seen = release.ask(kind)
    assert (seen["failures"], seen["invalid"]) == (0, "")
    assert seen["n"] >= 1


def test_tests_are_counted_one_by_one_whatever_the_totals_claim(release: Release) -> None:
    release.write("junit.xml", JUNIT % '<failure message="assert 1 == 2" />')
    seen = release.ask("tests")
    assert (seen["n"], seen["failures"]) == (2, 1)
    assert seen["observed"] == "1 tests passed, 1 failed, 1 skipped: tests.test_a.test_two"


def test_errors_of_tests_count_as_failures_and_reports_are_added_up(release: Release) -> None:
    release.write("more.xml", JUNIT % '<error message="fixture" />')
    seen = release.ask("tests", files=("junit.xml", "more.xml"))
    assert (seen["n"], seen["failures"]) == (4, 1)


def test_coverage_is_a_share(release: Release) -> None:
    seen = release.ask("coverage")
    assert (seen["value"], seen["observed"]) == (0.914, "91.4% of 1200 statements are covered")


def test_findings_of_ruff_are_failures(release: Release) -> None:
    release.write("ruff.json", json.dumps(RUFF))
    seen = release.ask("lint")
    assert (seen["n"], seen["failures"]) == (1, 1)
    assert seen["observed"] == "1 finding: app/db.py:9 F401 unused import"


def test_errors_of_mypy_are_failures_and_its_notes_are_not(release: Release) -> None:
    text = "app/db.py:3: error: Missing return\napp/db.py:3: note: see docs\napp/db.py:9: error: No type"
    release.write("mypy.xml", MYPY % (1, f'<failure message="mypy exited with code 1">{text}</failure>'))
    seen = release.ask("types")
    assert (seen["failures"], seen["observed"][:14]) == (2, "2 type errors:")


@pytest.mark.parametrize(("severity", "failures"), [("high", 0), ("medium", 1), ("low", 2)])
def test_findings_of_bandit_count_from_a_severity_on(release: Release, severity: str, failures: int) -> None:
    seen = release.ask("security", severity=severity)
    assert (seen["n"], seen["failures"]) == (2, failures)


# --- origin


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"commit": "b" * 40}, "commit is 'bbbb"),
        ({"image_id": "sha256:" + "b" * 64}, "image_id is 'sha256:bbbb"),
        ({"image_id": None}, "image_id is None"),
        ({"dirty": True}, "working tree with changes"),
        ({"dirty": "no"}, "working tree with changes"),
        ({"reports": {"junit.xml": "0" * 64}}, "junit.xml is not the report that was made then"),
        ({"reports": {"../release.json": "0" * 64}}, "../release.json is not the name of a file beside"),
    ],
)
def test_evidence_of_something_else_is_a_failure(release: Release, changes: dict[str, Any], said: str) -> None:
    release.seal(**changes)
    seen = release.ask("origin")
    assert seen["failures"] == 1
    assert said in seen["observed"]


def test_a_report_that_the_evidence_does_not_name_is_a_failure(release: Release) -> None:
    release.write("junit-unit.xml", JUNIT % "")
    seen = release.ask("origin")
    assert seen["failures"] == 1
    assert "junit-unit.xml lies beside evidence.json, which does not name it" in seen["observed"]


def test_an_error_in_a_skipped_test_is_a_failure(release: Release) -> None:
    release.write(
        "junit.xml", (JUNIT % "").replace('<skipped message="no" />', "<skipped/><error message='teardown'/>")
    )
    assert release.ask("tests")["observed"] == "2 tests passed, 1 failed, 0 skipped: tests.test_a.test_three"


def test_a_report_that_was_edited_afterwards_is_a_failure(release: Release) -> None:
    release.write("ruff.json", "[ ]")
    assert release.ask("origin")["failures"] == 1


def test_a_working_tree_with_changes_can_be_allowed(release: Release) -> None:
    release.seal(dirty=True)
    assert release.ask("origin", allow_dirty=True)["failures"] == 0


def test_a_release_without_a_commit_belongs_to_no_evidence(release: Release) -> None:
    release.json(release.directory / "release.json", {"release": "1.4.0"})
    release.seal(commit=None, image_id=None)
    assert release.ask("origin")["failures"] == 2


# --- freshness


def test_the_age_of_evidence_is_its_value(release: Release) -> None:
    seen = release.ask("freshness")
    assert (seen["value"], seen["unit"], seen["invalid"]) == (720, "s", "")


@pytest.mark.parametrize("created", ["2026-11-24T00:00:00Z", "yesterday", None, "2026-11-23T21:00:00"])
def test_a_time_that_cannot_be_is_no_evidence(release: Release, created: str | None) -> None:
    release.seal(created=created)
    assert "created" in release.ask("freshness")["invalid"]


# --- nothing proves nothing


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("tests", "junit.xml"),
        ("coverage", "coverage.json"),
        ("lint", "ruff.json"),
        ("types", "mypy.xml"),
        ("security", "bandit.json"),
        ("origin", "evidence.json"),
        ("freshness", "evidence.json"),
    ],
)
@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff{", "is not"), (b"7", "")]
)
def test_a_report_that_is_missing_or_broken_is_invalid(
    release: Release, kind: str, name: str, content: bytes | None, said: str
) -> None:
    (release.folder / name).unlink()
    if content is not None:
        release.write(name, content)
    seen = release.ask(kind)
    assert seen["n"] == 0
    assert seen["invalid"]
    assert said in seen["invalid"]


@pytest.mark.parametrize(
    ("kind", "name", "content", "said"),
    [
        ("tests", "junit.xml", "<testsuites/>", "holds no test"),
        (
            "tests",
            "junit.xml",
            "<s><testcase name='a'><skipped/></testcase></s>",
            "all 1 tests of junit.xml were skipped",
        ),
        ("types", "mypy.xml", "<testsuite/>", "holds no test"),
        ("coverage", "coverage.json", "{}", "no totals"),
        (
            "coverage",
            "coverage.json",
            '{"totals": {"percent_covered": 100, "num_statements": 0}}',
            "covers no statement",
        ),
        ("coverage", "coverage.json", '{"totals": 5}', "no totals"),
        ("lint", "ruff.json", "{}", "does not hold a JSON list"),
        ("lint", "ruff.json", '[{"filename": "a"}]', "has not the form"),
        ("security", "bandit.json", '{"results": [], "metrics": {"_totals": {"loc": 0}}}', "scanned no line"),
        (
            "security",
            "bandit.json",
            '{"errors": [{"filename": "a.py", "reason": "syntax"}]}',
            "could not read a.py: syntax",
        ),
        ("origin", "evidence.json", '{"commit": "x"}', "names no reports"),
    ],
)
def test_a_report_of_nothing_is_invalid(release: Release, kind: str, name: str, content: str, said: str) -> None:
    release.write(name, content)
    assert said in release.ask(kind)["invalid"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_an_entity_can_grow(encoding: str) -> None:
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    with pytest.raises(Unusable, match="declares a document type"):
        parse_xml(bomb.encode(encoding), "junit.xml")


def test_an_unknown_kind_is_refused(release: Release) -> None:
    with pytest.raises(ValueError, match="`kind` must be one of"):
        release.ask("mood")
