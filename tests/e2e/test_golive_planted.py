"""Every gate turns red for what it is there for, says why, and no other gate does: the table is faults.yml."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from golive_core import record

from golive import doctor
from golive.lab import ROOT

from .conftest import Fleet, Run

HERE = Path(__file__).parent
TABLE = yaml.safe_load((HERE / "faults.yml").read_text(encoding="utf-8"))
ROUNDS = TABLE["rounds"]
TOOLS = """
set -eu
keep() { mkdir -p /run/golive-fault; cp -a "$1" "/run/golive-fault/${1##*/}"; }
overwrite() { python3 -c '
import sys
path, old, new = sys.argv[1], *(word.encode() for word in sys.argv[2:])
with open(path, "r+b") as file:
    file.seek(file.read().index(old))
    file.write(new)' "$@"; }
back() { cp -a "/run/golive-fault/${1##*/}" "$1"; rm "/run/golive-fault/${1##*/}"; }
stranger() { systemd-run --quiet --unit golive-stranger python3 -c "$STRANGER" "$1" "${2:-}"; }
no_stranger() { systemctl stop golive-stranger; }
"""


def reddened(round_: Mapping[str, Any]) -> dict[str, str]:
    """Return each gate that has to be red in a round, and the words of its sentence."""
    return {gate: words for part in (round_, *round_["faults"]) for gate, words in part.get("red", {}).items()}


def test_every_gate_has_a_fault():
    planted = {gate for round_ in ROUNDS for gate in reddened(round_)}
    gates = [gate["id"] for gates in doctor.catalogue().values() for gate in gates]
    assert sorted([*planted, *TABLE["elsewhere"]]) == sorted(gates)


@pytest.mark.parametrize(("gate", "place"), TABLE["elsewhere"].items())
def test_what_plants_elsewhere_is_there(gate, place):
    path, _, test = place.partition("::")
    assert (f"def {test}(" if test else gate) in (ROOT / path).read_text(encoding="utf-8")


def names(fleet: Fleet) -> dict[str, str]:
    """Return what the scripts and variables of a round know by name. The idle colour runs afterwards, where it is."""
    live = fleet.colour()
    idle = "green" if live == "blue" else "blue"
    for host in ("app1", "app2"):
        fleet.on(host, "docker", "start", f"football-{idle}", check=False)
    label = '{{index .Config.Labels "golive.release"}}'
    other = fleet.on("app1", "docker", "inspect", "--format", label, f"football-{idle}", check=False).strip()
    ports = {"blue": "8001", "green": "8002"}
    return {"PORT_OF_LIVE": ports[live], "PORT_OF_IDLE": ports[idle], "LIVE": live, "IDLE": idle, "OTHER": other}


def given(round_: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables of a round's playbook."""
    text = json.dumps(round_.get("variables", {}))
    for name, value in known.items():
        text = text.replace(f"${name}", value)
    steps = {"__gates_at_any_time": round_["steps"]} if "steps" in round_ else {}
    return {**json.loads(text), **steps}


@contextmanager
def planted(fleet: Fleet, faults: list[dict[str, Any]], known: Mapping[str, str]) -> Iterator[None]:
    """Plant faults one after the other; take them away again in the other order, each whatever became of the rest."""
    told = {**known, "STRANGER": (HERE / "stranger.py").read_text(encoding="utf-8")}
    before = TOOLS + "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items())
    done, stayed = [], []
    try:
        for fault in faults:
            done.append(fault)
            fleet.on(fault["host"], "bash", "-s", stdin=before + fault["plant"])
        yield
    finally:
        for fault in reversed(done):
            try:
                fleet.on(fault["host"], "bash", "-s", stdin=before + fault["heal"])
            except Exception as error:
                stayed.append(f"{fault['why']}: {error}")
    assert stayed == []


def wrong(round_: Mapping[str, Any], run: Run) -> list[str]:
    """Return what a run says otherwise than the table."""
    told: dict[str, list[str]] = {}
    for seen in run.told["gates"]:
        if seen["verdict"] != "PASS" and not seen.get("waived"):
            told.setdefault(seen["gate"], []).append(
                f"{seen['gate']} {seen['verdict']} on {seen['host']}: {seen['message']}"
            )
    red = reddened(round_)
    dragged = {gate for fault in round_["faults"] for gate in fault.get("drags", [])}
    return [
        *(f"{gate} passed" for gate in red if gate not in told),
        *(
            f"{gate} does not say '{words}': {told[gate]}"
            for gate, words in red.items()
            if gate in told and not any(words in sentence for sentence in told[gate])
        ),
        *(sentence for gate in set(told) - set(red) - dragged for sentence in told[gate]),
    ]


def settled(fleet: Fleet) -> None:
    """Every server at the edge is up again."""
    until = time.monotonic() + 60
    while fleet.ask("ops1", "/health/") != 200:
        assert time.monotonic() < until, "the application did not come back"
        time.sleep(1)


@pytest.mark.lab
@pytest.mark.parametrize(
    "round_",
    [
        pytest.param(round_, id=round_["name"], marks=[pytest.mark.full] * bool(place))
        for place, round_ in enumerate(ROUNDS)
    ],
)
def test_every_fault_is_named_by_its_gate_and_by_no_other(fleet, round_):
    known = names(fleet)
    assert known["OTHER"] or "steps" not in round_, "nothing is idle: take a second release live first"
    with planted(fleet, round_["faults"], known):
        run = fleet.playbook("verify", variables=given(round_, known))
    settled(fleet)
    assert run.code != 0
    assert run.told["verdict"] == "NOT VERIFIED"
    assert wrong(round_, run) == []
    print(f"{len(reddened(round_))} of {len(reddened(round_))} gates named their fault")


@pytest.mark.lab
@pytest.mark.parametrize("time_", [1, *(pytest.param(time_, marks=pytest.mark.full) for time_ in range(2, 11))])
def test_all_gates_are_green_again_and_looking_changes_nothing(fleet, time_):
    run = fleet.playbook("verify")
    assert run.code == 0, run.output[-4000:]
    assert run.told["verdict"] == "VERIFIED"
    assert {gate["gate"].split(".")[0] for gate in run.told["gates"]} == set(record.PHASES) - {"evidence", "record"}
    assert {host: counts["changed"] for host, counts in run.recap.items()} == dict.fromkeys(run.recap, 0)


DOCTORED = {
    "evidence.origin": "commit",
    "evidence.freshness": "wanted",
    "evidence.tests": "test_planted",
    "evidence.coverage": "wanted",
    "evidence.lint": "F401",
    "evidence.types": "1 type error",
    "evidence.security": "B602",
}


def doctor_reports(release: Path) -> None:
    """Put something into each report that its gate is there for."""
    reports = release / "evidence"

    def change(name: str, become: Any) -> None:
        content = json.loads((reports / name).read_text(encoding="utf-8"))
        (reports / name).write_text(json.dumps(become(content) or content), encoding="utf-8")

    change("evidence.json", lambda told: told.update(created="2020-01-01T00:00:00Z", commit="0" * 40))
    change("coverage.json", lambda told: told["totals"].update(percent_covered=10.0, covered_lines=1))
    finding = {"code": "F401", "filename": "a.py", "message": "unused", "location": {"row": 1, "column": 1}}
    change("ruff.json", lambda told: [*told, finding])
    issue = {"test_id": "B602", "issue_severity": "HIGH", "filename": "a.py", "line_number": 1, "issue_text": "shell"}
    change("bandit.json", lambda told: told["results"].append(issue))
    failure = '<testcase classname="x" name="{}"><failure message="no">no</failure></testcase></testsuite>'
    for name, case in {"junit.xml": "test_planted", "mypy.xml": "mypy"}.items():
        text = (reports / name).read_text(encoding="utf-8")
        head, end, tail = text.rpartition("</testsuite>")
        (reports / name).write_text(head + failure.format(case) + tail if end else text, encoding="utf-8")


@pytest.mark.lab
def test_every_doctored_report_is_seen(fleet, tmp_path):
    releases = tmp_path / "releases"
    shutil.copytree(fleet.lab.state / "releases", releases, symlinks=True)
    doctor_reports(releases / "1.1.0")
    run = fleet.golive("1.1.0", "--tags", "preflight,evidence", golive_releases_dir=str(releases))
    assert run.code != 0
    assert wrong({"red": DOCTORED, "faults": []}, run) == []
