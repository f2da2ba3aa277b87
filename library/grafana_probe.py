#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Measure what Grafana shows its readers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_probe
short_description: Measure whether Grafana is healthy, closed to strangers, and shows its dashboards
description:
  - Asks Grafana 7.5 or newer over its HTTP API and returns one measurement for each check, in the same order.
  - Never fails for what it measures. A Grafana that gives no answer is a failure of O(checks[].kind=health), and for
    every other kind a measurement with RV(measurements[].invalid), which is judged as missing evidence. So is every
    kind where there is no Grafana (O(checks[].absent)).
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
          - V(health) asks for the health of Grafana and its own database.
          - V(closed) tries to come in as nobody, and with the password that every new Grafana has.
          - V(data_source) asks whether the data source answers.
          - V(dashboards) counts dashboards, and those that are missing or not the ones of their files.
          - V(panel) runs the query of the first panel of O(checks[].dashboard) through Grafana.
        type: str
        required: true
        choices: [health, closed, data_source, dashboards, panel]
      url:
        description: Base URL of Grafana.
        type: str
        required: true
      ca_file:
        description: The only authority to trust, as a PEM file. The system's when empty.
        type: str
        default: ""
      user:
        description: Account to ask as.
        type: str
        default: ""
      password:
        description: Its password.
        type: str
        default: ""
      data_source:
        description: Name of the data source.
        type: str
        default: golive
      dashboards:
        description: For V(dashboards), uid to title.
        type: dict
        default: {}
      dashboard:
        description: For V(panel), uid of the dashboard.
        type: str
        default: ""
      absent:
        description: Why there is no Grafana here. Nothing is asked then.
        type: str
        default: ""
      within_seconds:
        description:
          - How long to look again while something is wrong, counted from the beginning of the call. Check mode looks
            once.
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
- name: Measure whether two dashboards are there
  grafana_probe:
    checks:
      - id: monitoring.grafana_dashboards
        kind: dashboards
        url: https://192.0.2.5:3000
        ca_file: /etc/golive/tls/ca.crt
        user: golive-reader
        password: "{{ golive_secrets.grafana_reader }}"
        dashboards: {golive-golive: Go-live, golive-edge: Edge}
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check, as docs/contributing.md describes them.
  type: list
  elements: dict
  returned: always
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import grafana
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now

PAUSE = 0.5  # seconds between two looks
EXPECTED = {
    "health": "healthy, with its database",
    "closed": "nobody let in without an account of this site",
    "data_source": "the data source answers",
    "dashboards": "every dashboard there, from its file",
    "panel": "data for a panel, through Grafana",
}
CHECK_SPEC: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True, "choices": list(EXPECTED)},
    "url": {"type": "str", "required": True},
    "ca_file": {"type": "str", "default": ""},
    "user": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "data_source": {"type": "str", "default": "golive"},
    "dashboards": {"type": "dict", "default": {}},
    "dashboard": {"type": "str", "default": ""},
    "absent": {"type": "str", "default": ""},
    "within_seconds": {"type": "float", "default": 0},
    "timeout_seconds": {"type": "float", "default": 5},
}


def _look(check: dict[str, Any]) -> grafana.Seen:
    ask = grafana.client(check["url"], check["user"], check["password"], check["ca_file"], check["timeout_seconds"])
    try:
        match check["kind"]:
            case "health":
                return grafana.health(ask)
            case "closed":
                return grafana.closed(ask)
            case "data_source":
                return grafana.data_source(ask, check["data_source"])
            case "dashboards":
                return grafana.provisioned(ask, check["dashboards"])
            case _:
                return grafana.panel(ask, check["data_source"], check["dashboard"])
    except grafana.Unanswered as error:
        return grafana.Seen(1, [str(error)]) if check["kind"] == "health" else grafana.Seen(0, invalid=str(error))


def _measure(check: dict[str, Any], until: float) -> Measurement:
    started, begin = utc_now(), time.monotonic()
    if check["absent"]:
        seen = grafana.Seen(0, invalid=check["absent"])
    else:
        while ((seen := _look(check)).problems or seen.invalid) and time.monotonic() + PAUSE <= until:
            time.sleep(PAUSE)
    return measurement(
        check["id"],
        n=seen.n,
        failures=len(seen.problems),
        value=seen.value,
        observed=seen.invalid or summarise(seen.problems) or seen.fine,
        expected=EXPECTED[check["kind"]],
        invalid=seen.invalid,
        started=started,
        seconds=time.monotonic() - begin,
    )


def main() -> None:
    """Parse, measure, return."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK_SPEC}},
        supports_check_mode=True,
    )
    begin = time.monotonic()
    module.exit_json(
        changed=False,
        measurements=[
            _measure(check, begin + (0 if module.check_mode else check["within_seconds"]))
            for check in module.params["checks"]
        ],
    )


if __name__ == "__main__":
    main()
