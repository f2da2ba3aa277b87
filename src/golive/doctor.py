"""What a gate is: how it is measured and judged, what to do, where to change it. From the catalogue."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from golive_core.record import PHASES
from golive_core.terminal import safe
from golive_core.texts import pick

from .lab import ROOT

CATALOGUE = ROOT / "roles" / "gates" / "defaults" / "main"
# Gates of the application come with its contract; those of the reference application are documented, too.
CONTRACT = ROOT / "examples" / "football" / "golive.yml"

Gate = Mapping[str, Any]


def catalogue() -> dict[str, list[Gate]]:
    """Return phase to its gates, as they stand in the files: with their templates."""
    found: dict[str, list[Gate]] = {}
    for phase in PHASES:
        if (file := CATALOGUE / f"{phase}.yml").exists():
            found[phase] = yaml.safe_load(file.read_text(encoding="utf-8"))[f"gates_{phase}"]
    return found


def find(id: str) -> tuple[Gate | None, str]:
    """Return a gate and the file that defines it, or None and the nearest id."""
    known: dict[str, tuple[Gate, str]] = {}
    for phase, gates in catalogue().items():
        known |= {str(gate["id"]): (gate, f"roles/gates/defaults/main/{phase}.yml") for gate in gates}
    for gates in (yaml.safe_load(CONTRACT.read_text(encoding="utf-8")).get("gates_app") or {}).values():
        known |= {str(gate["id"]): (gate, str(CONTRACT.relative_to(ROOT))) for gate in gates}
    if id in known:
        return known[id]
    return None, next(iter(difflib.get_close_matches(id, known, n=1, cutoff=0.4)), "")


def rule(judge: Mapping[str, Any]) -> str:
    """Return how a gate is judged, in a few words."""
    return ", ".join(f"{key} {value}" for key, value in judge.items())


def explain(id: str, seen: Iterable[Mapping[str, Any]], language: str = "en") -> list[str]:
    """Return what to know about a gate.

    :param seen: verdicts that were just made, of this gate and of others
    """
    gate, where = find(id)
    lines = []
    for row in seen:
        if row["gate"] == id:
            lines.append(f"  {safe(row['host'])}: {row['verdict']}  {safe(row['message'])}")
    if not gate:
        hint = f"; did you mean {where}?" if where else ""
        return [
            *lines,
            f"  {id} is no gate of golive's catalogue{hint} One of your own is in gates_extra or gates_app.",
        ]
    return [
        *lines,
        "",
        f"  {pick(gate['title'], language)}",
        f"  Measured  on {gate['on']}{' (the first host)' if gate.get('once') else ''}, by probe {gate['probe']}",
        f"  Judged    {rule(gate['judge'])}",
        f"  Remedy    {pick(gate.get('remedy', ''), language)}",
        f"  Defined   {where}; another limit: gates_overrides; to leave it red for a while: gates_waivers",
    ]
