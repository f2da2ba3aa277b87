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
    return subprocess.run([sys.executable, str(BENCHES / f"{name}.py"), *arguments], cwd=ROOT, check=False).returncode
