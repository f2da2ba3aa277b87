"""docs/record.schema.json is what records are, and refuses what they are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golive_core import notes, record
from golive_core.delivery import Outcome
from golive_core.judge import Verdict, judge
from golive_core.measurement import measurement
from jsonschema import Draft202012Validator
from support import NOW, ROOT

SCHEMA = json.loads((ROOT / "docs" / "record.schema.json").read_text(encoding="utf-8"))
GATE = {"id": "release.health", "judge": {"all_ok": True}, "title": {"en": "Health", "zh": "健康"}, "remedy": "Look."}
KEPT = Outcome("team", "email", "kept", 3, "no").as_dict()
WAIVER = {"gate": "release.health", "reason": "known", "who": "ada", "until": "2999-01-01"}


SET = {"share": 20, "seconds": 60.0, "by": "cookie", "rate": 30.0, "before": "0.9.0", "after": "1.0.0"}
COUNTED = {"edge": "edge1", "old": 800, "new": 200, "users": 12, "seconds": 60.0, "why": ""}
CANARY = [("canary", {"state": "set", **SET}), ("canary", {"state": "held", **COUNTED})]
BACK = ("canary", {"state": "taken back", "edge": "edge1", "seconds": 0.01})


def verdict(**values: Any) -> dict[str, Any]:
    seen = measurement("release.health", **{"n": 5, **values}) if values else None
    return dict(judge(GATE, seen, NOW, host="app1", waivers=[WAIVER]))


def events(directory: Path) -> list[dict[str, Any]]:
    run = {
        "id": "x", "app": "football", "release": "1.0.0", "kind": "golive", "who": "ada", "where": "desk",
        "team": ["ada"], "contacts": [{"role": {"en": "Ops", "zh": "运维"}, "name": "Ada", "contact": "+00"}],
        "phases": ["release"],
        "manifest": {"commit": "c", "changes": [{"kind": "added", "text": {"en": "a", "zh": "甲"}}], "suite": 1},
        "awx_job": "", "waivers": [WAIVER],
    }  # fmt: skip
    record.append(
        directory,
        [
            ("run.started", run),
            ("run.fact", {"previous": "", "already_live": False}),
            ("gate", verdict(failures=5, samples=[0.1, 0.2], value=0.2) | {"raw": f"raw/{'0' * 64}.txt"}),
            ("gate", verdict()),
            ("note", {"message": "of golive before it had a catalogue of notes"}),
            ("note", notes.complete({"note": "release.away", "values": {"hosts": ["app2"]}})),
            *CANARY,
            ("switch", {"before": "", "after": "1.0.0"}),
            ("flip_back", {"before": "1.0.0", "after": ""}),
            ("phase.failed", {"phase": "release", "host": "app1", "task": "t", "message": "no"}),
            ("message", {"event": "start", "outcomes": [], "waiting": []}),
            ("message", {"event": "verdict", "outcomes": [KEPT], "waiting": []}),
            ("phase.completed", {"phase": "record"}),
            ("signing", {"signed": True, "identity": "ada@desk", "fingerprint": "SHA256:x", "why": ""}),
        ],
    )
    return record.read_events(directory)


def wrong(told: Any, schema: dict[str, Any] = SCHEMA) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(told)]


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_a_record_is_as_published(tmp_path: Path) -> None:
    told = record.tell(events(tmp_path))
    assert wrong(told) == []
    assert told["gates"][0]["waived"] == WAIVER
    assert told["gates"][1]["verdict"] == "NO-EVIDENCE"


@pytest.mark.parametrize(
    ("rows", "ended"),
    [
        (CANARY, ""),
        ([*CANARY, BACK], "taken back"),
        ([*CANARY, ("switch", {"before": "0.9.0", "after": "1.0.0"})], "switch"),
        ([*CANARY, BACK, ("switch", {"before": "0.9.0", "after": "1.0.0"})], "taken back"),
    ],
)
def test_a_canary_ends_with_the_switch_or_is_taken_back(tmp_path: Path, rows: list[Any], ended: str) -> None:
    record.append(tmp_path, rows)
    told = record.tell(record.read_events(tmp_path))["canary"]
    assert told["ended"] == ended
    assert told["edges"] == [COUNTED]


def test_a_record_without_events_is_as_published() -> None:
    assert wrong(record.tell([])) == []


def test_a_head_is_as_published(tmp_path: Path) -> None:
    events(tmp_path)
    schema = {"$ref": "#/$defs/head", "$defs": SCHEMA["$defs"]}
    head = record.head(tmp_path)
    assert wrong(head, schema) == []
    assert wrong({**head, "head": "x"}, schema) != []


def test_every_key_of_a_verdict_is_published() -> None:
    assert set(SCHEMA["$defs"]["gate"]["properties"]) == {*Verdict.__annotations__, "raw", "time"}


def test_phases_and_version_are_those_of_the_code() -> None:
    assert list(SCHEMA["properties"]["phases"]["properties"]) == list(record.PHASES)
    assert SCHEMA["properties"]["schema"]["const"] == record.SCHEMA
    assert SCHEMA["$defs"]["head"]["properties"]["schema"]["const"] == record.HEAD_SCHEMA


@pytest.mark.parametrize(
    "spoil",
    [
        lambda told: told.update(verdict="FINE"),
        lambda told: told.update(more=1),
        lambda told: told.pop("gates"),
        lambda told: told["gates"][0].update(verdict="MAYBE"),
        lambda told: told["gates"][0].update(raw="../x"),
        lambda told: told["gates"][0].update(extra=1),
        lambda told: told["phases"].pop("watch"),
        lambda told: told["phases"]["watch"].update(state="fine"),
        lambda told: told["chain"].update(head="x"),
        lambda told: told["switches"][0].update(time="yesterday"),
        lambda told: told["signature"].pop("why"),
        lambda told: told["canary"].update(ended="maybe"),
        lambda told: told["canary"]["edges"][0].pop("users"),
        lambda told: told["messages"][1]["outcomes"][0].update(state="maybe"),
    ],
)
def test_what_a_record_is_not(tmp_path: Path, spoil: Any) -> None:
    told = record.tell(events(tmp_path))
    spoil(told)
    assert wrong(told) != []
