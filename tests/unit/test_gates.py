"""Every gate of the catalogue is complete, in both languages, and the judge understands it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from golive_core.record import PHASES

ROLE = Path(__file__).parents[2] / "roles" / "gates"
PROBES = {path.stem for path in (ROLE / "tasks" / "probes").glob("*.yml")}
GROUPS = {"all", "edge", "app", "database", "cache", "monitoring", "logs", "backup", "controller"}
GATES = [
    pytest.param(phase, gate, id=gate["id"])
    for phase in PHASES
    if (ROLE / "defaults" / "main" / f"{phase}.yml").exists()
    for gate in yaml.safe_load((ROLE / "defaults" / "main" / f"{phase}.yml").read_text(encoding="utf-8"))[
        f"gates_{phase}"
    ]
]


def test_every_phase_but_the_record_has_gates():
    assert {gate.values[0] for gate in GATES} == set(PHASES) - {"record"}


def test_no_gate_stands_twice():
    names = [gate.id for gate in GATES]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("phase", "gate"), GATES)
def test_a_gate_is_complete(phase, gate):
    assert gate["id"].startswith(f"{phase}.")
    assert set(gate) <= {"id", "on", "not_on", "once", "when", "step", "probe", "params", "title", "judge", "remedy"}
    assert {gate["on"], *gate.get("not_on", [])} <= GROUPS
    assert gate["probe"] in PROBES
    assert gate["judge"]
    for text in (gate["title"], gate["remedy"]):
        assert set(text) == {"en", "zh"}
        assert all(text.values())
        assert any("一" <= letter <= "鿿" for letter in text["zh"])
