#!/usr/bin/python
"""Run one of the backup host's jobs, wait for it, and say how it went."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_job
short_description: Make a backup, or test a restore, by the unit that also does it by timer
description:
  - Starts a unit of role backup and waits for it. What it wrote down says whether it went well, not its exit code.
  - A job of the same unit that runs already is waited for first, since it may have begun too early to count.
options:
  unit:
    description: The unit, such as C(golive-backup@diff.service).
    type: str
    required: true
  result:
    description: File in which the job says how it went.
    type: path
    required: true
  state:
    description:
      - V(done) starts a unit that ends by itself. V(started) starts one that stays, unless it runs; V(stopped) ends it.
    type: str
    choices: [done, started, stopped]
    default: done
  max_age:
    description: Do nothing when the last run went well, is younger than so many seconds, and of a backup that is there.
    type: float
  backups:
    description: With O(max_age), file in which the last backup says which backups there are.
    type: path
attributes:
  check_mode:
    support: full
    description: Says whether the job would run.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Make a differential backup
  backup_job:
    unit: golive-backup@diff.service
    result: /var/lib/golive-backup/backup.json
"""

RETURN = r"""
result:
  description: What the job wrote down.
  type: dict
  returned: always
reason:
  description: Why it ran, or why not.
  type: str
  returned: always
"""

import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.backup import due

RUNNING = ("active", "activating", "deactivating", "reloading")


def _read(path: str | None) -> dict[str, Any] | None:
    try:
        return dict(json.loads(Path(str(path)).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _state(module: AnsibleModule, unit: str) -> str:
    return str(module.run_command(["systemctl", "is-active", unit])[1]).strip()


def main() -> None:
    """Parse, run, tell."""
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "result": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["done", "started", "stopped"], "default": "done"},
            "max_age": {"type": "float"},
            "backups": {"type": "path"},
        },
        supports_check_mode=True,
    )
    unit, state = module.params["unit"], module.params["state"]
    reason = "asked for"
    if module.params["max_age"] is not None:
        there = _read(module.params["backups"]) or {}
        last = _read(module.params["result"])
        reason = due(last, there.get("labels", []), module.params["max_age"], time.time())
    running = _state(module, unit) in RUNNING
    if not reason or (state == "started" and running) or (state == "stopped" and not running):
        module.exit_json(
            changed=False, result=_read(module.params["result"]) or {}, reason=reason or "the last one counts"
        )
    if module.check_mode:
        module.exit_json(changed=True, result={}, reason=f"would run {unit}: {reason}")
    if state == "done" and running:
        module.run_command(["systemctl", "start", "--wait", unit])
    began = time.time()
    code, _, error = module.run_command(["systemctl", "stop" if state == "stopped" else "start", unit])
    told = _read(module.params["result"]) or {}
    if state == "stopped":
        if code != 0:
            module.fail_json(msg=f"{unit} does not stop: {error.strip()}", result=told, reason=reason)
        module.exit_json(changed=True, result=told, reason=reason)
    if told.get("started", 0) < began:
        sentence = f"{unit} wrote nothing into {module.params['result']}: {error.strip()}; see journalctl -u {unit}"
        module.fail_json(msg=sentence, result=told, reason=reason)
    if not told.get("ok"):
        module.fail_json(msg="; ".join(told.get("problems") or ["no reason given"]), result=told, reason=reason)
    module.exit_json(changed=True, result=told, reason=reason)


if __name__ == "__main__":
    main()
