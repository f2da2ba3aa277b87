"""Reports of other tools, and reports that nobody's tool wrote."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golive_core.evidence import MAX_REPORT
from golive_core.judge import FAIL, NO_EVIDENCE, PASS, judge
from support import BANDIT, COVERAGE, JUNIT, MYPY, NOW, RELEASE, Release

COMMIT, IMAGE = RELEASE["commit"], RELEASE["image_id"]
COBERTURA = """<?xml version="1.0"?><coverage line-rate="1.0" lines-valid="1" lines-covered="1">
<packages><package><classes>
<class filename="a.py"><methods><method><lines><line number="1" hits="0"/></lines></method></methods>
<lines><line number="1" hits="3"/><line number="2" hits="0"/></lines></class>
<class filename="a.py"><lines>
<line number="2" hits="1"/><line number="3" hits="0"/><line number="4" hits="9"/></lines></class>
</classes></package></packages></coverage>"""
SARIF: dict[str, Any] = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "scanner",
                    "rules": [
                        {"id": "R1", "properties": {"security-severity": "9.8"}},
                        {"id": "R2", "defaultConfiguration": {"level": "note"}},
                    ],
                }
            },
            "versionControlProvenance": [{"repositoryUri": "x", "revisionId": COMMIT}],
            "results": [
                {
                    "ruleId": "R1",
                    "message": {"text": "SQL from a request"},
                    "locations": [
                        {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 3}}}
                    ],
                },
                {"ruleId": "R2", "message": {"text": "a note"}},
                {"ruleId": "R3", "level": "error", "message": {"text": "bad"}},
                {"ruleId": "R3", "level": "error", "message": {"text": "x"}, "suppressions": [{"kind": "inSource"}]},
                {"ruleId": "R3", "level": "error", "message": {"text": "x"}, "kind": "pass"},
                {"ruleId": "R3", "level": "error", "message": {"text": "x"}, "baselineState": "absent"},
                {"ruleId": "R3", "message": {"text": "a warning, as SARIF has it when nothing is said"}},
            ],
        }
    ],
}
TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "Metadata": {"ImageID": IMAGE},
    "Results": [
        {
            "Target": "app",
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-1", "PkgName": "zlib", "InstalledVersion": "1.2", "Severity": "CRITICAL"},
                {"VulnerabilityID": "CVE-2", "PkgName": "curl", "InstalledVersion": "8", "Severity": "LOW"},
                {"VulnerabilityID": "CVE-3", "PkgName": "curl", "InstalledVersion": "8", "Severity": "UNKNOWN"},
            ],
        },
        {
            "Target": "Dockerfile",
            "Misconfigurations": [
                {"ID": "DS1", "Severity": "HIGH", "Status": "FAIL", "Title": "root"},
                {"ID": "DS2", "Severity": "HIGH", "Status": "PASS"},
            ],
            "Secrets": [{"RuleID": "aws-key", "Severity": "MEDIUM", "Match": "AKIA-not-repeated"}],
        },
    ],
}
GRYPE: dict[str, Any] = {
    "source": {"type": "image", "target": {"imageID": IMAGE}},
    "matches": [
        {"vulnerability": {"id": "CVE-1", "severity": name}, "artifact": {"name": "zlib", "version": "1.2"}}
        for name in ("Critical", "High", "Medium", "Low", "Negligible", "Unknown")
    ],
}
PIP_AUDIT: dict[str, Any] = {
    "dependencies": [
        {"name": "jinja2", "version": "2.4", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]},
        {"name": "app", "skip_reason": "not on PyPI"},
        {"name": "six", "version": "1", "vulns": []},
    ]
}
MYPY_JSON = b"""{"file": "a.py", "line": 3, "column": 1, "message": "Missing return", "severity": "error"}
{"file": "a.py", "line": 3, "column": 1, "message": "see docs", "severity": "note"}
"""


@pytest.fixture
def release(tmp_path: Path) -> Release:
    return Release(tmp_path)


def ask(release: Release, kind: str, content: Any, **options: Any) -> Any:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    release.write("report", text)
    return release.ask(kind, files=("report",), **options)


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


# --- reports that were broken at random, on a fixed seed

REPORTS: dict[str, list[bytes]] = {
    "tests": [(JUNIT % "<failure>x</failure>").encode(), (JUNIT % "").encode("utf-16")],
    "coverage": [json.dumps(COVERAGE).encode(), COBERTURA.encode()],
    "lint": [b'[{"filename": "a", "location": {"row": 1}, "code": "X", "message": "m"}]', json.dumps(SARIF).encode()],
    "types": [(MYPY % (1, "<failure>a: error: b</failure>")).encode(), MYPY_JSON],
    "security": [json.dumps(each).encode() for each in (SARIF, TRIVY, GRYPE, PIP_AUDIT, BANDIT)],
}
ODD: tuple[Any, ...] = (None, True, -1, 1e308, "", "x", [], {}, [None], {"a": None}, [[]], 10**30)


def broken_bytes(data: bytes, chance: random.Random) -> bytes:
    """Return bytes cut off, changed, doubled or taken out."""
    rows = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(rows) + 1)
        match chance.randrange(4):
            case 0:
                del rows[place:]
            case 1:
                rows[place : place + 1] = bytes([chance.randrange(256)])
            case 2:
                rows[place:place] = rows[place : place + chance.randrange(40)]
            case 3:
                del rows[place : place + chance.randrange(20)]
    return bytes(rows)


def broken_document(document: Any, chance: random.Random) -> Any:
    """Return a document in which one place holds something else, or is not there."""
    if not isinstance(document, dict | list) or not document or chance.random() < 0.15:
        return chance.choice(ODD)
    if isinstance(document, dict):
        key = chance.choice(list(document))
        rest = {name: value for name, value in document.items() if name != key}
        return rest if chance.random() < 0.1 else {**rest, key: broken_document(document[key], chance)}
    place = chance.randrange(len(document))
    return [*document[:place], broken_document(document[place], chance), *document[place + 1 :]]


def broken(data: bytes, chance: random.Random) -> bytes:
    if data[:1] in b"[{" and data != MYPY_JSON and chance.random() < 0.7:
        return json.dumps(broken_document(json.loads(data), chance)).encode()
    return broken_bytes(data, chance)


@pytest.mark.parametrize("kind", REPORTS)
def test_a_broken_report_gives_a_verdict_and_never_a_traceback(release: Release, kind: str) -> None:
    chance, seen = random.Random(kind), set()
    for data in REPORTS[kind]:
        for _ in range(300):
            told = ask(release, kind, broken(data, chance), severity=chance.choice(("low", "high")))
            assert "\n" not in told["invalid"] + told["observed"]
            assert len(told["invalid"]) < 600
            assert told["n"] > 0 or told["invalid"]
            assert told["value"] is None or 0.0 <= told["value"] <= 1.0
            seen.add(judge({"id": "evidence.x", "judge": {"all_ok": True}}, told, NOW)["verdict"])
    assert NO_EVIDENCE in seen  # what was broken was noticed


@pytest.mark.parametrize("name", ["evidence.json", "release.json"])
def test_a_broken_seal_gives_a_verdict_and_never_a_pass_of_something_else(release: Release, name: str) -> None:
    chance = random.Random(name)
    path = (release.folder if name == "evidence.json" else release.directory) / name
    good = path.read_bytes()
    change: Callable[[], bytes] = lambda: broken(good, chance)  # noqa: E731
    for _ in range(300):
        path.write_bytes(change())
        told = judge({"id": "evidence.origin", "judge": {"all_ok": True}}, release.ask("origin"), NOW)
        if told["verdict"] == PASS:
            evidence, of = (
                json.loads((release.folder / "evidence.json").read_bytes()),
                json.loads((release.directory / "release.json").read_bytes()),
            )
            assert evidence["commit"] == of["commit"]
            assert evidence["image_id"] == of["image_id"]
        assert release.ask("freshness")["n"] in (0, 1)
