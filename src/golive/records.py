"""What ./golive record and ./golive stats tell of the go-lives that were."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from golive_core import record, signing
from golive_core.record import BrokenChain
from golive_core.texts import pick

from . import dora
from .say import Problem, complain, say

LAST = "last"
# What of a release is told apart by `diff`.
MANIFEST = ("release", "commit", "image_id", "alembic_head")


@dataclass(frozen=True)
class Record:
    """One record: what it tells, {} when it cannot be read (`wrong` says why); `finished` unless its run broke off."""

    directory: Path
    told: dict[str, Any]
    finished: bool
    wrong: str = ""

    @property
    def id(self) -> str:
        """Return the name of the run."""
        return self.directory.name

    @property
    def state(self) -> str:
        """Return the verdict, or why there is none."""
        if self.wrong:
            return "UNREADABLE"
        return str(self.told["verdict"]) if self.finished else "NOT FINISHED"


def read(directory: Path) -> Record:
    """Return what a record tells; of a run that goes on or broke off, what its events tell so far. Changes nothing."""
    path = directory / "record.json"
    try:
        if not path.exists():
            return Record(directory, record.tell(record.read_events(directory)), finished=False)
        told = json.loads(path.read_text(encoding="utf-8"))
        missing = {"run", "verdict", "gates", "phases"} - set(told if isinstance(told, dict) else ())
        if missing:
            raise ValueError(f"it has no {min(missing)}")
        return Record(directory, told, finished=True)
    except (OSError, ValueError, KeyError, BrokenChain) as error:
        return Record(directory, {}, finished=False, wrong=f"{path} is no record: {error}")


def all_of(records: Path) -> list[Record]:
    """Return every record of a directory, oldest first."""
    found = {path.parent for name in (record.EVENTS, "record.json") for path in records.glob(f"*/{name}")}
    return [read(directory) for directory in sorted(found)]


def find(records: Path, name: str) -> Path:
    """Return the directory of a record.

    :param name: a directory, the name of a record in `records`, or `last`
    :raises Problem: when there is no such record
    """
    if name == LAST:
        if not (known := all_of(records)):
            raise Problem(f"there is no record in {records}; name the directory of your inventory's with --records.")
        return known[-1].directory
    for directory in (Path(name), records / name):
        if directory.is_dir():
            return directory
    raise Problem(
        f"there is no record {name}, neither as a directory nor in {records}; `./golive record list` names them."
    )


def _need(directory: Path) -> Record:
    found = read(directory)
    if found.wrong:
        raise Problem(f"{found.wrong}; `./golive record verify {directory}` says whether it was changed.")
    return found


# --- what is printed


def _print(data: Any) -> None:
    say(json.dumps(data, indent=2, ensure_ascii=False))


def _safe(value: Any) -> str:
    """Return a value for a terminal: what a record holds must not steer it."""
    text = "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    cells = [list(head), *([_safe(value) or "-" for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def duration(seconds: float | None) -> str:
    """Return a time as people say it: 45 s, 12 min, 3.5 h, 2.0 days; "not known" for None."""
    if seconds is None:
        return "not known"
    for unit, size, digits in (("days", 86_400, 1), ("h", 3_600, 1), ("min", 60, 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"


def _gates(told: Mapping[str, Any]) -> tuple[int, int]:
    return sum(gate.get("verdict") == "PASS" for gate in told.get("gates", [])), len(told.get("gates", []))


def summary(found: Record) -> dict[str, Any]:
    """Return one record in a few facts."""
    run = found.told.get("run", {})
    passed, gates = _gates(found.told)
    return {
        "id": found.id,
        "directory": str(found.directory),
        "state": found.state,
        "app": run.get("app"),
        "release": run.get("release"),
        "kind": run.get("kind"),
        "started": run.get("started"),
        "finished": run.get("finished") if found.finished else None,
        "gates_passed": passed,
        "gates": gates,
        "signed": (found.directory / record.SIGNATURE).is_file(),
        "wrong": found.wrong,
    }


def list_records(records: Path, as_json: bool) -> int:
    """Print every record, the newest first; return the exit code."""
    rows = [summary(found) for found in reversed(all_of(records))]
    if as_json:
        _print(rows)
    elif not rows:
        say(f"No record in {records}. Another directory: --records DIR")
    else:
        cells = (
            (
                row["id"],
                row["kind"],
                row["app"],
                row["state"],
                f"{row['gates_passed']}/{row['gates']}",
                _yes(row["signed"]),
            )
            for row in rows
        )
        for line in _table(("record", "kind", "app", "verdict", "gates", "signed"), cells):
            say(line)
    return 0


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


def show(directory: Path, as_json: bool) -> int:
    """Print what a record tells; return the exit code.

    :raises Problem: when it cannot be read
    """
    found = _need(directory)
    if as_json:
        _print(found.told)
        return 0
    told, run = found.told, found.told["run"]
    passed, gates = _gates(told)
    facts = [
        ("Verdict", found.state),
        ("Release", f"{run.get('app', '')} {run.get('release', '')} (before: {run.get('previous') or 'none'})"),
        ("Time", f"{run.get('started', '')} to {run.get('finished', '')}"),
        ("By", f"{run.get('who', '')} on {run.get('where', '')}"),
        ("Commit", run.get("manifest", {}).get("commit")),
        ("Image", run.get("manifest", {}).get("image_id")),
        ("Gates", f"{passed} of {gates} passed"),
        ("Signed", _signed(found)),
        ("Record", directory / "record.md"),
    ]
    for name, value in facts:
        say(f"  {name:<10} {_safe(value) or '-'}")
    say("")
    rows = [
        (name, seen.get("state"), duration(_lasted(seen)) if _lasted(seen) is not None else "")
        for name, seen in told["phases"].items()
    ]
    for line in _table(("phase", "state", "took"), rows):
        say(f"  {line}")
    for problem in problems(told):
        say(f"  {_safe(problem)}")
    return 0


def _signed(found: Record) -> str:
    if (found.directory / record.SIGNATURE).is_file():
        return f"yes; `./golive record verify {found.directory}` checks it"
    return "no" + (f": {why}" if (why := found.told.get("signature", {}).get("why")) else "")


def _lasted(phase: Mapping[str, Any]) -> float | None:
    if not (phase.get("started") and phase.get("finished")):
        return None
    return (datetime.fromisoformat(phase["finished"]) - datetime.fromisoformat(phase["started"])).total_seconds()


def problems(told: Mapping[str, Any]) -> list[str]:
    """Return a sentence for everything in a record that was not as it should be."""
    said = [str(failure.get("message", "")) for failure in told.get("failures", [])]
    for gate in told["gates"]:
        if gate["verdict"] != "PASS":
            waived = " (waived)" if gate.get("waived") else ""
            advice = f" Next: {remedy}" if (remedy := pick(gate.get("remedy") or "", "en")) else ""
            said.append(f"{gate['gate']} {gate['verdict']}{waived} on {gate['host']}: {gate['message']}.{advice}")
    return said


# --- diff


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two records tell differently.

    :returns: ``facts`` (name, before, after), ``gates`` (gate, host, verdict and value before and after; only those
        whose verdict or value differ), ``phases`` (phase, seconds before and after)
    """

    def facts(told: Mapping[str, Any]) -> dict[str, Any]:
        run = told["run"]
        manifest = run.get("manifest", {})
        named = {name: manifest.get(name) for name in MANIFEST}
        return {"verdict": told["verdict"], **named, "release": run.get("release"), "who": run.get("who")}

    def gates(told: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
        return {(gate["gate"], gate["host"]): gate for gate in told["gates"]}

    was, now = facts(before), facts(after)
    old, new = gates(before), gates(after)
    rows = []
    for key in sorted({*old, *new}):
        pair = [
            {name: side.get(key, {}).get(name) for name in ("verdict", "value", "bound", "unit")} for side in (old, new)
        ]
        if pair[0] != pair[1]:
            rows.append({"gate": key[0], "host": key[1], "before": pair[0], "after": pair[1]})
    phases = [
        {
            "phase": name,
            "before": _lasted(before["phases"].get(name, {})),
            "after": _lasted(after["phases"].get(name, {})),
        }
        for name in dict.fromkeys([*before["phases"], *after["phases"]])
    ]
    return {
        "facts": [{"name": name, "before": was[name], "after": now[name]} for name in now if was[name] != now[name]],
        "gates": rows,
        "phases": [row for row in phases if row["before"] is not None or row["after"] is not None],
    }


def diff(before: Path, after: Path, as_json: bool) -> int:
    """Print what two records tell differently; return the exit code.

    :raises Problem: when one of them cannot be read
    """
    told = differences(_need(before).told, _need(after).told)
    if as_json:
        _print({"before": before.name, "after": after.name, **told})
        return 0
    say(f"{before.name} -> {after.name}")
    for row in told["facts"]:
        say(f"  {row['name']}: {_safe(row['before']) or '-'} -> {_safe(row['after']) or '-'}")
    changed = [row for row in told["gates"] if row["before"]["verdict"] != row["after"]["verdict"]]
    moved = [row for row in told["gates"] if row not in changed]
    for title, rows in (("Verdicts", changed), ("Values", moved)):
        if rows:
            say("")
            cells = (
                (
                    row["gate"],
                    row["host"],
                    row["before"]["verdict"],
                    row["after"]["verdict"],
                    *(_measured(row[side]) for side in ("before", "after")),
                )
                for row in rows
            )
            for line in _table((title, "host", "before", "after", "value before", "value after"), cells):
                say(f"  {line}")
    say("")
    cells = ((row["phase"], duration(row["before"]), duration(row["after"])) for row in told["phases"])
    for line in _table(("phase", "before", "after"), cells):
        say(f"  {line}")
    return 0


def _measured(side: Mapping[str, Any]) -> str:
    value = side["value"] if side["value"] is not None else side["bound"]
    unit = side.get("unit") or ""
    return f"{_safe(value)} {unit}".strip() if value is not None and unit not in ("", "1") else _safe(value)


# --- stats


def stats(records: Path, as_json: bool) -> int:
    """Print the figures of DORA, one set per application; return the exit code."""
    known = [found for found in all_of(records) if found.finished]
    apps = sorted({str(found.told["run"].get("app", "")) for found in known})
    told = {
        app: dora.figures(
            dora.deployments(found.told for found in known if str(found.told["run"].get("app", "")) == app)
        )
        for app in apps
    }
    if as_json:
        _print(told)
        return 0
    if not told:
        say(f"No finished record in {records}: nothing is known. Another directory: --records DIR")
    for app, seen in told.items():
        say(f"{_safe(app)}: {seen['deployments']} deployments")
        for name, value in sentences(seen):
            say(f"  {name:<22} {value}")
    return 0


def sentences(seen: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the figures in words; what is not known says why."""
    count = seen["deployments"]
    frequency = "not known: takes two deployments"
    if (per_day := seen["per_day"]) is not None:
        frequency = f"{per_day:.1f} a day" if per_day >= 1 else f"one in {1 / per_day:.1f} days"
    lead = "not known: no release.json says `committed_at`"
    if seen["lead_seconds"] is not None:
        lead = f"{duration(seen['lead_seconds'])} (median of {seen['lead_known']} of {count})"
    failures = "not known: no deployment"
    if seen["failure_share"] is not None:
        failures = f"{seen['failure_share']:.0%} ({seen['failed']} of {count})"
    recovery = "not known: none was given back"
    if seen["recovery_seconds"] is not None:
        recovery = (
            f"{duration(seen['recovery_seconds'])} (median of {seen['recovered']} of {seen['failed']} that failed)"
        )
    return [
        ("Deployment frequency", frequency),
        ("Lead time", lead),
        ("Change failure share", failures),
        ("Recovery time", recovery),
    ]


# --- verify


def verify(directory: Path, allowed_signers: Path | None, as_json: bool) -> int:
    """Say whether a record can be relied on; return the exit code.

    :param allowed_signers: file that names the keys that may sign; None for the one beside the records
    """
    allowed = allowed_signers or signing.home(directory) / signing.ALLOWED_NAME
    checked = record.verify(directory, allowed)
    if as_json:
        _print({"directory": str(directory), "signer": checked.signer, "problems": list(checked.problems)})
    else:
        for problem in checked.problems:
            complain(problem)
        if not checked.problems:
            say(f"{checked.head['run_id']}: whole, {checked.head['events']} events, signed by {checked.signer}")
    return 1 if checked.problems else 0
