#!/usr/bin/python
"""Tell a Redis server to do something."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_command
short_description: Run commands on a Redis server over TLS
description:
  - Logs in, and runs the commands in one connection. The password appears in no argument list and in no environment.
options:
  host:
    description: Name or address of the server; its certificate must carry it.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server.
    type: int
    default: 6379
  user:
    description: User to log in as.
    type: str
    required: true
  password:
    description: Password of the user.
    type: str
    required: true
  ca_file:
    description: Authority that signed the server's certificate.
    type: path
    required: true
  commands:
    description: Commands, each a list of words.
    type: list
    elements: list
    required: true
attributes:
  check_mode:
    support: full
    description: Nothing is sent in check mode.
  diff_mode:
    support: none
  idempotent:
    support: none
    description: It always reports a change.
author: [golive developers]
"""

EXAMPLES = r"""
- name: Load the users again
  cache_command:
    user: golive_admin
    password: "{{ golive_secrets.cache_admin }}"
    ca_file: /etc/golive/tls/ca.crt
    commands: [[ACL, LOAD]]
"""

RETURN = r"""
reply:
  description: What the server said to the last command.
  type: raw
  returned: when it was sent
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import resp


def main() -> None:
    """Parse, run, return."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 6379},
            "user": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "ca_file": {"type": "path", "required": True},
            "commands": {"type": "list", "elements": "list", "required": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    if module.check_mode:
        module.exit_json(changed=True)
    try:
        reply = resp.ask(
            given["host"],
            given["port"],
            given["commands"],
            user=given["user"],
            password=given["password"],
            ca_file=given["ca_file"],
        )
    except (resp.Refused, resp.Unreachable) as error:
        module.fail_json(
            msg=f"{given['host']}:{given['port']} did not do what {given['user']} asked: {error}. "
            "Look at the journal of the cache."
        )
    module.exit_json(changed=True, reply=reply)


if __name__ == "__main__":
    main()
