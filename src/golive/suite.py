"""Every test of the project, quickest first; pytest closes, so that its last line sums up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

from .lab import ROOT
from .say import complain, say


@dataclass(frozen=True)
class Check:
    """A command that must end with 0."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """How a check ended."""

    name: str
    passed: bool
    seconds: float


REPORT = ROOT / "docs" / "test-report.md"
PLUGINS = ("filter_plugins", "lookup_plugins", "vars_plugins", "callback_plugins")
# The slowest first.
CHECKS = (
    Check("ansible-lint", ("ansible-lint", "--offline", "--profile", "production", "--strict")),
    Check("ruff", ("ruff", "check", ".")),
    Check("ruff format", ("ruff", "format", "--check", ".")),
    Check("mypy", ("mypy", "module_utils/golive_core", "src", *PLUGINS)),
    Check("mypy library", ("mypy", "--scripts-are-modules", "library", "roles/docker/files")),
    Check("yamllint", ("yamllint", "--strict", ".")),
)


def test(only: Sequence[str], *, full: bool) -> int:
    """Run the linters, then pytest; return the exit code.

    :param only: what pytest shall run instead of everything; the linters are left out then
    :param full: also what is marked `full`; the result of a whole run is written to docs/test-report.md
    """
    checks: list[Result] = []
    if not only:
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # the slowest of them use one core
            checks = list(pool.map(_run, CHECKS))
    seen = ROOT / ".golive" / "pytest.xml"
    seen.unlink(missing_ok=True)  # of an earlier run, and not to be taken for this one's
    command = [sys.executable, "-m", "pytest", f"--junit-xml={seen}", *(only or ["tests"])]
    environment = {**os.environ, **({"GOLIVE_FULL": "1"} if full else {})}
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if full and not only and seen.exists():
        told = report(checks, seen.read_text(encoding="utf-8"), datetime.now(UTC), os.cpu_count() or 1, _memory())
        REPORT.write_text(told, encoding="utf-8")
        say(f"golive: the result is in {REPORT.relative_to(ROOT)}")
    failed = [check.name for check in checks if not check.passed]
    if failed:
        complain(f"failed before pytest: {', '.join(failed)}; their lines above say what to change.")
    return code or int(bool(failed))


def report(checks: Iterable[Result], junit_xml: str, when: datetime, cores: int, memory: int) -> str:
    """Return docs/test-report.md.

    :param checks: what the linters said
    :param junit_xml: what pytest wrote; a test that ran a scenario says which in a property, and its seconds
    :param memory: of the machine, in bytes
    """
    suite = next(ElementTree.fromstring(junit_xml).iter("testsuite"))
    cases = list(suite.iter("testcase"))
    rows = [f"| {check.name} | {_verdict(check.passed)} | {check.seconds:.0f} |" for check in checks]
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


def _run(check: Check) -> Result:
    started = time.monotonic()
    done = subprocess.run(check.command, cwd=ROOT, capture_output=True, text=True, check=False)
    result = Result(check.name, done.returncode == 0, time.monotonic() - started)
    say(f"{check.name}: {_verdict(result.passed)} ({result.seconds:.0f} s)")
    if not result.passed:
        say(done.stdout + done.stderr)
    return result
