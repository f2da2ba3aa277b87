"""The record as Markdown, in the order of the guide's template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import notes, report
from .texts import pick, text


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return [*lines, ""]


def _cell(value: Any) -> str:
    """Return a value on one line of Markdown; what looks like a tag of HTML is shown and does nothing."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", " ".join(str(value).split())).replace("|", "\\|")


def _lines(lines: Iterable[report.Line], language: str) -> list[str]:
    """Return one bullet for each line; several things in a line become bullets below it."""
    said = []
    for key, values in lines:
        texts = [_cell(pick(value, language)) for value in values] or [text("none", language)]
        name = f"- **{text(key, language)}**"
        said += [f"{name}: {texts[0]}"] if len(texts) == 1 else [f"{name}:", *(f"  - {each}" for each in texts)]
    return said


def _gate_row(gate: Mapping[str, Any], language: str) -> tuple[Any, ...]:
    verdict = gate["verdict"] + (f" ({text('waived', language)})" if gate.get("waived") else "")
    return (gate["gate"], gate["host"], verdict, *(gate.get(key) for key in ("value", "bound", "threshold", "n")))


def markdown(told: Mapping[str, Any], language: str) -> str:
    """Return the record for people.

    :param told: what :func:`record.tell` returned
    :param language: en, zh or both
    """
    none = text("none", language)
    heads = [text(key, language) for key in ("gate", "host", "verdict", "value", "bound", "threshold", "samples")]
    phases = [
        (
            phase,
            text(f"state.{seen['state']}", language),
            "" if (took := report.lasted(seen)) is None else f"{took:.0f}",
        )
        for phase, seen in told["phases"].items()
    ]
    switches = [
        f"- {seen['time']} {text(seen['kind'], language)}: {_cell(seen.get('before'))} → {_cell(seen.get('after'))}"
        for seen in told["switches"]
    ]
    noted = [f"- {note['time']} {_cell(pick(notes.text(note), language))}" for note in told["notes"]]
    contacts = [
        f"- **{_cell(pick(role, language))}**: {_cell(pick(who, language))}" for role, who in report.contacts(told)
    ]
    chain = told.get("chain", {})
    head = f"{text('record', language)}: {_cell(told['run'].get('app'))} {_cell(told['run'].get('release'))}"
    verdict = text("verdict." + told["verdict"], language)
    parts = [[f"# {head}", "", f"**{text('verdict', language)}: {verdict}**", ""]]
    for key, lines in report.sections(told):
        parts.append([f"## {text(key, language)}", "", *_lines(lines, language), ""])
    parts += [
        [f"## {text('contacts', language)}", "", *(contacts or [none]), ""],
        [
            f"## {text('phases', language)}",
            "",
            *_table([text(key, language) for key in ("phase", "state", "seconds")], phases),
        ],
        [f"## {text('events', language)}", "", *(switches or [none]), ""],
        [
            f"## {text('every gate', language)}",
            "",
            *_table(heads, (_gate_row(gate, language) for gate in told["gates"])),
        ],
        [f"## {text('notes', language)}", "", *(noted or [none]), ""],
        [
            f"- {text('chain', language)}: {chain.get('events', 0)}, `{chain.get('head', '')}`",
            *_lines([report.signature(told)], language),
            "",
        ],
    ]
    return "\n".join(line for part in parts for line in part)
