"""Which gates of the catalogue belong to which host."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

CONTROLLER = "controller"
# What the judge and the record need of a gate. `params` are left out: they may hold secrets, and they need not even be
# templatable away from the host that measures.
JUDGED = ("id", "title", "judge", "remedy")
NEEDED = ("id", "on", "title", "probe", "judge", "remedy")
MOST_LISTED = 30  # words in a sentence
# What modules repeat of a statement that failed: a verifier of RFC 5803, or else what follows PASSWORD. Where its end
# is not plain (the statement itself stands in quotes), rather too much of it is hidden.
_CREDENTIALS = re.compile(r"""SCRAM-SHA-\d+\$[\w+/=$:]+|(?<=\bPASSWORD )\\*'(?!SCRAM-)(?:[^']|'')*'""", re.IGNORECASE)

Gate = Mapping[str, Any]
Groups = Mapping[str, Sequence[str]]


def hosts_of(gate: Gate, groups: Groups) -> list[str]:
    """Return the hosts that measure a gate.

    They are those of the group in `on`, without those that are also in a group of `not_on`; only the first with `once`.
    """
    group = str(gate["on"])
    others = phase_hosts(groups, gate.get("not_on", []))
    hosts = ["localhost"] if group == CONTROLLER else [host for host in groups.get(group, []) if host not in others]
    return hosts[:1] if gate.get("once") else hosts


def _asked(catalogue: Iterable[Gate], step: str, only: str) -> list[Gate]:
    """Return the gates of a step whose `when`, where they have one, holds: some need what not every application has."""
    return [
        gate
        for gate in catalogue
        if gate.get("step", "") == step and only in ("", gate["id"]) and gate.get("when", True)
    ]


def gates_here(catalogue: Iterable[Gate], host: str, groups: Groups, step: str = "", only: str = "") -> list[Gate]:
    """Return the gates that `host` measures in this step of the phase, as they stand in the catalogue.

    :param only: id of the one gate that is asked for
    """
    return [gate for gate in _asked(catalogue, step, only) if host in hosts_of(gate, groups)]


def expected(catalogue: Iterable[Gate], groups: Groups, step: str = "", only: str = "") -> list[dict[str, str]]:
    """Return every ``{gate, host}`` pair that must have been measured; arguments as in :func:`gates_here`."""
    return [
        {"gate": str(gate["id"]), "host": host}
        for gate in _asked(catalogue, step, only)
        for host in hosts_of(gate, groups)
    ]


def judged(
    catalogue: Iterable[Gate], overrides: Mapping[str, Mapping[str, Any]], step: str = "", only: str = ""
) -> list[dict[str, Any]]:
    """Return the gates as the judge wants them, with the inventory's changes to their `judge` applied.

    :param overrides: gate id to the keys of `judge` that the inventory changes
    :param only: id of the one gate that is asked for
    """
    rows = []
    for gate in _asked(catalogue, step, only):
        row = {key: gate[key] for key in JUDGED if key in gate}
        row["judge"] = {**row["judge"], **overrides.get(str(gate["id"]), {})}
        rows.append(row)
    return rows


def refusals(
    own: Iterable[Mapping[str, Iterable[Gate]]],
    built_in: Mapping[str, Iterable[Gate]],
    probes: Iterable[str],
    groups: Iterable[str],
    named: Mapping[str, Iterable[str]],
) -> list[str]:
    """Return, in sentences, which gates and which words about gates would do nothing, without anybody noticing.

    :param own: phase to the gates that the inventory and the application add
    :param built_in: phase to the gates of golive, of every phase
    :param probes: the probes that there are
    :param groups: the groups of the inventory
    :param named: variable to the ids that it names (overrides, waivers)
    """
    steps = {phase: {"", *(str(gate.get("step", "")) for gate in gates)} for phase, gates in built_in.items()}
    ids = [str(gate["id"]) for gates in built_in.values() for gate in gates]
    wrong = []
    for phase, gates in ((phase, list(gates)) for more in own for phase, gates in more.items()):
        if phase not in steps:
            wrong.append(f"gates are added to phase {phase}{_near(phase, steps)}")
            continue
        for gate in gates:
            wrong += _wrong(gate, phase, steps[phase], list(probes), [*groups, CONTROLLER])
            if gate.get("id") in ids:
                wrong.append(
                    f"two gates have the id {gate['id']}; to change a limit of golive's own use gates_overrides"
                )
            ids.append(str(gate.get("id", "")))
    wrong += [
        f"{variable} names {id}, which is no gate{_near(id, ids)}"
        for variable, wanted in named.items()
        for id in wanted
        if id not in ids
    ]
    return wrong


