"""How a run ended: exit code, where the live traffic is, what to do next. Told from the record alone, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .texts import TEXTS, Text


class Code(NamedTuple):
    """An exit code of ./golive; `name` is its key in the catalogue of texts (exit.NAME)."""

    number: int
    name: str


CODES = (
    Code(0, "live"),
    Code(1, "unexpected"),
    Code(2, "usage"),
    Code(3, "stopped"),
    Code(4, "rolled back"),
    Code(5, "not back"),
    Code(6, "locked"),
    Code(7, "no evidence"),
    Code(130, "interrupted"),
)
NUMBER = {code.name: code.number for code in CODES}

# How the sentence of a failure begins that means: somebody else is at work here, or nobody may be.
HELD = ("The deployment lock is taken", "Deployments are frozen")
GOOD = ("LIVE", "VERIFIED")
# What a verdict means, where it says all that there is to say.
OF_VERDICT = {"ROLLED BACK": "rolled back", "UNPROVEN": "not back"}


def exit_name(
    told: Mapping[str, Any] | None,
    *,
    code: int = 0,
    interrupted: bool = False,
    finished: bool = True,
    began: bool = True,
) -> str:
    """Return the name of the exit code of a run.

    :param told: the record, or what its events tell so far; None when the run left none
    :param code: exit code of ansible-playbook
    :param interrupted: by Ctrl-C or a signal
    :param finished: whether the record was finished
    :param began: False when the run was refused before it began: what was asked for is impossible
    """
    if interrupted:
        return "interrupted"
    if told is None:
        return "live" if code == 0 else "unexpected" if began else "usage"
    verdict = told["verdict"]
    if verdict in GOOD and finished:
        return "live" if code == 0 else "unexpected"
    if any(str(failure.get("message", "")).startswith(HELD) for failure in told["failures"]):
        return "locked"
    if told["run"].get("kind") == "rollback":
        return "not back"
    if not finished:
        return "not back" if verdict == "UNPROVEN" else "unexpected"
    return OF_VERDICT.get(verdict) or ("no evidence" if _nothing_known(told) else "stopped")


def exit_code(told: Mapping[str, Any] | None, **how: Any) -> int:
    """Return the exit code of a run; arguments as in :func:`exit_name`."""
    return NUMBER[exit_name(told, **how)]


def _nothing_known(told: Mapping[str, Any]) -> bool:
    """Return whether missing evidence alone stopped the run: no gate is red, no step failed."""
    kinds = {gate["verdict"] for gate in blocking_gates(told)}
    return kinds == {"NO-EVIDENCE"} and not told["failures"]


def blocking_gates(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the gates that stopped a run, in the order in which they were judged."""
    return [gate for gate in told["gates"] if gate["verdict"] != "PASS" and not gate.get("waived")]


def traffic(told: Mapping[str, Any]) -> Text:
    """Return which release has the live traffic after a run."""
    switches: Sequence[Mapping[str, Any]] = told["switches"]
    run = told["run"]
    if not switches:
        if shared := told.get("canary"):
            return canary(shared)
        if run.get("previous"):
            return _fill("traffic.same", release=run["previous"])
        return TEXTS["traffic.unknown" if "previous" not in run else "traffic.none"]
    last = switches[-1]
    if last["kind"] == "flip_back":
        if not last.get("after"):  # it was the first release
            return TEXTS["traffic.back to none"]
        return _fill("traffic.back", release=last["after"])
    key = "traffic.new" if told["verdict"] in GOOD else "traffic.unproven"
    return _fill(key, release=last.get("after") or run.get("release", ""), before=last.get("before") or "-")


def canary(shared: Mapping[str, Any]) -> Text:
    """Return what a canary meant for the traffic.

    :param shared: the record's `canary`
    """
    users = sum(edge["users"] for edge in shared["edges"])
    known = {key: shared[key] for key in ("share", "before", "after")} | {"users": users if shared["edges"] else "?"}
    return _fill(f"traffic.canary {shared['ended'] or 'set'}", **known)


def next_step(told: Mapping[str, Any], name: str) -> Text:
    """Return what to do after a run that did not end well; nothing when there is nothing to do.

    :param name: of its exit code
    """
    if name == "live":
        return ""
    gates = blocking_gates(told)
    if name in ("stopped", "no evidence") and gates:
        return _fill("next.doctor", gate=gates[0]["gate"])
    switches = told["switches"]
    values = {"release": told["run"].get("release", ""), "before": switches[-1].get("before") or "" if switches else ""}
    key = "interrupted after" if name == "interrupted" and switches and switches[-1]["kind"] == "switch" else name
    return _fill(f"next.{key}", **values)


def _fill(key: str, **values: Any) -> Text:
    return {language: text.format(**values) for language, text in TEXTS[key].items()}
