"""What the record says to people, line by line as the guide's template has it; render.py and page.py give it a form.

The parts of the template: basic facts, content, verification by area, result. Contacts stand before it in the guide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .texts import TEXTS, Text

AREAS = ("functional", "performance", "security", "monitoring")
# By phase, except for gates that are measured where they can be, and belong elsewhere by what they show.
AREA_OF_PHASE = {
    "performance": "performance",
    "watch": "performance",
    "security": "security",
    "monitoring": "monitoring",
}
AREA_OF_GATE = {
    "database.backup": "monitoring",
    "database.checksums": "monitoring",
    "evidence.security": "security",
    "infrastructure.certificate": "security",
    "infrastructure.edge_redirect": "security",
    "performance.rate_limit": "security",
    "release.idle_refused": "security",
    "release.live_expired_key": "security",
    "release.live_key_scope": "security",
    "release.live_refused": "security",
    "release.live_revoked_key": "security",
    "watch.health": "functional",
    "watch.still_healthy": "functional",
}
CHANGES = ("added", "improved", "fixed", "config")

Line = tuple[str, list[Text]]  # key of its name in the catalogue; what stands there, nothing for "none"


def phase_of(gate: Mapping[str, Any]) -> str:
    """Return the phase that a gate belongs to."""
    return str(gate.get("phase") or str(gate["gate"]).partition(".")[0])


def area_of(gate: Mapping[str, Any]) -> str:
    """Return the area of the guide's acceptance list under which a gate counts."""
    return AREA_OF_GATE.get(str(gate["gate"]), AREA_OF_PHASE.get(phase_of(gate), "functional"))


def fill(key: str, **values: Any) -> Text:
    """Return a text of the catalogue in both languages, with its gaps filled."""
    return {language: text.format(**values) for language, text in TEXTS[key].items()}


def lasted(phase: Mapping[str, Any]) -> float | None:
    """Return the seconds that a phase took; None when it did not end."""
    if not (phase.get("started") and phase.get("finished")):
        return None
    return (datetime.fromisoformat(phase["finished"]) - datetime.fromisoformat(phase["started"])).total_seconds()


def status(told: Mapping[str, Any]) -> str:
    """Return success, partial or failure. A release that serves although a gate is waived is a partial success."""
    if told["verdict"] in ("LIVE", "VERIFIED"):
        return "partial" if any(gate["verdict"] != "PASS" for gate in told["gates"]) else "success"
    return "partial" if told["verdict"] == "UNPROVEN" else "failure"


def _some(*values: Any) -> list[Text]:
    return [str(value) for value in values if value not in (None, "", [])]


def basics(told: Mapping[str, Any]) -> list[Line]:
    """Return the basic facts."""
    run = told["run"]
    manifest = run.get("manifest", {})
    who = f"{run.get('who', '')} @ {run.get('where', '')}"
    lines: list[Line] = [
        ("release", _some(f"{run.get('app', '')} {run.get('release', '')}".strip())),
        ("previous", _some(run.get("previous"))),
        ("time", _some(f"{run.get('started', '')} – {run.get('finished', '')}")),
        ("who", _some(who)),
        ("team", _some(*run.get("team", []))),
        ("commit", _some(manifest.get("commit"))),
        ("image", _some(manifest.get("image_id"))),
        ("exempt", _some(*run.get("rate_limit_exempt", []))),
    ]
    if told.get("canary"):
        lines.append(("canary", canary(told["canary"])))
    return [*lines, ("awx", _some(run["awx_job"]))] if run.get("awx_job") else lines


def canary(shared: Mapping[str, Any]) -> list[Text]:
    """Return what share the release had before it took over, and for how many requests at each edge."""
    rows: list[Text] = [
        fill("canary.set", **{key: shared[key] for key in ("share", "by", "seconds", "after", "before")})
    ]
    rows += [fill("canary.edge", **edge) for edge in shared["edges"]]
    return [*rows, TEXTS[f"canary.{shared['ended'] or 'still set'}"]]


