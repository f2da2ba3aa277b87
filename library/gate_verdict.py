#!/usr/bin/python
"""Judge what was measured."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gate_verdict
short_description: Judge measurements by gates
description:
  - Runs on the controller. Gives one verdict for each entry of O(expected); a measurement that is missing is
    NO-EVIDENCE, which blocks like FAIL.
  - Only computes; the task succeeds whatever the verdicts are, and fails for a gate that is not well defined.
options:
  gates:
    description:
      - The gates, each with C(id) and C(judge) (golive_core.judge documents its forms), and for people C(title) and
        C(remedy), each a text or a dictionary of C(en) and C(zh).
    type: list
    elements: dict
    required: true
  measurements:
    description: What probes returned, each with the C(host) that measured. The last one of a gate and host counts.
    type: list
    elements: dict
    required: true
  expected:
    description: Every pair of gate and host that must have been measured.
    type: list
    elements: dict
    required: true
    suboptions:
      gate:
        description: Id of the gate.
        type: str
        required: true
      host:
        description: Name of the host in the inventory.
        type: str
        required: true
  waivers:
    description:
      - Gates that may stay red, each with C(gate), C(reason), C(who) and C(until) (YYYY-MM-DD, to the end of that day
        in UTC). One that is expired or lacks a key does not count. Those of gates that are not in O(gates) are ignored.
    type: list
    elements: dict
    default: []
  language:
    description: Language of the remedies in RV(failures) and RV(waived).
    type: str
    choices: [en, zh, both]
    default: en
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Judge what was measured
  gate_verdict:
    gates:
      - id: release.health
        judge: {all_ok: true, min_samples: 5}
        remedy: {en: "Read the log of the new container.", zh: "查看新容器的日志。"}
    expected: [{gate: release.health, host: app1}]
    measurements: "{{ seen.measurements | map('combine', {'host': 'app1'}) }}"
"""

RETURN = r"""
verdicts:
  description:
    - One per entry of O(expected), in the same order, with C(gate), C(phase), C(host), C(title), C(verdict) (PASS, FAIL
      or NO-EVIDENCE), C(value), C(bound), C(threshold), C(unit), C(n), C(failures), C(message), C(remedy), C(waived)
      (the waiver that holds, or null), C(started), C(seconds), C(sha256).
  returned: always
  type: list
  elements: dict
passed:
  description: Whether nothing blocks - every verdict is PASS or waived.
  returned: always
  type: bool
failures:
  description: A sentence for each verdict that blocks, with what to do next.
  returned: always
  type: list
  elements: str
waived:
  description: A sentence for each verdict that would block but for a waiver.
  returned: always
  type: list
  elements: str
counts:
  description: How many verdicts were C(pass), C(fail), C(no_evidence), and how many of the latter two are C(waived).
  returned: always
  type: dict
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.judge import FAIL, NO_EVIDENCE, PASS, Verdict, blocks, judge, read_rule
from ansible.module_utils.golive_core.measurement import Measurement
from ansible.module_utils.golive_core.texts import pick

NEXT = {"en": "Next", "zh": "措施"}


def _measurements(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Measurement]:
    """Return (gate, host) to the last measurement of it.

    :raises ValueError: when something else than a measurement was handed over
    """
    found: dict[tuple[str, str], Measurement] = {}
    keys = Measurement.__required_keys__ | Measurement.__optional_keys__
    for row in rows:
        if missing := ({"host", *Measurement.__required_keys__} - set(row)):
            raise ValueError(
                f"measurement {row.get('id', row)!r} lacks `{min(missing)}`: hand over what a probe returned"
            )
        found[row["id"], row["host"]] = Measurement(**{key: row[key] for key in keys if key in row})
    return found


def _said(verdict: Verdict) -> str:
    return f"{verdict['gate']} {verdict['verdict']} on {verdict['host']}: {verdict['message'].rstrip('.')}"


def _sentence(verdict: Verdict, language: str) -> str:
    remedy = pick(verdict["remedy"], language)
    advice = f" {pick(NEXT, language)}: {remedy}" if remedy else ""
    return f"{_said(verdict)}.{advice}"


def _waived(verdict: Verdict) -> str:
    waiver = verdict["waived"] or {}
    by = f"waived by {waiver.get('who')} until {waiver.get('until')}, because {waiver.get('reason')}"
    return f"{_said(verdict)}; {by}."


def judge_all(params: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what the module returns.

    :raises ValueError: one sentence, when a gate, a pair or a measurement is not well defined
    """
    for gate in params["gates"]:
        read_rule(gate)
    gates = {gate["id"]: gate for gate in params["gates"]}
    if len(gates) < len(params["gates"]):
        ids = [gate["id"] for gate in params["gates"]]
        raise ValueError(f"gate {next(each for each in ids if ids.count(each) > 1)} is defined twice")
    if unknown := {pair["gate"] for pair in params["expected"]} - set(gates):
        raise ValueError(f"gate {min(unknown)} is expected, but there is no such gate")
    seen = _measurements(params["measurements"])
    verdicts = [
        judge(
            gates[pair["gate"]],
            seen.get((pair["gate"], pair["host"])),
            now,
            host=pair["host"],
            waivers=params["waivers"],
        )
        for pair in params["expected"]
    ]
    kinds = [verdict["verdict"] for verdict in verdicts]
    waived = [verdict for verdict in verdicts if verdict["waived"]]
    return {
        "verdicts": verdicts,
        "passed": not any(map(blocks, verdicts)),
        "failures": [_sentence(verdict, params["language"]) for verdict in verdicts if blocks(verdict)],
        "waived": [_waived(verdict) for verdict in waived],
        "counts": {
            "pass": kinds.count(PASS),
            "fail": kinds.count(FAIL),
            "no_evidence": kinds.count(NO_EVIDENCE),
            "waived": len(waived),
        },
    }


PAIR = {"gate": {"type": "str", "required": True}, "host": {"type": "str", "required": True}}
SPEC = {
    "gates": {"type": "list", "elements": "dict", "required": True},
    "measurements": {"type": "list", "elements": "dict", "required": True},
    "expected": {"type": "list", "elements": "dict", "required": True, "options": PAIR},
    "waivers": {"type": "list", "elements": "dict", "default": []},
    "language": {"type": "str", "choices": ["en", "zh", "both"], "default": "en"},
}


class Refused(Exception):
    """Nothing was judged; in one sentence, why."""


def run(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:  # noqa: ARG001  # it changes nothing
    """Return what the module returns.

    :raises Refused: when a gate, a pair or a measurement is not well defined
    """
    try:
        return {"changed": False, **judge_all(params, datetime.now(UTC))}
    except ValueError as error:
        raise Refused(f"Nothing was judged: {error}.") from error


def main() -> None:
    """Parse the arguments, judge, return the verdicts."""
    # no_log: of the controller's log, thousands of samples are no log entry
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True, no_log=True)
    told = {key: value for key, value in module.params.items() if key != "measurements"}
    try:
        result = run(module.params, module.check_mode)
    except Refused as refused:
        module.fail_json(msg=str(refused), invocation={"module_args": told})
    module.exit_json(invocation={"module_args": told}, **result)


if __name__ == "__main__":
    main()
