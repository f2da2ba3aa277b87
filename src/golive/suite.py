"""Every test of the project, quickest first; pytest closes, so that its last line sums up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .lab import ROOT
from .say import complain, say


@dataclass(frozen=True)
class Check:
    """A command that must end with 0."""

    name: str
    command: tuple[str, ...]


CHECKS = (
    Check("ruff", ("ruff", "check", ".")),
    Check("ruff format", ("ruff", "format", "--check", ".")),
    Check("mypy", ("mypy", "module_utils/golive_core", "src", "filter_plugins")),
    Check("mypy library", ("mypy", "--scripts-are-modules", "library")),
    Check("yamllint", ("yamllint", "--strict", ".")),
    Check("ansible-lint", ("ansible-lint", "--offline", "--profile", "production", "--strict")),
)


def test(only: Sequence[str]) -> int:
    """Run the linters, then pytest; return the exit code.

    :param only: what pytest shall run instead of everything; the linters are left out then
    """
    failed = [] if only else [check.name for check in CHECKS if not _passes(check)]
    command = [sys.executable, "-m", "pytest", *(only or ["tests"])]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if failed:
        complain(f"failed before pytest: {', '.join(failed)}; their lines above say what to change.")
    return code or int(bool(failed))


def _passes(check: Check) -> bool:
    started = time.monotonic()
    done = subprocess.run(check.command, cwd=ROOT, capture_output=True, text=True, check=False)
    verdict = "passed" if done.returncode == 0 else "FAILED"
    say(f"{check.name}: {verdict} ({time.monotonic() - started:.0f} s)")
    if done.returncode:
        say(done.stdout + done.stderr)
    return done.returncode == 0
