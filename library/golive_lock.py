#!/usr/bin/python
"""Keep two go-lives of one application apart."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_lock
short_description: Take, renew or release the deployment lock of an application
description:
  - The lock is a lease, kept as a file on the edge host, with its owner and the time when it ends.
  - A lease that has ended is taken over, and so is one whose process on the same controller is dead; the reason is
    returned, for the record.
options:
  path:
    description: Directory of the lock.
    type: path
    required: true
  state:
    description: V(held) takes or renews the lock, V(released) gives it back if it is ours.
    type: str
    choices: [held, released]
    default: held
  owner:
    description: Id of the run.
    type: str
    required: true
  who:
    description: Person and machine, for whoever is refused.
    type: str
    default: unknown
  controller:
    description: Id of the machine that asks, process that leads the run, and processes alive there.
    type: dict
    default: {}
    suboptions:
      machine:
        description: Id of the controller.
        type: str
        default: ''
      process:
        description: Pid and start time of the run.
        type: str
        default: ''
      alive:
        description: Processes alive on the controller, in the same form.
        type: list
        elements: str
        default: []
      epoch:
        description: Seconds since 1970 on the controller; not used for the lease, which runs by this host's clock.
        type: float
  wait_seconds:
    description: How long to wait for a lock that somebody else holds, and does renew.
    type: int
    default: 0
  seconds:
    description: Length of the lease.
    type: int
    default: 3600
  report:
    description: What the run says of itself to Prometheus, written for the exporter of this host.
    type: dict
    suboptions:
      path:
        description: File of metrics. Nothing is written while its directory is missing, as before the first exporter.
        type: path
        required: true
      text:
        description: Metrics in Prometheus' text format.
        type: str
        required: true
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Take the lock
  golive_lock:
    path: /opt/golive/football/lock
    owner: 20261123T221500Z-1.4.0
"""

RETURN = r"""
reason:
  description: Why the lock was taken over, waited for, or refused; empty when it was free.
  returned: always
  type: str
"""

import fcntl
import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.lock import Claim, claim

HOLDER = "holder.json"
POLL_SECONDS = 2.0


def _read(path: Path) -> dict[str, Any] | None:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except json.JSONDecodeError:
        # Replaced in one step below, so only somebody else can have cut it short: nothing to wait for.
        return {"owner": "an unreadable lock file", "expires": 0}
    return holder if isinstance(holder, dict) else {"owner": "an unreadable lock file", "expires": 0}


def _try(params: dict[str, Any], directory: Path) -> Claim:
    """Take or renew the lock if we may, while a guard file keeps other askers out."""
    file, controller, now = directory / HOLDER, params["controller"], time.time()
    with (directory / "guard").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        holder = _read(file)
        asked = claim(holder, params["owner"], controller.get("machine", ""), controller.get("alive", []), now)
        if asked.granted:
            ours = holder if holder and holder.get("owner") == params["owner"] else {}
            draft = file.with_suffix(".new")
            draft.write_text(
                json.dumps(
                    {
                        "owner": params["owner"],
                        "who": params["who"],
                        "controller": controller.get("machine", ""),
                        "process": controller.get("process", ""),
                        "since": ours.get("since", now),
                        "expires": now + params["seconds"],
                    }
                ),
                encoding="utf-8",
            )
            draft.replace(file)
    return asked


def _hold(module: AnsibleModule, directory: Path) -> dict[str, Any]:
    """Take or renew the lock, and wait for it as long as was asked."""
    began = time.monotonic()
    refused = ""
    while not (asked := _try(module.params, directory)).granted:
        refused = refused or asked.reason
        if time.monotonic() - began + POLL_SECONDS > module.params["wait_seconds"]:
            waited = f" (waited {time.monotonic() - began:.0f} s)" if module.params["wait_seconds"] else ""
            module.fail_json(msg=f"The deployment lock is taken: {asked.reason}{waited}.", reason=asked.reason)
        time.sleep(POLL_SECONDS)
    reason = asked.reason
    if refused and not reason:
        reason = (
            f"free after {time.monotonic() - began:.0f} s of waiting: {refused.partition(';')[0]} when this run began"
        )
    return {"changed": False, "reason": reason}  # a lease is not a change of the host


def _report(file: Path, text: str) -> None:
    """Write metrics in one step: the exporter may read at any time."""
    if file.parent.is_dir():
        draft = file.with_suffix(".new")
        draft.write_text(text, encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(file)


def main() -> None:
    """Parse the arguments, take or release the lock."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
            "owner": {"type": "str", "required": True},
            "who": {"type": "str", "default": "unknown"},
            "controller": {
                "type": "dict",
                "default": {},
                "options": {
                    "machine": {"type": "str", "default": ""},
                    "process": {"type": "str", "default": ""},
                    "alive": {"type": "list", "elements": "str", "default": []},
                    "epoch": {"type": "float"},
                },
            },
            "wait_seconds": {"type": "int", "default": 0},
            "seconds": {"type": "int", "default": 3600},
            "report": {
                "type": "dict",
                "options": {"path": {"type": "path", "required": True}, "text": {"type": "str", "required": True}},
            },
        },
        supports_check_mode=True,
    )
    directory = Path(module.params["path"])
    result: dict[str, Any] = {"changed": False, "reason": ""}
    try:
        if module.params["state"] == "held":
            if not module.check_mode:
                directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                result = _hold(module, directory)
        else:
            holder = _read(directory / HOLDER)
            if holder and holder["owner"] == module.params["owner"] and not module.check_mode:
                (directory / HOLDER).unlink()
        if module.params["report"] and not module.check_mode:
            _report(Path(module.params["report"]["path"]), module.params["report"]["text"])
    except OSError as error:
        module.fail_json(msg=f"The lock in {directory} cannot be kept: {error}. Make it writable and run again.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
