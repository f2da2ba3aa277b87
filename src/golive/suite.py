"""Every test of the project, in one run of pytest: its last line sums up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree

from .lab import ROOT

REPORT = ROOT / "docs" / "test-report.md"


def test(only: Sequence[str], *, full: bool) -> int:
    """Run pytest and return its exit code.

    :param only: what pytest shall run instead of everything
    :param full: also what is marked `full`; the result of a whole run is written to docs/test-report.md
    """
    seen = ROOT / ".golive" / "pytest.xml"
    seen.unlink(missing_ok=True)  # of an earlier run, and not to be taken for this one's
    command = [sys.executable, "-m", "pytest", f"--junit-xml={seen}", *(only or ["tests"])]
    environment = {**os.environ, **({"GOLIVE_FULL": "1"} if full else {})}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if full and not only and seen.exists():
        told = report(seen.read_text(encoding="utf-8"), datetime.now(UTC), os.cpu_count() or 1, _memory())
        REPORT.write_text(told, encoding="utf-8")
    return code


def report(junit_xml: str, when: datetime, cores: int, memory: int) -> str:
    """Return docs/test-report.md.

    :param junit_xml: what pytest wrote; a test that ran a scenario says which in a property, and its seconds
    :param memory: of the machine, in bytes
    """
    suite = next(ElementTree.fromstring(junit_xml).iter("testsuite"))
    cases = list(suite.iter("testcase"))
    rows = []
    for folder in sorted({_folder(case) for case in cases}):
        group = [case for case in cases if _folder(case) == folder]
        seconds = sum(float(case.get("time", 0)) for case in group)
        wrong = sum(not _passed(case) for case in group)
        rows.append(f"| {len(group)} tests in {folder} | {f'{wrong} FAILED' if wrong else 'passed'} | {seconds:.0f} |")
    scenarios = [
        f"| {told['scenario']} | {_verdict(_passed(case))} | {float(told['seconds']):.0f} |"
        for case in cases
        if "scenario" in (told := {item.get("name"): item.get("value") or "" for item in case.iter("property")})
    ]
    skipped = [
        f"- {case.get('name')}: {(found.get('message') or '').strip()}"
        for case in cases
        for found in case.iter("skipped")
    ]
    failed = [case.get("name") or "" for case in cases if not _passed(case)]
    total = float(suite.get("time", 0))
    return "\n".join(
        [
            "<!-- Written by `./golive test --full`. -->",
            "",
            "# The last full run of the tests",
            "",
            f"{when:%Y-%m-%d %H:%M} UTC, {cores} cores, {memory / 2**30:.0f} GiB of memory. {len(cases)} tests,"
            f" {len(failed)} failed, {len(skipped)} skipped, in {total / 60:.0f} minutes.",
            "",
            "| what | result | seconds |",
            "|---|---|---|",
            *rows,
            "",
            "## Scenarios of the roles",
            "",
            "Two at a time. Each is `molecule test -s ROLE`: check mode on a bare host, converge, idempotence, reboot,",
            "tests, a second set of variables, tests, bad variables, remove, tests.",
            "",
            "| scenario | result | seconds |",
            "|---|---|---|",
            *scenarios,
            *(["", "## Failed", "", *(f"- {name}" for name in failed)] if failed else []),
            *(["", "## Skipped", "", *skipped] if skipped else []),
            "",
        ]
    )


def _folder(case: ElementTree.Element) -> str:
    return "/".join((case.get("classname") or "").split(".")[:2])


def _passed(case: ElementTree.Element) -> bool:
    return case.find("failure") is None and case.find("error") is None


def _verdict(passed: bool) -> str:
    return "passed" if passed else "FAILED"


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
