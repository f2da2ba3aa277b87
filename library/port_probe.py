#!/usr/bin/python
"""Look whether ports of other hosts can be reached."""

from __future__ import annotations

DOCUMENTATION = r"""
module: port_probe
short_description: Look whether TCP ports of other hosts can be reached from here, and return what was measured
description:
  - Connects and hangs up; nothing is sent.
  - A port is closed when the host refuses the connection (nobody listens), and also when nothing comes back (filtered).
    C(observed) tells them apart.
  - Never fails for what it measures; whether a measurement is good enough is judged by M(gate_verdict).
options:
  checks:
    description: What to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      hosts:
        description: Names or addresses to connect to, at least one.
        type: list
        elements: str
        required: true
      ports:
        description: Ports to try on each of them, at least one.
        type: list
        elements: int
        required: true
      expect:
        description: What is wanted of every port on every host.
        type: str
        choices: [open, closed]
        required: true
      timeout_seconds:
        description: Time for one connection; those of all checks are tried at once.
        type: float
        default: 2
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Look whether the database is closed to this host
  port_probe:
    checks:
      - id: security.database_port
        hosts: "{{ groups['database'] | map('extract', hostvars, 'golive_address') }}"
        ports: [5432]
        expect: closed
"""

RETURN = r"""
measurements:
  description:
    - One measurement per entry of O(checks), in the same order; its keys are described in docs/contributing.md.
    - Each port of each host is one observation. The measurement is invalid when one could not be tried at all, because
      the name is not known or there is no way to the host.
  returned: always
  type: list
  elements: dict
"""

import platform
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import ports
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now


def _measure(check: Mapping[str, Any]) -> Measurement:
    started, clock = utc_now(), time.monotonic()
    seen = ports.connect_all(check["hosts"], check["ports"], check["timeout_seconds"])
    return measurement(
        check["id"],
        n=len(seen),
        failures=len(ports.wrong(seen, check["expect"])),
        observed=ports.sentence(seen, check["expect"], platform.node()),
        expected=check["expect"],
        invalid=summarise(f"{row.place} could not be tried: {row.why}" for row in seen if row.state == "unknown"),
        started=started,
        seconds=time.monotonic() - clock,
    )


CHECK = {
    "id": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "ports": {"type": "list", "elements": "int", "required": True},
    "expect": {"type": "str", "choices": ["open", "closed"], "required": True},
    "timeout_seconds": {"type": "float", "default": 2},
}


def main() -> None:
    """Parse the arguments, look, return the measurements."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK}},
        supports_check_mode=True,
    )
    for check in module.params["checks"]:
        if not check["hosts"] or not check["ports"]:
            module.fail_json(msg=f"Check {check['id']}: `hosts` and `ports` must name at least one each.")
        if not all(0 < port < 65_536 for port in check["ports"]) or check["timeout_seconds"] <= 0:
            module.fail_json(msg=f"Check {check['id']}: `ports` must be 1 to 65535 and `timeout_seconds` above 0.")
    checks = module.params["checks"]
    with ThreadPoolExecutor(len(checks) or 1) as pool:  # a filtered port takes its whole time-out
        module.exit_json(changed=False, measurements=list(pool.map(_measure, checks)))


if __name__ == "__main__":
    main()
