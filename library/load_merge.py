#!/usr/bin/python
"""Put together what several load generators measured."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_merge
short_description: Put together what several load generators measured at the same time
description:
  - Runs on the controller. Takes what M(load_probe) returned as C(raw) on several hosts, started in one task, and
    returns measurements as if one generator had sent it all.
  - Invalid when one of the generators could not keep its own schedule, or when they started more than a second apart.
options:
  results:
    description: The C(raw) of each generator.
    type: list
    elements: dict
    required: true
  checks:
    description: What to return of it, as in M(load_probe).
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      metric:
        description: As in M(load_probe).
        type: str
        choices: [latency_seconds, errors, availability, throughput, lag]
        required: true
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Put the generators together
  load_merge:
    results: "{{ groups['generators'] | map('extract', hostvars) | map(attribute='load.raw') }}"
    checks:
      - {id: performance.latency_p95, metric: latency_seconds}
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: always
  type: list
  elements: dict
summary:
  description: As of M(load_probe); C(cpu_share) is that of the busiest generator.
  returned: always
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import load

CHECK = {
    "id": {"type": "str", "required": True},
    "metric": {"type": "str", "choices": list(load.METRICS), "required": True},
}
SPEC: dict[str, Any] = {
    "results": {"type": "list", "elements": "dict", "required": True},
    "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK},
}


def main() -> None:
    """Parse the arguments, put together, return the measurements."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True, no_log=True)  # no log of all requests
    shown = {"module_args": {"checks": module.params["checks"]}}
    try:
        told = load.merge([load.read(raw) for raw in module.params["results"]])
    except ValueError as error:
        module.fail_json(msg=f"The generators' results cannot be put together: {error}.", invocation=shown)
    module.exit_json(
        changed=False,
        invocation=shown,
        summary=told.summary(),
        measurements=[load.measure(told, each["id"], each["metric"]) for each in module.params["checks"]],
    )


if __name__ == "__main__":
    main()
