"""What continuous integration left beside a release, read as measurements.

DIR/release.json says what the release is: ``{"commit": ..., "image_id": ..., ...}``. DIR/evidence/evidence.json says
what the evidence is of::

    {"commit": "3f2a9c1...", "image_id": "sha256:...", "dirty": false, "created": "2026-11-23T21:00:00Z",
     "reports": {"junit.xml": "<sha256 of the file>", "coverage.json": "..."}}

The reports lie beside it, as their tools write them; which tool it was is read from the report. A report that is
missing, empty, of nothing, or of another image or commit proves nothing: its measurement is invalid, with one sentence
that says why. Reports come from elsewhere, so that nothing in them is trusted: not their size, their form, or their
length of text.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from .measurement import Measurement, measurement, summarise

SEVERITIES = ("low", "medium", "high", "critical")
MAX_REPORT = 64 * 1024 * 1024
_MOST_TEXT = 240  # characters of a report that are repeated in one place
_CLOCKS_DIFFER = timedelta(minutes=5)


class Unusable(Exception):
    """Why a report proves nothing, as a sentence."""


@dataclass(frozen=True)
class Check:
    """One question to the evidence. `files` are the reports below DIR/evidence; the usual one when empty."""

    id: str
    kind: str
    files: Sequence[str] = ()
    severity: str = "high"
    allow_dirty: bool = False


@dataclass(frozen=True)
class _Seen:
    n: int = 1
    failures: int = 0
    value: float | None = None
    unit: str = "1"
    observed: str = ""
    expected: str = ""
    details: Sequence[str] = ()


# --- files


def _bytes(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would never end
            raise Unusable(f"{path} is not a file")
        if found.st_size > MAX_REPORT:
            raise Unusable(f"{path} is longer than {MAX_REPORT} bytes: no report needs that, so it was not read")
        with path.open("rb") as file:
            data = file.read(MAX_REPORT + 1)
        if len(data) > MAX_REPORT:
            raise Unusable(f"{path} is longer than {MAX_REPORT} bytes")
    except OSError as error:
        raise Unusable(
            f"{path} cannot be read: {error.strerror}; CI puts it there, or gates_waivers says why not"
        ) from error
    if not data.strip():
        raise Unusable(f"{path} is empty")
    return data


def _short(text: Any) -> str:
    """Return what a report says as one line of bounded length, without control characters."""
    line = " ".join("".join(mark if mark.isprintable() else " " for mark in str(text)[: 4 * _MOST_TEXT]).split())
    return line if len(line) <= _MOST_TEXT else line[: _MOST_TEXT - 3] + "..."


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _parse_json(data: bytes, name: object) -> Any:
    try:
        return json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{name} is not JSON: {_short(error)}") from error


def _json(path: Path, wanted: type) -> Any:
    document = _parse_json(_bytes(path), path)
    if not isinstance(document, wanted):
        raise Unusable(f"{path} does not hold a JSON {'list' if wanted is list else 'object'}")
    return document


def parse_xml(data: bytes, name: str) -> ElementTree.Element:
    """Return the root of an XML document that declares no document type, so that no entity can be defined in it.

    :raises Unusable: when it does declare one, or is not XML
    """

    def refuse(*_: Any) -> None:
        raise Unusable(f"{name} declares a document type, which no test report needs")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return ElementTree.fromstring(data)
    except (expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise Unusable(f"{name} is not XML: {_short(error)}") from error


def _cases(directory: Path, files: Sequence[str]) -> list[ElementTree.Element]:
    """Return the test cases of JUnit reports. They are counted one by one: the totals in a report are only claims."""
    rows = [case for name in files for case in parse_xml(_bytes(directory / name), name).iter("testcase")]
    if not rows:
        raise Unusable(f"{', '.join(files)} in {directory} holds no test")
    return rows


def _is(case: ElementTree.Element, *tags: str) -> bool:
    return any(case.find(tag) is not None for tag in tags)


# --- one function per kind


def _tests(directory: Path, check: Check) -> _Seen:
    cases = _cases(directory, check.files)
    # What breaks while a skipped test is cleaned up stands beside the word that it was skipped.
    run = [case for case in cases if _is(case, "failure", "error") or not _is(case, "skipped")]
    if not run:
        raise Unusable(f"all {len(cases)} tests of {', '.join(check.files)} were skipped")
    failed = [case for case in run if _is(case, "failure", "error")]
    skipped = len(cases) - len(run)
    # Surefire's names for a test that failed first and passed when it was run again.
    flaky = sum(_is(case, "flakyFailure", "flakyError") and case not in failed for case in run)
    names = [f"{case.get('classname', '')}.{case.get('name', '')}".strip(".") for case in failed]
    counts = f"{len(run) - len(failed)} tests passed, {len(failed)} failed, {skipped} skipped"
    counts += f", {flaky} of the passed ones flaky" if flaky else ""
    return _Seen(len(run), len(failed), observed=counts, expected="every test to pass", details=names)


def _coverage(directory: Path, check: Check) -> _Seen:
    name = check.files[0]
    data = _bytes(directory / name)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _cobertura(data, name)
    document = _parse_json(data, directory / name)
    if not isinstance(document, dict):
        raise Unusable(f"{directory / name} does not hold a JSON object")
    totals = document.get("totals", {})
    try:
        share, statements = float(totals["percent_covered"]) / 100.0, int(totals["num_statements"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Unusable(f"{name} has no totals of coverage.py") from error
    if not statements:
        raise Unusable(f"{name} covers no statement")
    return _covered(name, share, statements, "statements")


def _cobertura(data: bytes, name: str) -> _Seen:
    """Read Cobertura XML. Lines are counted one by one, as tests are, and not taken from the totals that it claims."""
    root = parse_xml(data, name)
    if root.tag != "coverage":
        raise Unusable(f"{name} is XML, but no coverage report of Cobertura's form")
    lines: dict[tuple[str, str], bool] = {}
    for each in root.iter("class"):
        for line in each.findall("lines/line"):
            place = (each.get("filename", ""), line.get("number", ""))
            lines[place] = lines.get(place, False) or float(line.get("hits", "")) > 0.0
    if not lines:
        raise Unusable(f"{name} covers no line")
    return _covered(name, sum(lines.values()) / len(lines), len(lines), "lines")


def _covered(name: str, share: float, n: int, what: str) -> _Seen:
    if not 0.0 <= share <= 1.0 or n < 0:
        raise Unusable(f"{name} says that {share:.6g} of its {what} are covered, which cannot be")
    return _Seen(value=round(share, 6), observed=f"{share:.1%} of {n} {what} are covered")


def _lint(directory: Path, check: Check) -> _Seen:
    rows: list[str] = []
    for name in check.files:
        document = _parse_json(_bytes(directory / name), directory / name)
        if isinstance(document, dict) and "runs" in document:
            rows += [row for _, row in _sarif(document, name, directory)]
        elif isinstance(document, list):
            rows += [f"{row['filename']}:{row['location']['row']} {row['code']} {row['message']}" for row in document]
        else:
            raise Unusable(f"{directory / name} does not hold a JSON list, as Ruff writes it, nor SARIF")
    return _findings(1, rows, "finding")


def _types(directory: Path, check: Check) -> _Seen:
    n = 0
    rows: list[str] = []
    for name in check.files:
        data = _bytes(directory / name)
        if data.lstrip().startswith(b"{"):
            n, rows = n + 1, rows + _mypy_lines(data, name)
        else:
            cases = _cases(directory, [name])
            texts = [
                node.text or node.get("message") or ""
                for case in cases
                for node in case
                if node.tag in ("failure", "error")
            ]
            lines = [line.strip() for text in texts for line in (text.strip() or "an error without text").splitlines()]
            n, rows = n + len(cases), rows + [line for line in lines if ": note:" not in line]
    return _findings(n, rows, "type error")


def _mypy_lines(data: bytes, name: str) -> list[str]:
    """Return the errors of `mypy --output json`: one object a line, none at all when there is nothing to say."""
    found = [_parse_json(line, f"line {number} of {name}") for number, line in enumerate(data.splitlines(), 1) if line]
    return [f"{row['file']}:{row['line']} {row['message']}" for row in found if row["severity"] != "note"]


def _security(directory: Path, check: Check) -> _Seen:
    n = 0
    rows: list[str] = []
    for name in check.files:
        document = _parse_json(_bytes(directory / name), directory / name)
        if isinstance(document, list):  # as older versions of pip-audit wrote it
            document = {"dependencies": document}
        if not isinstance(document, dict):
            raise Unusable(f"{directory / name} does not hold a JSON object")
        scanner = next((each for each in _SCANNERS if all(key in document for key in each[1])), None)
        if scanner is None:
            raise Unusable(
                f"{name} is of no scanner that is known: {', '.join(dict.fromkeys(each[0] for each in _SCANNERS))}"
            )
        seen, found = scanner[2](document, name, directory)
        n += seen
        rows += [row for severity, row in found if _counts(severity, check.severity)]
    return _findings(n, rows, f"finding of severity {check.severity} or above")


def _counts(severity: str, least: str) -> bool:
    """Return whether a finding counts. One whose severity nobody knows may be of the worst."""
    name = {"negligible": "low", "moderate": "medium"}.get(severity.lower(), severity.lower())
    return name not in SEVERITIES or SEVERITIES.index(name) >= SEVERITIES.index(least)


# --- one function per scanner: how many things it looked at, and each finding with its severity


def _bandit(document: Mapping[str, Any], name: str, _: Path) -> tuple[int, list[tuple[str, str]]]:
    metrics, errors = document.get("metrics", {}), document.get("errors", [])
    if errors:
        reason = f"{errors[0].get('filename', 'a file')}: {errors[0].get('reason', '')}"
        raise Unusable(f"the scan could not read {_short(reason)}")
    if not metrics.get("_totals", {}).get("loc"):
        raise Unusable(f"{name} scanned no line of code")
    return len(metrics) - 1, [
        (row["issue_severity"], f"{row['filename']}:{row['line_number']} {row['test_id']} {row['issue_text']}")
        for row in document["results"]
    ]


def _trivy(document: Mapping[str, Any], name: str, directory: Path) -> tuple[int, list[tuple[str, str]]]:
    _of_this("image_id", (document.get("Metadata") or {}).get("ImageID"), name, directory)
    if not document.get("Results"):
        raise Unusable(f"{name} scanned nothing that Trivy knows")
    rows = []
    for part in document["Results"]:
        for row in part.get("Vulnerabilities") or ():
            rows.append(
                (row["Severity"], f"{row['VulnerabilityID']} {row['PkgName']} {row.get('InstalledVersion', '')}")
            )
        for row in part.get("Misconfigurations") or ():
            if row.get("Status", "FAIL") == "FAIL":
                rows.append((row["Severity"], f"{row['ID']} {part.get('Target', '')} {row.get('Title', '')}"))
        for row in part.get("Secrets") or ():  # what was found is not repeated
            rows.append((row["Severity"], f"secret {row['RuleID']} in {part.get('Target', '')}"))
    return len(document["Results"]), rows


def _grype(document: Mapping[str, Any], name: str, directory: Path) -> tuple[int, list[tuple[str, str]]]:
    source = document["source"].get("target")
    _of_this("image_id", source.get("imageID") if isinstance(source, dict) else None, name, directory)
    return 1, [
        (
            row["vulnerability"]["severity"],
            f"{row['vulnerability']['id']} {row['artifact']['name']} {row['artifact'].get('version', '')}",
        )
        for row in document["matches"]
    ]


def _pip_audit(document: Mapping[str, Any], name: str, _: Path) -> tuple[int, list[tuple[str, str]]]:
    looked_at = [row for row in document["dependencies"] if not row.get("skip_reason")]
    if not looked_at:
        raise Unusable(f"{name} audited no dependency")
    # It knows no severities: every vulnerability counts.
    rows = [("", f"{bad['id']} {row['name']} {row['version']}") for row in looked_at for bad in row["vulns"]]
    return len(looked_at), rows


_LEVELS = {"error": "high", "warning": "medium", "note": "low"}


def _sarif(document: Mapping[str, Any], name: str, directory: Path) -> list[tuple[str, str]]:
    """Return the findings of SARIF 2.1.0: not what passed, was suppressed, or is gone since the baseline."""
    if not document["runs"]:
        raise Unusable(f"{name} holds no run of a tool")
    rows = []
    for run in document["runs"]:
        if any(each.get("executionSuccessful") is False for each in run.get("invocations") or ()):
            raise Unusable(f"{name} is of a run that did not succeed")
        for origin in run.get("versionControlProvenance") or ():
            _of_this("commit", origin.get("revisionId"), name, directory)
        driver = run["tool"]["driver"]
        rules = {rule["id"]: rule for rule in driver.get("rules") or ()}
        for result in run["results"]:  # absent where the tool did not get that far
            rule = rules.get(result.get("ruleId", ""), {})
            level = result.get("level") or rule.get("defaultConfiguration", {}).get("level", "warning")
            accepted = any(each.get("status", "accepted") == "accepted" for each in result.get("suppressions") or ())
            if result.get("kind", "fail") != "fail" or result.get("baselineState") == "absent" or accepted:
                continue
            if level != "none":
                rows.append(
                    (
                        _sarif_severity(rule, level),
                        f"{_sarif_place(result)} {result.get('ruleId', '')} {result['message'].get('text', '')}",
                    )
                )
    return rows


def _sarif_severity(rule: Mapping[str, Any], level: str) -> str:
    """Return the severity of a result; `security-severity` is a CVSS score, cut where CVSS 3 cuts it."""
    score = rule.get("properties", {}).get("security-severity")
    if score is None:
        return _LEVELS.get(level, level)
    number = float(score)
    return next((name for name, least in (("critical", 9.0), ("high", 7.0), ("medium", 4.0)) if number >= least), "low")


def _sarif_place(result: Mapping[str, Any]) -> str:
    places: Sequence[Any] = result.get("locations") or ({},)
    place = places[0].get("physicalLocation", {})
    line = place.get("region", {}).get("startLine", "")
    return f"{place.get('artifactLocation', {}).get('uri', '')}:{line}".strip(":")


def _of_this(key: str, named: Any, name: str, directory: Path) -> None:
    """Refuse a report that says what it is of, when that is not this release."""
    release = _json(directory.parent / "release.json", dict)
    if named and named != release.get(key):
        raise Unusable(f"{name} is of {key} {_short(named)}, and the release of {_short(release.get(key))}")


_Scanner = Callable[[Mapping[str, Any], str, Path], tuple[int, list[tuple[str, str]]]]
_SCANNERS: Sequence[tuple[str, tuple[str, ...], _Scanner]] = (
    ("SARIF", ("runs",), lambda document, name, directory: (1, _sarif(document, name, directory))),
    ("Trivy", ("SchemaVersion",), _trivy),
    ("Grype", ("matches", "source"), _grype),
    ("pip-audit", ("dependencies",), _pip_audit),
    ("Bandit", ("metrics",), _bandit),
    ("Bandit", ("errors",), _bandit),
)


def _findings(n: int, rows: Sequence[str], what: str) -> _Seen:
    counted = f"{len(rows) or 'no'} {what}{'' if len(rows) == 1 else 's'}"
    return _Seen(max(n, len(rows), 1), len(rows), observed=counted, expected=f"no {what}", details=rows)


def _origin(directory: Path, check: Check) -> _Seen:
    evidence = _json(directory / "evidence.json", dict)
    release = _json(directory.parent / "release.json", dict)
    wrong = [
        f"{key} is {evidence.get(key)!r} in the evidence and {release.get(key)!r} in the release"
        for key in ("commit", "image_id")
        if not release.get(key) or evidence.get(key) != release[key]
    ]
    if evidence.get("dirty") is not False and not check.allow_dirty:
        wrong.append("it was built from a working tree with changes that no commit holds")
    reports = evidence.get("reports")
    if not isinstance(reports, dict) or not reports:
        raise Unusable(f"{directory / 'evidence.json'} names no reports")
    for name, digest in reports.items():
        if Path(name).name != name:
            wrong.append(f"{name} is not the name of a file beside evidence.json")
        elif hashlib.sha256(_bytes(directory / name)).hexdigest() != digest:
            wrong.append(f"{name} is not the report that was made then: its SHA-256 differs")
    # It would be judged all the same: the reports of a gate are found by their names.
    others = sorted({file.name for file in directory.iterdir()} - {"evidence.json", *reports})
    wrong += [
        f"{name} lies beside evidence.json, which does not name it: it may be of another commit" for name in others
    ]
    return _Seen(
        n=3 + len(reports) + len(others),
        failures=len(wrong),
        observed=f"commit {str(evidence.get('commit'))[:12]}, {len(reports)} reports",
        expected="commit, image and reports of this release",
        details=wrong,
    )


def _freshness(directory: Path, now: datetime) -> _Seen:
    created = _json(directory / "evidence.json", dict).get("created")
    try:
        age = now - datetime.fromisoformat(str(created))
    except (ValueError, TypeError) as error:
        raise Unusable(
            f'{directory / "evidence.json"} says it was created "{created}", which is no UTC time'
        ) from error
    if age < -_CLOCKS_DIFFER:
        raise Unusable(f"the evidence says it was created at {created}, which is in the future")
    return _Seen(value=max(age.total_seconds(), 0.0), unit="s", observed=f"created {created}")


_KINDS: Mapping[str, tuple[Callable[[Path, Check], _Seen], str]] = {  # and the usual name of its report
    "tests": (_tests, "junit.xml"),
    "coverage": (_coverage, "coverage.json"),
    "lint": (_lint, "ruff.json"),
    "types": (_types, "mypy.xml"),
    "security": (_security, "bandit.json"),
    "origin": (_origin, ""),
}
KINDS = (*_KINDS, "freshness")
REPORTS = {kind: name for kind, (_, name) in _KINDS.items() if name}


def measure(directory: Path, check: Check, now: datetime) -> Measurement:
    """Answer one question from the evidence of a release.

    :param directory: the release's directory, with release.json and evidence/
    :param check: `kind` is one of

        - `tests`: n tests run, of which failures failed (JUnit XML; skipped and flaky ones are told, but are none);
        - `coverage`: value is the covered share, 0 to 1 (coverage.py JSON, or Cobertura XML without a document type);
        - `lint`: failures are the findings (Ruff JSON, SARIF);
        - `types`: failures are the errors (mypy's JUnit XML, or its JSON lines);
        - `security`: failures are the findings from `severity` on (Bandit, pip-audit, Trivy or Grype JSON, SARIF); one
          without a known severity counts always;
        - `origin`: failures are differences between evidence and release in commit, image id, a clean working tree
          and the SHA-256 of each report;
        - `freshness`: value is the age in seconds
    :param now: present time, with time zone
    :raises ValueError: when there is no such kind
    """
    if check.kind not in KINDS:
        raise ValueError(f"`kind` must be one of {', '.join(KINDS)}, not {check.kind!r}")
    folder = directory / "evidence"
    try:
        if outside := [name for name in check.files if Path(name).name != name or not name]:
            raise Unusable(f"{_short(outside[0])} is not the name of a file in {folder}")
        if check.kind == "freshness":
            seen = _freshness(folder, now)
        else:
            read, usual = _KINDS[check.kind]
            seen = read(folder, replace(check, files=check.files or (usual,)))
    except Unusable as error:
        return measurement(check.id, n=0, invalid=str(error))
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        form = f"the {check.kind} report has not the form that its tool writes: {_short(repr(error))}"
        return measurement(check.id, n=0, invalid=form)
    return measurement(
        check.id,
        n=seen.n,
        failures=seen.failures,
        value=seen.value,
        unit=seen.unit,
        observed=": ".join(part for part in (seen.observed, summarise(map(_short, seen.details))) if part),
        expected=seen.expected,
    )
