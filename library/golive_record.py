#!/usr/bin/python
"""Write the record of a go-live."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_record
short_description: Start, extend and finish the record of a go-live
description:
  - Keeps the record on the controller, as a directory with a hash chain of events (C(events.jsonl)) and, once finished,
    C(record.json) and C(record.md) told from those events alone.
  - Nothing is ever overwritten or removed; an append is on disk before the module returns.
options:
  state:
    description:
      - V(started) makes the directory and the first event, and returns what identifies the run and its controller.
      - V(appended) adds O(events).
      - V(finished) writes C(record.json) and C(record.md), and returns what they tell.
    type: str
    choices: [started, appended, finished]
    default: appended
  directory:
    description:
      - Directory of this record; with O(state=started) the directory in which a new one is made.
    type: path
    required: true
  name:
    description: Readable end of the new directory's name; used with O(state=started).
    type: str
    default: run
  run:
    description: Facts of the run, for its first event; used with O(state=started).
    type: dict
    default: {}
  events:
    description: Events to add, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: What happened, for example V(phase.completed).
        type: str
        required: true
      data:
        description: The facts of it.
        type: dict
        default: {}
  language:
    description: Language of C(record.md).
    type: str
    choices: [en, zh, both]
    default: en
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written, and the values are returned as if it had been.
  diff_mode:
    support: none
    description: A record only grows.
"""

EXAMPLES = r"""
- name: Note that a phase is complete
  golive_record:
    directory: "{{ golive_run.directory }}"
    events:
      - kind: phase.completed
        data: {phase: evidence}
"""

RETURN = r"""
directory:
  description: The directory of the record.
  returned: always
  type: str
run_id:
  description: Name of the run, which is the name of that directory.
  returned: always
  type: str
controller:
  description: Id of this machine, C(process) (pid and start time) of the run, C(alive) processes, C(epoch) seconds.
  returned: when O(state=started)
  type: dict
told:
  description: The content of C(record.json).
  returned: when O(state=finished)
  type: dict
"""

import getpass
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import process, record, render


def _controller() -> dict[str, Any]:
    return {
        "machine": process.machine(),
        "process": process.identity(process.leader()),
        "alive": process.alive(),
        "epoch": time.time(),
    }


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _start(module: AnsibleModule) -> dict[str, Any]:
    run_id = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + module.params["name"]
    directory = Path(module.params["directory"]) / run_id
    if not module.check_mode:
        directory.mkdir(mode=0o750, parents=True)
        run = {
            **module.params["run"],
            "id": run_id,
            "who": os.environ.get("SUDO_USER") or getpass.getuser(),
            "where": socket.gethostname(),
        }
        record.append(directory, [("run.started", run)])
    return {"directory": str(directory), "run_id": run_id, "controller": _controller()}


def main() -> None:
    """Parse the arguments, extend the record, return what it tells."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "appended", "finished"], "default": "appended"},
            "directory": {"type": "path", "required": True},
            "name": {"type": "str", "default": "run"},
            "run": {"type": "dict", "default": {}},
            "events": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "kind": {"type": "str", "required": True},
                    "data": {"type": "dict", "default": {}},
                },
            },
            "language": {"type": "str", "choices": ["en", "zh", "both"], "default": "en"},
        },
        supports_check_mode=True,
    )
    directory = Path(module.params["directory"])
    result: dict[str, Any] = {"changed": False, "directory": str(directory), "run_id": directory.name}
    try:
        if module.params["state"] == "started":
            result.update(_start(module))
        elif not module.check_mode:
            record.append(directory, [(event["kind"], event["data"]) for event in module.params["events"]])
        if module.params["state"] == "finished":
            events = record.read_events(directory)
            result["told"] = told = record.tell(events)
            if not module.check_mode:
                _write(directory / "record.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")
                _write(directory / "record.md", render.markdown(told, module.params["language"]))
    except (OSError, record.BrokenChain) as error:
        module.fail_json(msg=f"The record in {directory} cannot be kept: {error}. Make it writable and run again.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
