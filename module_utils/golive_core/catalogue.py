"""Which gates of the catalogue belong to which host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CONTROLLER = "controller"
# What the judge and the record need of a gate. `params` are left out: they may hold secrets, and they need not even be
# templatable away from the host that measures.
JUDGED = ("id", "title", "judge", "remedy")

Gate = Mapping[str, Any]
Groups = Mapping[str, Sequence[str]]


def hosts_of(gate: Gate, groups: Groups) -> list[str]:
    """Return the hosts that measure a gate: those of the group in `on`, only the first of them with `once`."""
    group = str(gate["on"])
    hosts = ["localhost"] if group == CONTROLLER else list(groups.get(group, []))
    return hosts[:1] if gate.get("once") else hosts


def _of_step(catalogue: Iterable[Gate], step: str) -> list[Gate]:
    return [gate for gate in catalogue if gate.get("step", "") == step]


def gates_here(catalogue: Iterable[Gate], host: str, groups: Groups, step: str = "") -> list[Gate]:
    """Return the gates that `host` measures in this step of the phase, as they stand in the catalogue."""
    return [gate for gate in _of_step(catalogue, step) if host in hosts_of(gate, groups)]


def expected(catalogue: Iterable[Gate], groups: Groups, step: str = "") -> list[dict[str, str]]:
    """Return every ``{gate, host}`` pair that must have been measured."""
    return [
        {"gate": str(gate["id"]), "host": host} for gate in _of_step(catalogue, step) for host in hosts_of(gate, groups)
    ]


def judged(
    catalogue: Iterable[Gate], overrides: Mapping[str, Mapping[str, Any]], step: str = ""
) -> list[dict[str, Any]]:
    """Return the gates as the judge wants them, with the inventory's changes to their `judge` applied.

    :param overrides: gate id to the keys of `judge` that the inventory changes
    """
    rows = []
    for gate in _of_step(catalogue, step):
        row = {key: gate[key] for key in JUDGED if key in gate}
        row["judge"] = {**row["judge"], **overrides.get(str(gate["id"]), {})}
        rows.append(row)
    return rows


def phase_hosts(groups: Groups, names: Sequence[str]) -> list[str]:
    """Return the hosts of several groups, each once, in the inventory's order."""
    return list(dict.fromkeys(host for name in names for host in groups.get(name, [])))


def check(gate: Gate) -> dict[str, Any]:
    """Return a gate's entry in the `checks` of its probe."""
    return {"id": gate["id"], **gate.get("params", {})}


def unfinished(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], phase: str) -> list[dict[str, Any]]:
    """Return a failure event for each host that left no mark of this phase, neither of its end nor of its rescue.

    :param hostvars: host to its variables, of which `golive_done` lists the phases that it finished, and
        `golive_rescued` those of which it could itself say what failed
    """
    return [
        {
            "kind": "phase.failed",
            "data": {
                "phase": phase,
                "host": host,
                "message": f"{host} did not finish phase {phase}: it was not reached, or failed without saying why. "
                f"Check that it answers (ansible {host} -m ping), then run again.",
            },
        }
        for host in hosts
        if phase not in [*hostvars[host].get("golive_done", []), *hostvars[host].get("golive_rescued", [])]
    ]


def as_event(data: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return an event for the record."""
    return {"kind": kind, "data": data}


def failure_sentence(result: Mapping[str, Any], host: str) -> str:
    """Return what a failed task says.

    Over some connections a host that is off looks like a module without an answer; that is told in plain words.
    """
    said = str(result.get("module_stderr") or "").strip().rstrip(".")
    if said and "deserialization" in str(result.get("msg", "")):
        return (
            f"{host} cannot be worked on: {said.splitlines()[-1]}. "
            f"Check that it runs and answers (ansible {host} -m ping), then run again."
        )
    return str(result.get("msg") or "the task failed without a message")
