#!/usr/bin/python
"""Ask a Redis server as a client would."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cache_probe
short_description: Measure what a Redis server answers or refuses
description:
  - Connects for each check, logs in, runs one command, and compares what came with what was wanted.
  - Never fails for what it measures. A server that cannot be reached is a failure of V(ok) and V(value), and no
    evidence for V(refused).
options:
  checks:
    description: What to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate.
        type: str
        required: true
      host:
        description: Name or address of the server; its certificate must carry it.
        type: str
        required: true
      port:
        description: Port of the server.
        type: int
        default: 6379
      user:
        description: User to log in as; empty does not log in.
        type: str
        default: ''
      password:
        description: Password of the user.
        type: str
        default: ''
      ca_file:
        description: Authority that signed the server's certificate; empty connects without TLS.
        type: path
      command:
        description: Command and its arguments.
        type: list
        elements: str
        default: [PING]
      expect:
        description: What is wanted; V(refused) is an error reply, or a connection closed without any reply.
        type: str
        choices: [ok, refused, value]
        default: ok
      error:
        description:
          - With O(checks[].expect=refused), the first word of the only error reply that counts; another shows nothing
            about this right and is no evidence.
        type: str
        default: ''
      value:
        description: The reply wanted with O(checks[].expect=value).
        type: str
        default: ''
      samples:
        description: How often to ask.
        type: int
        default: 1
      timeout_seconds:
        description: How long one answer may take.
        type: float
        default: 5
attributes:
  check_mode:
    support: full
    description: It runs the commands that it is given, in check mode, too; give it those that change nothing.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Measure whether a wrong password is refused
  cache_probe:
    checks:
      - id: security.cache_password
        host: 192.0.2.4
        user: football
        password: wrong
        ca_file: /etc/golive/tls/ca.crt
        expect: refused
        error: WRONGPASS
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check, as docs/contributing.md describes them.
  type: list
  elements: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import resp
from ansible.module_utils.golive_core.answers import Answer, measure
from ansible.module_utils.golive_core.measurement import Measurement

CHECK_SPEC: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 6379},
    "user": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "ca_file": {"type": "path"},
    "command": {"type": "list", "elements": "str", "default": ["PING"]},
    "expect": {"type": "str", "choices": ["ok", "refused", "value"], "default": "ok"},
    "error": {"type": "str", "default": ""},
    "value": {"type": "str", "default": ""},
    "samples": {"type": "int", "default": 1},
    "timeout_seconds": {"type": "float", "default": 5},
}


def _ask(check: dict[str, Any]) -> Answer:
    try:
        reply = resp.ask(
            check["host"],
            check["port"],
            [check["command"]],
            user=check["user"],
            password=check["password"],
            ca_file=check["ca_file"],
            timeout=check["timeout_seconds"],
        )
    except resp.Refused as error:
        wanted = check["error"]
        return Answer("refused" if wanted in ("", str(error).partition(" ")[0]) else "failed", str(error))
    except resp.Unreachable as error:
        return Answer("unreachable", str(error))
    return Answer("answered", str(reply))


def _measure(check: dict[str, Any]) -> Measurement:
    who = check["user"] or "nobody"
    what = f"{' '.join(check['command'])} as {who} at {check['host']}:{check['port']}"
    what += "" if check["ca_file"] else " without TLS"
    return measure(check["id"], what, lambda: _ask(check), check["expect"], check["value"], check["samples"])


def main() -> None:
    """Parse, ask, return."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK_SPEC}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, measurements=[_measure(check) for check in module.params["checks"]])


if __name__ == "__main__":
    main()
