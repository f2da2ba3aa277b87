#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Measure what Prometheus and Alertmanager say about themselves."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_probe
short_description: Measure whether Prometheus sees its targets, rules and Alertmanagers
description:
  - Asks Prometheus over its HTTP API and returns one measurement for each check, in the same order.
  - Never fails for what it measures. A server that does not answer is a failure of O(checks[].kind=ready), and for
    every other kind a measurement with RV(measurements[].invalid), which is judged as missing evidence.
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
      kind:
        description:
          - V(ready) asks Prometheus or Alertmanager whether it is ready and runs with its present configuration.
          - V(targets_up) counts targets, and those that are missing, surplus or not up.
          - V(rules_loaded) counts alert rules, and those that are not loaded or cannot be evaluated.
          - V(query) takes the one number that a PromQL expression gives.
          - V(panels) counts the queries of dashboards, and those that give no number to show or are refused.
          - V(alertmanagers_active) counts the Alertmanagers that Prometheus sends to, and those missing or not ready.
        type: str
        required: true
        choices: [ready, targets_up, rules_loaded, query, panels, alertmanagers_active]
      url:
        description: Base URL of Prometheus; of Prometheus or Alertmanager for O(checks[].kind=ready).
        type: str
        required: true
      jobs:
        description: For V(targets_up), job to the exact number of its targets. Other jobs are then not looked at.
        type: dict
        default: {}
      minimum:
        description: For V(alertmanagers_active), and V(targets_up) without O(checks[].jobs), the least number.
        type: int
        default: 1
      rules:
        description: For V(rules_loaded), names of alerts that must be loaded.
        type: list
        elements: str
        default: []
      files:
        description: For V(ready), files on this host that must not have changed since the configuration was last read.
        type: list
        elements: path
        default: []
      query:
        description: For V(query), a PromQL expression that gives one number.
        type: str
        default: ""
      queries:
        description: For V(panels), the queries and the panels that they are for.
        type: list
        elements: dict
        default: []
        suboptions:
          panel:
            description: Name of the dashboard and the panel.
            type: str
            required: true
          expr:
            description: A PromQL expression.
            type: str
            required: true
      unit:
        description: For V(query), the unit of that number.
        type: str
        default: "1"
      within_seconds:
        description:
          - How long to wait for the first scrape or evaluation, counted from the beginning of the call; the measurement
            is the last look. Check mode does not wait.
        type: float
        default: 0
      timeout_seconds:
        description: How long one answer may take.
        type: float
        default: 5
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
    description: It changes nothing.
author:
  - golive contributors
"""

EXAMPLES = r"""
- name: Measure whether all targets of two jobs are up
  prometheus_probe:
    checks:
      - id: monitoring.targets
        kind: targets_up
        url: http://192.0.2.5:9090
        jobs: {node: 5, postgres: 1}
        within_seconds: 30
      - id: monitoring.memory
        kind: query
        url: http://192.0.2.5:9090
        query: min(node_memory_MemAvailable_bytes)
        unit: B
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check, as docs/contributing.md describes them.
  type: list
  elements: dict
  returned: always
  sample:
    - id: monitoring.targets
      n: 6
      failures: 1
      observed: "redis of data1 (http://192.0.2.4:9121/metrics) is down: connection refused"
      expected: "all targets up: 5 node, 1 redis"
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.prometheus import Check, measure_all

CHECK_SPEC: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "kind": {
        "type": "str",
        "required": True,
        "choices": ["ready", "targets_up", "rules_loaded", "query", "panels", "alertmanagers_active"],
    },
    "url": {"type": "str", "required": True},
    "jobs": {"type": "dict", "default": {}},
    "minimum": {"type": "int", "default": 1},
    "rules": {"type": "list", "elements": "str", "default": []},
    "files": {"type": "list", "elements": "path", "default": []},
    "query": {"type": "str", "default": ""},
    "queries": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"panel": {"type": "str", "required": True}, "expr": {"type": "str", "required": True}},
    },
    "unit": {"type": "str", "default": "1"},
    "within_seconds": {"type": "float", "default": 0},
    "timeout_seconds": {"type": "float", "default": 5},
}


def main() -> None:
    """Parse, measure, return."""
    module = AnsibleModule(
        argument_spec={
            "checks": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": CHECK_SPEC,
                "required_if": [
                    ("kind", "rules_loaded", ["rules"]),
                    ("kind", "query", ["query"]),
                    ("kind", "panels", ["queries"]),
                ],
            }
        },
        supports_check_mode=True,
    )
    checks = [
        Check(**{**given, "jobs": {job: int(count) for job, count in given["jobs"].items()}})
        for given in module.params["checks"]
    ]
    module.exit_json(changed=False, measurements=measure_all(checks, wait=not module.check_mode))


if __name__ == "__main__":
    main()
