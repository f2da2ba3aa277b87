#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Bring an AWX to what is described."""

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_resources
short_description: Projects, templates, workflows and the rest of an AWX, from one list
description:
  - Asks AWX over its REST API what there is, and makes or changes what differs, the whole list in one call.
  - What is not described is left alone, but for the links, and the steps of a workflow, of what is described.
  - A secret that AWX holds already is not compared, since AWX does not show it.
options:
  url:
    description: Base URL of AWX.
    type: str
    required: true
  token:
    description: Token of an account that may change these resources.
    type: str
    required: true
  ca_file:
    description: The only authority to trust, as a PEM file. The system's when empty.
    type: str
    default: ""
  state:
    description: V(absent) removes what is described, in the opposite order.
    type: str
    choices: [present, absent]
    default: present
  resources:
    description:
      - Resources, each with C(type) (as in the API's path), C(name), C(fields), C(related) (links to names), C(survey)
        and C(nodes) (steps of a workflow). What names another comes after it.
    type: list
    elements: dict
    required: true
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It asks, and says what it would change.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Have a job template
  awx_resources:
    url: https://awx.example.org
    token: "{{ awx_token }}"
    resources:
      - type: job_templates
        name: golive verify
        fields: {project: golive, inventory: golive, playbook: playbooks/verify.yml}
        related: {credentials: [golive SSH]}
"""

RETURN = r"""
done:
  description: One sentence for each change.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import awx


def main() -> None:
    """Parse, compare, change."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "token": {"type": "str", "required": True, "no_log": True},
            "ca_file": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "resources": {"type": "list", "elements": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    if sentences := awx.wrong(given["resources"]):
        module.fail_json(msg=f"{' '.join(sentences)} Nothing was asked of AWX.", done=[])
    there = awx.Awx(awx.client(given["url"], given["token"], given["ca_file"]), only_look=module.check_mode)
    try:
        (there.bring if given["state"] == "present" else there.remove)(given["resources"])
    except (awx.Refused, ValueError) as error:
        module.fail_json(msg=str(error), done=there.done)
    module.exit_json(changed=bool(there.done), done=there.done)


if __name__ == "__main__":
    main()
