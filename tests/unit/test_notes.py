"""Every note of a record is in the catalogue, in both languages, and is given what it wants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from golive_core import notes, page, phase_state, record, render, silences
from support import ROOT

TASKS = [*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/**/*.yml")]


def given(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the data of every event of kind note that is written out below a node."""
    if isinstance(node, list):
        for each in node:
            yield from given(each)
    elif isinstance(node, dict):
        if node.get("kind") == "note":
            yield node["data"]
        for each in node.values():
            yield from given(each)


def written() -> list[tuple[Path, str, set[str]]]:
    """Return file, name and names of values of each note that a task gives; of an expression every name in it."""
    found = []
    for path in TASKS:
        for data in given(yaml.safe_load(path.read_text(encoding="utf-8"))):
            if isinstance(data, dict):
                names = re.findall(r"'([\w.]+)'", data["note"]) if "{{" in data["note"] else [data["note"]]
                found += [(path, name, set(data["values"])) for name in names]
    return found


@pytest.mark.parametrize(("path", "name", "values"), [pytest.param(*row, id=row[1]) for row in written()])
def test_a_task_gives_what_a_note_wants(path: Path, name: str, values: set[str]) -> None:
    assert notes.wanted(name) <= values, path


def test_every_note_of_the_catalogue_is_used() -> None:
    code = "".join(Path(module.__file__ or "").read_text(encoding="utf-8") for module in (phase_state, silences))
    used = {name for _, name, _ in written()} | set(re.findall(r'"((?:phase|silence)\.\w+)"', code))
    assert used == set(notes.NOTES)


@pytest.mark.parametrize("name", notes.NOTES)
def test_both_languages_tell_the_same(name: str) -> None:
    english, chinese = (set(re.findall(r"{(\w+)}", notes.NOTES[name][language])) for language in ("en", "zh"))
    assert english == chinese


def test_a_note_is_told_in_the_language_of_the_record(tmp_path: Path) -> None:
    data = {"note": "phase.stands", "values": {"phase": "security", "hosts": {"en": "all", "zh": "所有"}, "run": "r<1"}}
    run = {"id": "x", "app": "shop", "release": "1", "kind": "golive", "phases": ["release"]}
    record.append(tmp_path, [("run.started", run), ("note", notes.complete(data)), ("note", {"message": "of before"})])
    told = record.tell(record.read_events(tmp_path))
    assert told["notes"][0]["message"].startswith("Phase security stands on all, unchanged since run r<1: ")
    chinese = "阶段 security 在 所有 上自运行 r<1 以来未变"
    assert chinese in render.markdown(told, "zh")
    assert chinese not in render.markdown(told, "en")
    assert "of before" in render.markdown(told, "both")
    both = page.html(told, {}, "both")
    assert "Phase security stands on all" in both
    assert chinese.replace("<", "&lt;") in both


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"note": "lock.tkaen", "values": {}}, "there is no note 'lock.tkaen'"),
        ({"note": "lock.taken", "values": {"host": "edge1"}}, "note lock.taken wants reason, too"),
    ],
)
def test_what_the_catalogue_does_not_know_is_refused(data: dict[str, Any], why: str) -> None:
    with pytest.raises(notes.UnknownNote, match=re.escape(why)):
        notes.complete(data)
