#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Bring accounts, teams and folders of Grafana to what is described."""

from __future__ import annotations

DOCUMENTATION = r"""
module: grafana_access
short_description: Accounts, teams and the folders that they may read, in Grafana
description:
  - Asks Grafana 7.5 or newer over its HTTP API what there is, and changes what differs, all of it in one call.
  - Accounts, teams, members and folders that are not described are left alone. A folder is open to everybody who is
    logged in, unless it names teams; then only to these, and to administrators.
options:
  url:
    description: Base URL of Grafana.
    type: str
    required: true
  ca_file:
    description: The only authority to trust, as a PEM file. The system's when empty.
    type: str
    default: ""
  user:
    description: Account of the administrator.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  accounts:
    description: Accounts, and the teams that they belong to.
    type: list
    elements: dict
    default: []
    suboptions:
      login:
        description: Name to log in with.
        type: str
        required: true
      password:
        description: Password.
        type: str
        required: true
      role:
        description: What it may do.
        type: str
        choices: [Viewer, Editor, Admin]
        default: Viewer
      teams:
        description: Names of teams.
        type: list
        elements: str
        default: []
  teams:
    description: Names of teams.
    type: list
    elements: str
    default: []
  folders:
    description: Folders of dashboards.
    type: list
    elements: dict
    default: []
    suboptions:
      uid:
        description: Id of the folder.
        type: str
        required: true
      title:
        description: What readers see.
        type: str
        required: true
      teams:
        description: The only teams that may read it; none for everybody.
        type: list
        elements: str
        default: []
  timeout_seconds:
    description: How long one answer may take.
    type: float
    default: 10
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It asks, and says what it would change.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Let a team read its folder
  grafana_access:
    url: https://192.0.2.5:3000
    user: golive-admin
    password: "{{ golive_secrets.grafana_admin }}"
    teams: [database]
    accounts: [{login: ada, password: "{{ vault_ada }}", teams: [database]}]
    folders: [{uid: golive-operations, title: Operations, teams: [database]}]
"""

RETURN = r"""
done:
  description: One sentence for each change.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import grafana
from ansible.module_utils.golive_core.grafana_access import Access, Refused

TEXTS = {"type": "list", "elements": "str", "default": []}


def _spec() -> dict[str, Any]:
    def rows(**options: Any) -> dict[str, Any]:
        return {"type": "list", "elements": "dict", "default": [], "options": options}

    name = {"type": "str", "required": True}
    return {
        "url": name,
        "ca_file": {"type": "str", "default": ""},
        "user": name,
        "password": {"type": "str", "required": True, "no_log": True},
        "accounts": rows(
            login=name,
            password={"type": "str", "required": True, "no_log": True},
            role={"type": "str", "choices": ["Viewer", "Editor", "Admin"], "default": "Viewer"},
            teams=TEXTS,
        ),
        "teams": TEXTS,
        "folders": rows(uid=name, title=name, teams=TEXTS),
        "timeout_seconds": {"type": "float", "default": 10},
    }


def main() -> None:
    """Parse, compare, change."""
    module = AnsibleModule(argument_spec=_spec(), supports_check_mode=True)
    given = module.params
    ask = grafana.client(given["url"], given["user"], given["password"], given["ca_file"], given["timeout_seconds"])
    access = Access(ask, only_look=module.check_mode)
    try:
        access.bring(given["user"], given["accounts"], given["teams"], given["folders"])
    except (Refused, grafana.Unanswered) as error:
        module.fail_json(msg=str(error), done=access.done)
    module.exit_json(changed=bool(access.done), done=access.done)


if __name__ == "__main__":
    main()
