#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Fire an alert on purpose and measure whether it arrives."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_probe
short_description: Measure how long an alert takes from Prometheus to every receiver
description:
  - Has the relay on this host show a metric that a rule of Prometheus fires on, and waits until Alertmanager has told
    the relay and every receiver of O(checks[].receivers).
  - Never fails for what it measures. No receiver, or a relay or an Alertmanager that does not answer, is a measurement
    with RV(measurements[].invalid), which is judged as missing evidence.
options:
  checks:
    description: What to measure.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate.
        type: str
        required: true
      receivers:
        description: Those that the synthetic alert goes to.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name.
            type: str
            required: true
          kind:
            description: Kind, as in C(golive_receivers).
            type: str
            required: true
      relay:
        description: Base URL of the relay.
        type: str
        default: http://127.0.0.1:9096
      alertmanager:
        description: Base URL of Alertmanager.
        type: str
        required: true
      within_seconds:
        description: How long to wait for the last receiver.
        type: float
        default: 20
      timeout_seconds:
        description: How long one answer may take.
        type: float
        default: 5
attributes:
  check_mode:
    support: full
    description: In check mode no alert is fired, and there is no evidence.
  diff_mode:
    support: none
    description: It changes nothing.
author:
  - golive contributors
"""

EXAMPLES = r"""
- name: Measure whether alerts arrive
  alert_probe:
    checks:
      - id: monitoring.alert_arrives
        receivers: [{name: team, kind: email}]
        alertmanager: http://192.0.2.5:9093
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check, as docs/contributing.md describes them.
  type: list
  elements: dict
  returned: always
  sample:
    - id: monitoring.alert_arrives
      n: 2
      failures: 0
      value: 2.8
      unit: s
      observed: arrived at team after 2.8 s
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.synthetic_alert import Check, measure

CHECK_SPEC: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "receivers": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"name": {"type": "str", "required": True}, "kind": {"type": "str", "required": True}},
    },
    "relay": {"type": "str", "default": "http://127.0.0.1:9096"},
    "alertmanager": {"type": "str", "required": True},
    "within_seconds": {"type": "float", "default": 20},
    "timeout_seconds": {"type": "float", "default": 5},
}


def main() -> None:
    """Parse, measure, return."""
    module = AnsibleModule(
        argument_spec={
            "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK_SPEC},
        },
        supports_check_mode=True,
    )
    measured = [measure(Check(**given), fire=not module.check_mode) for given in module.params["checks"]]
    module.exit_json(changed=False, measurements=measured)


if __name__ == "__main__":
    main()
