#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Keep the alerts quiet that a go-live causes by itself, for as long as it runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_silence
short_description: Begin or end the silences of a run in Alertmanager
description:
  - Makes one silence for each of O(rules) that has C(explained_by_golive), with an end. What others have made stays.
  - Never fails for an Alertmanager that does not answer, for a go-live does not wait for it. RV(note) says so.
options:
  state:
    description: Whether the silences begin, or those of the application end.
    type: str
    choices: [present, absent]
    default: present
  url:
    description: Base URL of Alertmanager.
    type: str
    required: true
  host:
    description: Its host, for RV(note).
    type: str
    required: true
  app:
    description: Name of the application. Silences of golive for others stay.
    type: str
    required: true
  run:
    description: Id of the run.
    type: str
    required: true
  rules:
    description: The catalogue of alert rules, in the form of C(prometheus_rules).
    type: list
    elements: dict
    default: []
  seconds:
    description: When they end by themselves.
    type: float
    default: 3600
  timeout_seconds:
    description: How long one answer may take.
    type: float
    default: 5
attributes:
  check_mode:
    support: full
    description: In check mode no silence begins or ends.
  diff_mode:
    support: none
    description: A silence is no state of a host.
author:
  - golive contributors
"""

EXAMPLES = r"""
- name: Keep quiet what this run explains
  golive_silence:
    url: http://192.0.2.5:9093
    host: ops1
    app: football
    run: 20261129T140000Z-1.4.0
    rules: "{{ prometheus_rules }}"
"""

RETURN = r"""
silences:
  description: Alert, labels and id of each silence that began; with O(state=absent) the ids of those that ended.
  type: list
  elements: raw
  returned: always
note:
  description:
    - What was done, or why it could not be, as data of a note for the record, with its C(message).
    - Empty in check mode, or without such rules.
  type: dict
  returned: always
problem:
  description: Why Alertmanager did not do it; empty when it did.
  type: str
  returned: always
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import silences
from ansible.module_utils.golive_core.prometheus import Unanswered


def _begin(asked: silences.Asked, host: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    now = time.time()
    try:
        made = silences.begin(asked, rules, now)
    except Unanswered as error:
        return {"problem": str(error), "note": silences.not_begun(host, str(error), rules)}
    return {"silences": made, "note": silences.begun(host, made, now + asked.seconds)}


def _end(asked: silences.Asked, host: str) -> dict[str, Any]:
    try:
        ids = silences.end(asked)
    except Unanswered as error:
        return {"problem": str(error), "note": silences.not_ended(host, str(error))}
    return {"silences": ids, "note": silences.ended(host, ids)}


def main() -> None:
    """Parse, begin or end, return."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            **{name: {"type": "str", "required": True} for name in ("url", "host", "app", "run")},
            "rules": {"type": "list", "elements": "dict", "default": []},
            "seconds": {"type": "float", "default": 3600},
            "timeout_seconds": {"type": "float", "default": 5},
        },
        supports_check_mode=True,
    )
    params = module.params
    asked = silences.Asked(params["url"], params["app"], params["run"], params["seconds"], params["timeout_seconds"])
    result: dict[str, Any] = {"changed": False, "silences": [], "note": {}, "problem": ""}
    begins = params["state"] == "present"
    if not module.check_mode and (silences.explained(params["rules"]) or not begins):
        result.update(_begin(asked, params["host"], params["rules"]) if begins else _end(asked, params["host"]))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
