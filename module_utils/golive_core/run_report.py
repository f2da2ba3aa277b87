"""What a go-live says of itself to Prometheus, while it runs and after it: text that the exporter of a host reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

HELP = {
    "golive_run_phase": "The phase that the last run of golive finished last.",
    "golive_run_seen_timestamp_seconds": "When the last event of that run was written.",
    "golive_gate": "Verdict of a gate in the last run that measured it: 1 when it passed.",
    "golive_gate_value": "What was measured for a gate in the last run that did so, in the unit of the gate.",
}
WAIVED = "WAIVED"


def metrics(events: Iterable[Mapping[str, Any]], release: str, phase: str) -> str:
    """Return the metrics of a run, from the events of its record so far.

    :param events: `{kind, time, data}` each; of those of kind gate the last one of a gate and host counts
    :param phase: the one that was finished last
    """
    gates: dict[tuple[str, str], Mapping[str, Any]] = {}
    last = ""
    for event in events:
        last = str(event.get("time") or last)
        if event["kind"] == "gate":
            gates[event["data"]["gate"], event["data"]["host"]] = event["data"]
    rows: dict[str, list[str]] = {name: [] for name in HELP}
    rows["golive_run_phase"].append(_labels(release=release, phase=phase) + " 1")
    if last:
        seconds = datetime.fromisoformat(last.replace("Z", "+00:00")).timestamp()
        rows["golive_run_seen_timestamp_seconds"].append(_labels(release=release) + f" {seconds:.0f}")
    for (gate, host), told in sorted(gates.items()):
        names = {"gate": gate, "phase": gate.partition(".")[0], "measured_on": host}
        verdict = WAIVED if told.get("waived") else str(told["verdict"])
        rows["golive_gate"].append(f"{_labels(**names, verdict=verdict)} {int(verdict == 'PASS')}")
        value = told.get("value")
        if isinstance(value, int | float) and not isinstance(value, bool):
            rows["golive_gate_value"].append(f"{_labels(**names, unit=str(told.get('unit', '')))} {value:.9g}")
    return "".join(
        f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n" + "".join(f"{name}{row}\n" for row in found)
        for name, found in rows.items()
        if found
    )


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return re.sub(r'[\\"\n]', lambda found: {"\\": r"\\", '"': r"\"", "\n": r"\n"}[found[0]], text)
