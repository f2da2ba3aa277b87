#!/usr/bin/python
"""Find lines among the logs of all hosts, on the logs host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_find
short_description: Find lines among the logs of all hosts
description:
  - Reads what role logs keeps on the first host of group logs. What is empty does not matter. Changes nothing.
options:
  since:
    description: Where to begin - a span before now (V(90s), V(15m), V(2h), V(7d)), or a time in ISO 8601.
    type: str
    default: 15m
  until:
    description: Where to end, in the same form; empty for now.
    type: str
    default: ''
  host:
    description: Inventory name of the host that wrote.
    type: str
    default: ''
  service:
    description: Name of the service that wrote, such as haproxy; the application's containers have its name.
    type: str
    default: ''
  release:
    description: Release that the line belongs to.
    type: str
    default: ''
  request_id:
    description: Id of a request.
    type: str
    default: ''
  text:
    description: Text that the line contains.
    type: str
    default: ''
  limit:
    description: How many lines at most, the newest.
    type: int
    default: 200
  logs:
    description: Where the logs are.
    type: path
    default: /var/log/golive
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Follow a request
  log_find:
    request_id: 4f1c2b7e-0d7c-4c26-9f9c-2f7c1c4d8a10
    since: 2h
"""

RETURN = r"""
lines:
  description: The lines, the oldest first, as people read them, with the keys in RV(entries).
  returned: always
  type: list
  elements: str
entries:
  description: The same lines with all that is known of them.
  returned: always
  type: list
  elements: dict
"""

from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import log_search

WORDS = ("host", "service", "release", "request_id", "text")


def main() -> None:
    """Parse the arguments and look."""
    module = AnsibleModule(
        argument_spec={
            "since": {"type": "str", "default": "15m"},
            "until": {"type": "str", "default": ""},
            **{name: {"type": "str", "default": ""} for name in WORDS},
            "limit": {"type": "int", "default": 200},
            "logs": {"type": "path", "default": log_search.LOGS},
        },
        supports_check_mode=True,
    )
    params, now, logs = module.params, datetime.now(UTC), Path(module.params["logs"])
    if not logs.is_dir():
        module.fail_json(msg=f"there is no {logs} here; a go-live with a host in group logs makes it.")
    try:
        times = {
            name: log_search.since(params[name], now).isoformat() if params[name] else "" for name in ("since", "until")
        }
    except ValueError as error:
        module.fail_json(msg=f"{error}.")
    query = log_search.Query(**times, **{name: params[name] for name in WORDS})
    entries = log_search.find(logs, query, params["limit"])
    module.exit_json(changed=False, entries=entries, lines=[log_search.render(entry) for entry in entries])


if __name__ == "__main__":
    main()
