#!/usr/bin/python
"""Remember which phases of a go-live are finished on a host, and tell which of them still stand."""

from __future__ import annotations

DOCUMENTATION = r"""
module: phase_state
short_description: Remember which phases are finished on a host, and tell which of them stand
description:
  - A phase stands as long as its inputs are the same, the host was not booted, its files under O(watched) are as they
    were, every enabled unit that was active still is, and it was finished no longer than O(max_age) ago.
  - A phase that stands need only be measured again. One that does not is named with the reason, a changed file by its
    path.
  - Files are not compared after a run that was cut off in the work of a phase, because that work has changed some.
options:
  state:
    description:
      - V(asked) reads, and changes nothing.
      - V(begun) forgets O(phase), because its work begins.
      - V(finished) remembers O(phase) and how the host looks.
      - V(forgotten) forgets O(phase), because it stood and its gates are red all the same.
    type: str
    choices: [asked, begun, finished, forgotten]
    default: asked
  file:
    description: Where it is remembered; made with mode 0600.
    type: path
    required: true
  phase:
    description: Name of the phase.
    type: str
  inputs:
    description: Name of a phase to a digest of what its work is made of.
    type: dict
    default: {}
  run:
    description: Id of the run that has finished the phase.
    type: str
    default: ""
  watched:
    description: Files, and directories with all that is in them.
    type: list
    elements: path
    default: []
  unwatched:
    description: Patterns, as for a shell, of files among them that change by themselves.
    type: list
    elements: str
    default: []
  max_age:
    description: Seconds for which a phase stands at most.
    type: float
    default: 86400
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: See whether the infrastructure still stands
  phase_state:
    file: /opt/golive/football/phases.json
    inputs: {infrastructure: 3f1c5d}
    watched: [/etc, /usr/local, /var/lib/dpkg/status]
    unwatched: [/etc/haproxy/live.map]

- name: Remember that it is finished
  phase_state:
    state: finished
    file: /opt/golive/football/phases.json
    phase: infrastructure
    inputs: {infrastructure: 3f1c5d}
    run: 20261129T101500Z-1.4.0
    watched: [/etc, /usr/local, /var/lib/dpkg/status]
    unwatched: [/etc/haproxy/live.map]
"""

RETURN = r"""
standing:
  description: With O(state=asked), name of a phase that stands to run (id) and at (seconds since 1970).
  returned: always
  type: dict
anew:
  description: With O(state=asked), name of a phase that was finished and does not stand to the reason.
  returned: always
  type: dict
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.phase_state import Finished, Look, State, files_of, units_of

_ACTIVE = ("show", "--type=service,timer,socket,path", "--state=active", "--property=Id,UnitFileState", "*")


def _look(module: AnsibleModule) -> Look:
    code, shown, _ = module.run_command([module.get_bin_path("systemctl", required=True), *_ACTIVE])
    return Look(
        boot=Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip(),
        files=files_of(module.params["watched"], module.params["unwatched"]),
        units=units_of(shown, module.params["unwatched"]) if code == 0 else [],
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.golive")
    draft.touch(0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def main() -> None:
    """Parse, read or write, return."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["asked", "begun", "finished", "forgotten"], "default": "asked"},
            "file": {"type": "path", "required": True},
            "phase": {"type": "str"},
            "inputs": {"type": "dict", "default": {}},
            "run": {"type": "str", "default": ""},
            "watched": {"type": "list", "elements": "path", "default": []},
            "unwatched": {"type": "list", "elements": "str", "default": []},
            "max_age": {"type": "float", "default": 86400},
        },
        required_if=[("state", state, ("phase",)) for state in ("begun", "finished", "forgotten")],
        supports_check_mode=True,
    )
    wanted: dict[str, Any] = module.params
    path, phase, now = Path(wanted["file"]), wanted["phase"], time.time()
    state = State.read(path)
    if wanted["state"] == "asked":
        standing, anew = (
            state.standing(wanted["inputs"], _look(module), now, wanted["max_age"]) if state.phases else ({}, {})
        )
        module.exit_json(changed=False, standing=standing, anew=anew)
    if wanted["state"] == "begun":
        state.begin(phase)
    elif wanted["state"] == "finished":
        state.finish(phase, Finished(wanted["inputs"].get(phase, ""), wanted["run"], now), _look(module))
    else:
        state.phases.pop(phase, None)
    if not module.check_mode:
        try:
            _write(path, state.text())
        except OSError as error:
            module.fail_json(
                msg=f"{path} cannot be written: {error.strerror}. Make room or correct its directory, and run again."
            )
    # What golive remembers for itself is no change of the host.
    module.exit_json(changed=False, standing={}, anew={})


if __name__ == "__main__":
    main()
