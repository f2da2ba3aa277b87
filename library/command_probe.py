#!/usr/bin/python
"""Run commands and measure whether they ended as wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
module: command_probe
short_description: Run commands that only look, and return whether they ended as wanted
description:
  - For gates of your own that no other probe can measure. Runs each command without a shell, in an environment that
    holds C(PATH) and C(LC_ALL=C.UTF-8) only, with no input.
  - Whether a command only looks, nobody can see from outside, so none runs in check mode; F(playbooks/verify.yml) runs
    it.
  - Never fails for what it measures. A command that cannot be started, or does not end in time, is no evidence.
options:
  checks:
    description: What to run.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      argv:
        description: The command and its words. Every user of the host can read them, so no secret may stand here.
        type: list
        elements: str
        required: true
      exit_code:
        description: The exit code that is right.
        type: int
        default: 0
      matches:
        description: A regular expression that is found in the standard output.
        type: str
        default: ''
      number:
        description:
          - A regular expression whose group 1 is a number in the standard output. It becomes the value that the judge
            compares, unless the command ended otherwise than wanted.
        type: str
        default: ''
      unit:
        description: Unit of that number.
        type: str
        default: '1'
      timeout_seconds:
        description: How long the command may take.
        type: float
        default: 10
author: [golive developers]
attributes:
  check_mode:
    support: partial
    details:
      - Nothing runs in check mode, and every measurement is invalid.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: See that the job queue is short
  command_probe:
    checks:
      - id: release.queue
        argv: [docker, exec, shop-green, shop, queue, --length]
        number: "waiting: ([0-9]+)"
"""

RETURN = r"""
measurements:
  description:
    - One measurement per entry of O(checks), in the same order; its keys are described in docs/contributing.md.
    - C(failures) is 1 for another exit code, for output without what O(checks[].matches) says, and for output without
      the number. The sample is that number, or how many seconds the command took.
  returned: always
  type: list
  elements: dict
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import command

CHECK = {
    "id": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str", "required": True},
    "exit_code": {"type": "int", "default": 0},
    "matches": {"type": "str", "default": ""},
    "number": {"type": "str", "default": ""},
    "unit": {"type": "str", "default": "1"},
    "timeout_seconds": {"type": "float", "default": 10},
}


def main() -> None:
    """Parse the arguments, run, return the measurements."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK}},
        supports_check_mode=True,
    )
    checks = module.params["checks"]
    for check in checks:
        if not check["argv"] or check["timeout_seconds"] <= 0:
            module.fail_json(msg=f"Check {check['id']}: `argv` must not be empty and `timeout_seconds` above 0.")
        for key in ("matches", "number"):
            try:
                groups = re.compile(check[key]).groups
            except re.error as error:
                module.fail_json(msg=f"Check {check['id']}: `{key}` is not a regular expression: {error}.")
            if key == "number" and check[key] and not groups:
                module.fail_json(msg=f"Check {check['id']}: `number` has no group around the number.")
    module.exit_json(changed=False, measurements=[command.measure(check, module.check_mode) for check in checks])


if __name__ == "__main__":
    main()