def _wrong(gate: Gate, phase: str, steps: Iterable[str], probes: list[str], groups: list[str]) -> list[str]:
    name = f"gate {gate.get('id', '?')} of phase {phase}"
    if missing := [key for key in NEEDED if key not in gate]:
        return [f"{name} lacks {', '.join(missing)}"]
    places = [gate["on"], *gate.get("not_on", [])]
    return (
        [
            f"{name} is for group {group}, which is not in the inventory{_near(group, groups)}"
            for group in places
            if group not in groups
        ]
        + ([] if gate["probe"] in probes else [f"{name} asks probe {gate['probe']}{_near(gate['probe'], probes)}"])
        + ([] if gate.get("step", "") in steps else [f"{name} is for step {gate['step']}{_near(gate['step'], steps)}"])
    )


def _near(word: str, words: Iterable[str]) -> str:
    """Return what to append to a sentence about a word that is not known."""
    known = [one for one in words if one]
    if near := difflib.get_close_matches(word, known, n=1, cutoff=0.5):
        return f" (did you mean {near[0]}?)"
    return f" (known: {', '.join(known) or 'none'})" if len(known) < MOST_LISTED else ""


def refusal(id: str, ids: Sequence[str]) -> str:
    """Return the sentence that refuses the id of a gate that is not there."""
    near = difflib.get_close_matches(id, ids, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else "."
    return (
        f'no gate that is measured at any time is named "{id}"{hint} They are {", ".join(ids)}. Nothing was measured.'
    )


def phase_hosts(groups: Groups, names: Sequence[str]) -> list[str]:
    """Return the hosts of several groups, each once, in the inventory's order."""
    return list(dict.fromkeys(host for name in names for host in groups.get(name, [])))


def without(groups: Groups, away: Sequence[str]) -> dict[str, list[str]]:
    """Return the inventory's groups without some hosts."""
    return {name: [host for host in hosts if host not in away] for name, hosts in groups.items()}


def hosts_with(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], mark: str) -> list[str]:
    """Return the hosts that have a mark, a fact that is true."""
    return [host for host in hosts if hostvars[host].get(mark)]


def check(gate: Gate) -> dict[str, Any]:
    """Return a gate's entry in the `checks` of its probe."""
    return {"id": gate["id"], **gate.get("params", {})}


def unfinished(
    hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]], phase: str, *, lost: bool = False
) -> list[dict[str, Any]]:
    """Return a failure event for each host that left no mark of this phase, neither of its end nor of its rescue.

    :param hostvars: host to its variables, of which `golive_done` lists the phases that it finished, `golive_rescued`
        those of which it could itself say what failed, and `golive_through` those whose first of two plays it did
    :param lost: only hosts that got lost in the play that failed: not those that were through with it
    """
    marks = ("golive_done", "golive_rescued", *(["golive_through"] if lost else []))
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
        if not any(phase in hostvars[host].get(mark, []) for mark in marks)
    ]


def as_event(data: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return an event for the record."""
    return {"kind": kind, "data": data}


def failure_sentence(result: Mapping[str, Any], host: str) -> str:
    """Return what a failed task says.

    Over some connections a host that is off looks like a module without an answer; that is told in plain words. Many
    sentences begin with the host, for those who read them alone; whoever shows this names it, too. This goes into the
    record, where no_log does not reach: passwords in SQL are hidden, and verifiers, which are as good to guess from.
    """
    said = str(result.get("module_stderr") or "").strip().rstrip(".")
    if said and "deserialization" in str(result.get("msg", "")):
        return (
            f"{host} cannot be worked on: {said.splitlines()[-1]}. "
            f"Check that it runs and answers (ansible {host} -m ping), then run again."
        )
    # Of a loop Ansible says only that one or more items failed.
    items = [item for item in result.get("results") or () if item.get("failed") and item.get("msg")]
    told = str((items or [result])[0].get("msg") or "the task failed without a message")
    return _CREDENTIALS.sub("(hidden)", told.removeprefix(f"{host}: "))
