"""The record as Markdown, in the order of the guide's template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from .texts import pick, text


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(_cell(value) for value in row) + " |")
    return [*lines, ""]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def _elapsed(phase: Mapping[str, Any]) -> str:
    if not (phase.get("started") and phase.get("finished")):
        return ""
    seconds = datetime.fromisoformat(phase["finished"]) - datetime.fromisoformat(phase["started"])
    return f"{seconds.total_seconds():.0f}"


def _basics(told: Mapping[str, Any], language: str) -> list[str]:
    run = told["run"]
    manifest = run.get("manifest", {})
    rows = [
        ("release", run.get("release")),
        ("previous", run.get("previous") or text("none", language)),
        ("time", f"{run.get('started', '')} – {run.get('finished', '')}"),
        ("who", f"{run.get('who', '')} @ {run.get('where', '')}"),
        ("team", ", ".join(run.get("team", []))),
        ("commit", manifest.get("commit")),
        ("image", manifest.get("image_id")),
    ]
    return [f"- **{text(key, language)}**: {_cell(value)}" for key, value in rows]


def _content(told: Mapping[str, Any], language: str) -> list[str]:
    changes = told["run"].get("manifest", {}).get("changes", [])
    lines = []
    for kind in ("added", "improved", "fixed", "config"):
        texts = [pick(change["text"], language) for change in changes if change["kind"] == kind]
        lines.append(f"- **{text(kind, language)}**: {'; '.join(texts) or text('none', language)}")
    return lines


def _problems(told: Mapping[str, Any], language: str) -> list[str]:
    lines = []
    for failure in told["failures"]:
        where = f" ({failure['host']})" if failure.get("host") else ""
        lines.append(f"- **{failure.get('phase', '')}**{where}: {failure.get('message', '')}")
    for gate in told["gates"]:
        if gate["verdict"] != "PASS":
            lines.append(f"- **{gate['gate']} {gate['verdict']}**: {gate['message']}")
            lines.append(f"  {text('next', language)}: {pick(gate.get('remedy', ''), language)}")
    return lines or [text("no problems", language)]


def markdown(told: Mapping[str, Any], language: str) -> str:
    """Return the record for people.

    :param told: what :func:`record.tell` returned
    :param language: en, zh or both
    """
    t = {key: text(key, language) for key in ("gate", "host", "verdict", "value", "bound", "threshold", "samples")}
    gates = [
        (
            gate["gate"],
            gate["host"],
            gate["verdict"] + (f" ({text('waived', language)})" if gate.get("waived") else ""),
            gate.get("value"),
            gate.get("bound"),
            gate.get("threshold"),
            gate.get("n"),
        )
        for gate in told["gates"]
    ]
    phases = [
        (phase, text(f"state.{seen['state']}", language), _elapsed(seen)) for phase, seen in told["phases"].items()
    ]
    switches = [
        f"- {seen['time']} {seen['kind']}: {seen.get('before', '')} → {seen.get('after', '')}"
        for seen in told["switches"]
    ]
    notes = [f"- {note['time']} {note.get('message', '')}" for note in told["notes"]]
    chain = told.get("chain", {})
    head = f"{text('record', language)}: {told['run'].get('app', '')} {told['run'].get('release', '')}"
    parts = [
        [f"# {head}", "", f"**{text('verdict', language)}: {text('verdict.' + told['verdict'], language)}**", ""],
        [f"## {text('basics', language)}", "", *_basics(told, language), ""],
        [f"## {text('content', language)}", "", *_content(told, language), ""],
        [
            f"## {text('phases', language)}",
            "",
            *_table([text(key, language) for key in ("phase", "state", "seconds")], phases),
        ],
        [f"## {text('verification', language)}", "", *_table(list(t.values()), gates)],
        [f"## {text('problems', language)}", "", *_problems(told, language), ""],
        [f"## {text('events', language)}", "", *(switches or [text("none", language)]), ""],
        [f"## {text('notes', language)}", "", *(notes or [text("none", language)]), ""],
        [f"{text('chain', language)}: {chain.get('events', 0)}, `{chain.get('head', '')}`", ""],
    ]
    return "\n".join(line for part in parts for line in part)
