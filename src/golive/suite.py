"""Every test of the project, in one run of pytest: its last line sums up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

from .lab import ROOT

REPORT = ROOT / "docs" / "test-report.md"
# A row of the report: what, result, seconds, when, commit.
ROW = re.compile(r"\| (\S.*?) \| (.*?) \| (\d+) \| ([\d: -]+) \| (\S+) \|")


def test(only: Sequence[str], *, full: bool) -> int:
    """Run pytest and return its exit code.

    :param only: what pytest shall run instead of everything
    :param full: also what is marked `full`; the result is written to docs/test-report.md
    """
    seen = ROOT / ".golive" / "pytest.xml"
    seen.unlink(missing_ok=True)  # of an earlier run, and not to be taken for this one's
    command = [sys.executable, "-m", "pytest", f"--junit-xml={seen}", *(only or ["tests"])]
    environment = {**os.environ, **({"GOLIVE_FULL": "1"} if full else {})}
    commit = _commit()
    code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if full and seen.exists():
        before = REPORT.read_text(encoding="utf-8") if only and REPORT.exists() else ""
        rows = results(seen.read_text(encoding="utf-8"), only, datetime.now(UTC), commit)
        REPORT.write_text(report(before, rows, os.cpu_count() or 1, _memory()), encoding="utf-8")
    return code


@dataclass(frozen=True)
class Row:
    """What a part of the suite showed when it ran last."""

    what: str
    result: str
    seconds: int
    when: str
    commit: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.result} | {self.seconds} | {self.when} | {self.commit} |"


def results(junit_xml: str, only: Sequence[str], when: datetime, commit: str) -> list[Row]:
    """Return a row for each part of the suite that ran as a whole: a scenario, a file of tests/e2e, or another folder.

    :param junit_xml: what pytest wrote; a test that ran a scenario says which in a property, and its seconds
    :param only: the words that chose what ran; of a part that they name only a piece of nothing is told
    """
    cases: dict[str, list[ElementTree.Element]] = {}
    for case in ElementTree.fromstring(junit_xml).iter("testcase"):
        cases.setdefault(_part(case), []).append(case)
    return [
        Row(part, _result(group), round(sum(map(_seconds, group))), f"{when:%Y-%m-%d %H:%M}", commit)
        for part, group in cases.items()
        if _whole(part, only)
    ]


def report(before: str, rows: Sequence[Row], cores: int, memory: int) -> str:
    """Return docs/test-report.md.

    :param before: the report so far, of whose rows those stay that did not run now
    :param memory: of the machine, in bytes
    """
    stay = [Row(told[1], told[2], int(told[3]), told[4], told[5]) for told in ROW.finditer(before)]
    told = {row.what: row for row in (*stay, *rows)}
    return "\n".join(
        [
            "<!-- Written by `./golive test --full`. -->",
            "",
            "# What the full tests showed",
            "",
            f"Each part when it ran last, on {cores} cores with {memory / 2**30:.0f} GiB of memory. A scenario is"
            " `molecule test -s NAME`, two at",
            "a time: check mode on a bare host, converge, idempotence, reboot, tests, a second set of variables, tests,"
            " bad",
            "variables, remove, tests.",
            "",
            "| what | result | seconds | when (UTC) | commit |",
            "|---|---|---|---|---|",
            *(str(told[what]) for what in sorted(told)),
            "",
        ]
    )


def _part(case: ElementTree.Element) -> str:
    for told in case.iter("property"):
        if told.get("name") == "scenario":
            return f"scenario {told.get('value')}"
    place = (case.get("classname") or "").split(".")
    return "/".join(place[: 3 if place[1:2] == ["e2e"] else 2])


def _whole(part: str, only: Sequence[str]) -> bool:
    """Return whether the words name the whole of a part; a scenario is whole whenever it ran."""
    if not only or part.startswith("scenario "):
        return True
    paths = [word.rstrip("/").removesuffix(".py") for word in only]
    return not any(word.startswith("-") for word in only) and any(
        part == path or part.startswith(f"{path}/") for path in paths
    )


def _seconds(case: ElementTree.Element) -> float:
    told = {found.get("name"): found.get("value") for found in case.iter("property")}
    return float(told.get("seconds") or case.get("time") or 0)


def _result(cases: Sequence[ElementTree.Element]) -> str:
    failed = [
        case.get("name") or "" for case in cases if any(case.find(kind) is not None for kind in ("failure", "error"))
    ]
    skipped = [
        f"{case.get('name')} ({(found.get('message') or '').strip()})"
        for case in cases
        for found in case.iter("skipped")
    ]
    passed = len(cases) - len(failed) - len(skipped)
    return "; ".join(
        [f"{passed} passed"]
        + ([f"**{len(failed)} failed**: {', '.join(failed)}"] if failed else [])
        + ([f"{len(skipped)} skipped: {', '.join(skipped)}"] if skipped else [])
    ).replace("|", "/")


def _commit() -> str:
    """Return the commit that is tested, with a mark when files differ from it."""
    words = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
