"""Reports of other tools, and reports that nobody's tool wrote."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from golive_core.evidence import MAX_REPORT
from golive_core.judge import FAIL, NO_EVIDENCE, judge
from reports import COBERTURA, GRYPE, MYPY_JSON, PIP_AUDIT, SARIF, TRIVY, ask
from support import BANDIT, JUNIT, NOW, Release


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


# --- what each tool says


@pytest.mark.parametrize(
    ("report", "counts"),
    [
        (SARIF, {"critical": 1, "high": 2, "medium": 3, "low": 4}),
        (TRIVY, {"critical": 2, "high": 3, "medium": 4, "low": 5}),
        (GRYPE, {"critical": 2, "high": 3, "medium": 4, "low": 6}),
        (PIP_AUDIT, {"critical": 1, "low": 1}),
        (PIP_AUDIT["dependencies"], {"high": 1}),
        (BANDIT, {"critical": 0, "medium": 1}),
    ],
)
def test_findings_count_from_a_severity_on_and_always_when_nobody_knows_it(
    release: Release, report: Any, counts: dict[str, int]
) -> None:
    for severity, failures in counts.items():
        seen = ask(release, "security", report, severity=severity)
        assert (seen["failures"], seen["invalid"]) == (failures, ""), severity


def test_a_finding_is_named_and_a_secret_is_not_repeated(release: Release) -> None:
    assert "a.py:3 R1 SQL from a request" in ask(release, "security", SARIF)["observed"]
    seen = ask(release, "security", TRIVY, severity="low")
    assert "CVE-1 zlib 1.2" in seen["observed"]
    assert "AKIA" not in json.dumps(seen)


def test_reports_of_several_scanners_are_added_up(release: Release) -> None:
    release.write("one", json.dumps(TRIVY))
    release.write("two", json.dumps(PIP_AUDIT))
    assert release.ask("security", files=("one", "two"))["failures"] == 4


def test_linters_that_write_sarif_are_read(release: Release) -> None:
    assert ask(release, "lint", SARIF)["failures"] == 4


def test_mypy_may_write_json(release: Release) -> None:
    seen = ask(release, "types", MYPY_JSON)
    assert (seen["failures"], seen["observed"]) == (1, "1 type error: a.py:3 Missing return")


def test_lines_of_cobertura_are_counted_whatever_the_totals_claim(release: Release) -> None:
    seen = ask(release, "coverage", COBERTURA)
    assert (seen["value"], seen["observed"]) == (0.75, "75.0% of 4 lines are covered")


def test_flaky_tests_passed_and_are_told(release: Release) -> None:
    seen = ask(release, "tests", JUNIT % "<flakyFailure message='once'/><flakyError/>")
    assert (seen["n"], seen["failures"]) == (2, 0)
    assert seen["observed"] == "2 tests passed, 0 failed, 1 skipped, 1 of the passed ones flaky"
    assert ask(release, "tests", JUNIT % "<failure/><rerunFailure/>")["failures"] == 1


# --- reports that prove nothing


@pytest.mark.parametrize(
    ("kind", "report", "said"),
    [
        ("security", {**TRIVY, "Metadata": {"ImageID": "sha256:" + "b" * 64}}, "report is of image_id sha256:bbb"),
        (
            "security",
            {**GRYPE, "source": {"target": {"imageID": "sha256:c"}}},
            "report is of image_id sha256:c, and the",
        ),
        (
            "security",
            {"runs": [{**SARIF["runs"][0], "versionControlProvenance": [{"revisionId": "b" * 40}]}]},
            "report is of commit bbbb",
        ),
        ("security", {"runs": []}, "holds no run of a tool"),
        ("security", {"runs": [{"invocations": [{"executionSuccessful": False}]}]}, "of a run that did not succeed"),
        ("security", {"runs": [{"tool": {"driver": {"name": "x"}}}]}, "has not the form"),
        ("security", {"SchemaVersion": 2, "ArtifactName": "app"}, "scanned nothing that Trivy knows"),
        ("security", {"dependencies": [{"name": "a", "skip_reason": "x"}]}, "audited no dependency"),
        ("security", {"hello": 1}, "is of no scanner that is known: SARIF, Trivy, Grype, pip-audit, Bandit"),
        ("security", '{"metrics": {"_totals": {"loc": NaN}}, "results": []}', "NaN is no number of JSON"),
        ("security", "[" * 100_000, "is not JSON"),
        ("lint", {"hello": 1}, "nor SARIF"),
        ("coverage", {"totals": {"percent_covered": 140, "num_statements": 5}}, "which cannot be"),
        ("coverage", {"totals": {"percent_covered": -1, "num_statements": 5}}, "which cannot be"),
        ("coverage", '{"totals": {"percent_covered": NaN, "num_statements": 5}}', "NaN is no number of JSON"),
        ("coverage", '{"totals": {"percent_covered": 1e999, "num_statements": 5}}', "which cannot be"),
        ("coverage", "<coverage/>", "covers no line"),
        ("coverage", "<other/>", "no coverage report"),
        ("coverage", COBERTURA.replace('hits="3"', 'hits="many"'), "has not the form"),
        ("tests", (JUNIT % "")[:-40], "is not XML"),
        ("tests", (JUNIT % "").replace("utf-8", "klingon"), "is not XML"),
        ("tests", (JUNIT % "").replace("test_one", "test_\xe9").encode("latin-1"), "is not XML"),
        ("tests", "<!DOCTYPE a [<!ENTITY b 'bb'>]>" + (JUNIT % "")[38:], "declares a document type"),
        ("coverage", "<!DOCTYPE coverage SYSTEM 'http://x/y.dtd'>" + COBERTURA[21:], "declares a document type"),
    ],
)
def test_a_report_of_something_else_or_of_nothing_is_no_evidence_in_one_sentence(
    release: Release, kind: str, report: Any, said: str
) -> None:
    seen = ask(release, kind, report)
    assert said in seen["invalid"]
    assert "\n" not in seen["invalid"]
    assert len(seen["invalid"]) < 500
    assert judge({"id": "evidence.x", "judge": {"all_ok": True}}, seen, NOW)["verdict"] == NO_EVIDENCE


def test_a_report_of_another_commit_fails_its_origin(release: Release) -> None:
    release.seal(commit="b" * 40)
    told = judge({"id": "evidence.origin", "judge": {"all_ok": True}}, release.ask("origin"), NOW)
    assert told["verdict"] == FAIL
    assert "commit is 'bbbb" in told["message"]


def test_a_file_that_is_too_long_is_not_read(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    with (release.folder / "report").open("wb") as file:
        file.truncate(500 * 1024 * 1024)  # holds no block of the disk

    def no_open(*_: Any, **__: Any) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(Path, "open", no_open)
    seen = release.ask("tests", files=("report",))
    assert f"is longer than {MAX_REPORT} bytes" in seen["invalid"]


def test_a_pipe_and_a_directory_are_not_waited_for(release: Release) -> None:
    os.mkfifo(release.folder / "pipe")
    (release.folder / "folder").mkdir()
    for name in ("pipe", "folder"):
        assert "is not a file" in release.ask("tests", files=(name,))["invalid"]


@pytest.mark.parametrize("name", ["../release.json", "/etc/passwd", "a/b", "", ".."])
def test_a_report_elsewhere_is_not_read(release: Release, name: str) -> None:
    assert release.ask("tests", files=(name,))["invalid"]
    if name != "..":
        assert "is not the name of a file" in release.ask("tests", files=(name,))["invalid"]


def test_text_of_a_report_is_one_line_of_bounded_length(release: Release) -> None:
    finding = {"filename": "a\nb\x1b[31m", "location": {"row": 1}, "code": "X", "message": "long " * 100_000}
    seen = ask(release, "lint", [finding])
    assert seen["failures"] == 1
    assert len(seen["observed"]) < 300
    assert seen["observed"].isprintable()
