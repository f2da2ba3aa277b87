"""What continuous integration left beside a release, read as measurements.

DIR/release.json says what the release is: ``{"commit": ..., "image_id": ..., ...}``. DIR/evidence/evidence.json says
what the evidence is of::

    {"commit": "3f2a9c1...", "image_id": "sha256:...", "dirty": false, "created": "2026-11-23T21:00:00Z",
     "reports": {"junit.xml": "<sha256 of the file>", "coverage.json": "..."}}

The reports lie beside it, as their tools write them. A report that is missing, empty or of nothing proves nothing: its
measurement is invalid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from .measurement import Measurement, measurement, summarise

SEVERITIES = ("low", "medium", "high")
MAX_REPORT = 64 * 1024 * 1024
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
        if path.stat().st_size > MAX_REPORT:
            raise Unusable(f"{path} is longer than {MAX_REPORT} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from error
    if not data.strip():
        raise Unusable(f"{path} is empty")
    return data


def _json(path: Path, wanted: type) -> Any:
    try:
        document = json.loads(_bytes(path))
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path} is not JSON: {error}") from error
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
        raise Unusable(f"{name} is not XML: {error}") from error


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
    run = [case for case in cases if not _is(case, "skipped")]
    if not run:
        raise Unusable(f"all {len(cases)} tests of {', '.join(check.files)} were skipped")
    failed = [case for case in run if _is(case, "failure", "error")]
    skipped = len(cases) - len(run)
    names = [f"{case.get('classname', '')}.{case.get('name', '')}".strip(".") for case in failed]
    counts = f"{len(run) - len(failed)} tests passed, {len(failed)} failed, {skipped} skipped"
    return _Seen(len(run), len(failed), observed=counts, expected="every test to pass", details=names)


def _coverage(directory: Path, check: Check) -> _Seen:
    totals = _json(directory / check.files[0], dict).get("totals", {})
    try:
        share, statements = float(totals["percent_covered"]) / 100.0, int(totals["num_statements"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unusable(f"{check.files[0]} has no totals of coverage.py") from error
    if not statements:
        raise Unusable(f"{check.files[0]} covers no statement")
    return _Seen(value=round(share, 6), observed=f"{share:.1%} of {statements} statements are covered")


def _lint(directory: Path, check: Check) -> _Seen:
    rows = _json(directory / check.files[0], list)
    return _findings(
        1, [f"{row['filename']}:{row['location']['row']} {row['code']} {row['message']}" for row in rows], "finding"
    )


def _types(directory: Path, check: Check) -> _Seen:
    cases = _cases(directory, check.files)
    texts = [
        node.text or node.get("message") or "" for case in cases for node in case if node.tag in ("failure", "error")
    ]
    rows = [line.strip() for text in texts for line in (text.strip() or "an error without text").splitlines()]
    return _findings(len(cases), [row for row in rows if ": note:" not in row], "type error")


def _security(directory: Path, check: Check) -> _Seen:
    document = _json(directory / check.files[0], dict)
    metrics, errors = document.get("metrics", {}), document.get("errors", [])
    if errors:
        raise Unusable(f"the scan could not read {errors[0].get('filename', 'a file')}: {errors[0].get('reason', '')}")
    if not metrics.get("_totals", {}).get("loc"):
        raise Unusable(f"{check.files[0]} scanned no line of code")
    counted = SEVERITIES[SEVERITIES.index(check.severity) :]
    rows = [
        f"{row['filename']}:{row['line_number']} {row['test_id']} {row['issue_text']}"
        for row in document["results"]
        if row["issue_severity"].lower() in counted
    ]
    return _findings(len(metrics) - 1, rows, f"finding of severity {check.severity} or above")


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
    return _Seen(
        n=3 + len(reports),
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


def measure(directory: Path, check: Check, now: datetime) -> Measurement:
    """Answer one question from the evidence of a release.

    :param directory: the release's directory, with release.json and evidence/
    :param check: `kind` is one of

        - `tests`: n tests run, of which failures failed (JUnit XML; skipped ones are told but not counted);
        - `coverage`: value is the covered share, 0 to 1 (coverage.py JSON);
        - `lint`, `types`, `security`: failures are the findings (Ruff JSON, mypy's JUnit XML, Bandit JSON from
          `severity` on);
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
        if check.kind == "freshness":
            seen = _freshness(folder, now)
        else:
            read, usual = _KINDS[check.kind]
            seen = read(folder, replace(check, files=check.files or (usual,)))
    except Unusable as error:
        return measurement(check.id, n=0, invalid=str(error))
    except (KeyError, TypeError, AttributeError) as error:
        return measurement(
            check.id, n=0, invalid=f"the {check.kind} report has not the form that its tool writes: {error!r}"
        )
    return measurement(
        check.id,
        n=seen.n,
        failures=seen.failures,
        value=seen.value,
        unit=seen.unit,
        observed=": ".join(part for part in (seen.observed, summarise(seen.details)) if part),
        expected=seen.expected,
    )
