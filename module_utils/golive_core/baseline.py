"""The samples of the release that went live before, to be drawn beside those of a new one. A picture, never a gate: two
runs at different times say nothing about two releases; for that there are comparisons side by side (compare.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import ending, record

SHAPE = 30  # samples from which on a distribution has a shape to see


@dataclass(frozen=True)
class Baseline:
    """A release, and what each of its gates was judged by: (gate, host) to numbers."""

    release: str = ""
    samples: Mapping[tuple[str, str], Sequence[float]] = field(default_factory=dict)


def of(directory: Path, told: Mapping[str, Any]) -> Baseline:
    """Return the baseline of a record, from the records beside it: of another release the last run that went well and
    measured the same.

    :param directory: of the record
    :param told: what it tells
    """
    app, release = (told["run"].get(key) for key in ("app", "release"))
    wanted = {(gate["gate"], gate["host"]) for gate in told["gates"]}
    for other in sorted((path for path in directory.parent.glob("*") if path.name < directory.name), reverse=True):
        with suppress(OSError, ValueError, KeyError, TypeError):
            seen = json.loads((other / "record.json").read_text(encoding="utf-8"))
            if seen["verdict"] not in ending.GOOD or seen["run"]["app"] != app or seen["run"]["release"] == release:
                continue
            numbers = record.read_samples(other, seen)
            samples = {
                (str(gate["gate"]), str(gate["host"])): numbers[gate["raw"]]
                for gate in seen["gates"]
                if len(numbers.get(gate.get("raw") or "", ())) >= SHAPE and (gate["gate"], gate["host"]) in wanted
            }
            if samples:
                return Baseline(str(seen["run"]["release"]), samples)
    return Baseline()
