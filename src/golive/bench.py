"""What the README's figures come from: one program per file of bench/."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from .lab import ROOT
from .say import Problem

BENCHES = ROOT / "bench"


def names() -> list[str]:
    """Return the benches that there are."""
    return sorted(path.stem for path in BENCHES.glob("*.py") if not path.stem.startswith("_"))


def bench(name: str, arguments: Sequence[str]) -> int:
    """Run one, and return its exit code.

    :param arguments: the bench's own; all of them know --json
    :raises Problem: when there is no such bench
    """
    if name not in names():
        raise Problem(f"there is no bench {name!r}; there are: {', '.join(names())}.")
    # -P: bench/golive.py is not the package of that name.
    command = [sys.executable, "-P", str(BENCHES / f"{name}.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