def content(told: Mapping[str, Any]) -> list[Line]:
    """Return what the release brings, by kind of change."""
    changes = told["run"].get("manifest", {}).get("changes", [])
    return [(kind, [change["text"] for change in changes if change["kind"] == kind]) for kind in CHANGES]


def verification(told: Mapping[str, Any]) -> list[Line]:
    """Return for each area how many gates passed, and those that did not."""
    lines: list[Line] = []
    for area in AREAS:
        gates = [gate for gate in told["gates"] if area_of(gate) == area]
        passed = sum(gate["verdict"] == "PASS" for gate in gates)
        said: list[Text] = [fill("area.passed", passed=passed, all=len(gates)) if gates else TEXTS["area.nothing"]]
        said += [f"{gate['gate']} {gate['verdict']} ({gate['host']})" for gate in gates if gate["verdict"] != "PASS"]
        lines.append((f"area.{area}", said))
    return lines


def result(told: Mapping[str, Any]) -> list[Line]:
    """Return status, problems, measures and follow-up."""
    wrong = [gate for gate in told["gates"] if gate["verdict"] != "PASS"]
    found: list[Text] = []
    for failure in told["failures"]:
        where = f" ({failure['host']})" if failure.get("host") else ""
        found.append(f"{failure.get('phase', '')}{where}: {failure.get('message', '')}")
    found += [f"{gate['gate']} {gate['verdict']} ({gate['host']}): {gate['message']}" for gate in wrong]
    measures: list[Text] = [
        fill("flipped back", release=seen.get("after") or "-")
        for seen in told["switches"]
        if seen["kind"] == "flip_back"
    ]
    measures += [gate["remedy"] for gate in wrong if gate.get("remedy")]
    follow: list[Text] = [fill("waiver ends", **_waiver(gate)) for gate in wrong if gate.get("waived")]
    if told["verdict"] == "UNPROVEN":
        follow.append(TEXTS["look now"])
    elif told["verdict"] not in ("LIVE", "VERIFIED"):
        follow.append(TEXTS["again"])
    return [
        ("status", [TEXTS[f"status.{status(told)}"], TEXTS[f"verdict.{told['verdict']}"]]),
        ("found", _each_once(found)),
        ("measures", _each_once(measures)),
        ("follow-up", _each_once(follow)),
        ("messages", messages(told)),
    ]


def messages(told: Mapping[str, Any]) -> list[Text]:
    """Return who was told what, who could not be told and why, and when there was nobody to tell."""
    lines: list[Text] = []
    for sent in told.get("messages", []):
        rows = sent["outcomes"] + sent["waiting"]
        if not rows:
            lines.append({code: f"{sent['event']}: {said}" for code, said in TEXTS["message.nobody"].items()})
        for row in rows:
            state = TEXTS["message.kept" if row["state"] == "kept" else "message.sent"]
            why = f": {row['why']}" if row.get("why") else ""
            lines.append({code: f"{sent['event']}, {row['receiver']}: {said}{why}" for code, said in state.items()})
    return _each_once(lines)


def _waiver(gate: Mapping[str, Any]) -> dict[str, str]:
    waived = gate["waived"]
    return {"gate": gate["gate"], **{key: waived.get(key, "-") for key in ("until", "who", "reason")}}


def _each_once(texts: Sequence[Text]) -> list[Text]:
    return [text for place, text in enumerate(texts) if text not in texts[:place]]


def contacts(told: Mapping[str, Any]) -> list[tuple[Text, Text]]:
    """Return whom to call: what they answer for, and name and how to reach them."""
    return [(row["role"], f"{row['name']}, {row['contact']}") for row in told["run"].get("contacts", [])]


def signature(told: Mapping[str, Any]) -> Line:
    """Return who signed the record, or why nobody did."""
    seen = told.get("signature", {})
    if seen.get("signed"):
        return "signed", _some(seen.get("identity"), seen.get("fingerprint"))
    return "unsigned", _some(seen.get("why"))


def sections(told: Mapping[str, Any]) -> list[tuple[str, list[Line]]]:
    """Return the parts of the template in its order: key of the heading, lines."""
    return [
        ("basics", basics(told)),
        ("content", content(told)),
        ("verification", verification(told)),
        ("result", result(told)),
    ]
