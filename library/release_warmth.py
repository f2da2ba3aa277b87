#!/usr/bin/python
"""Keep the colour that gave over up for a while, then let its host stop it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_warmth
short_description: Keep the colour that gave over up for a while, then let its host stop it
description:
  - Writes a note, C(warm.json), and a systemd timer that stops the colour when the window has passed. The
    controller is not needed for that, and a reboot does not end it.
  - What the timer starts is C(cool_colour.py) in O(state_dir), which has to be there. It asks the edges first, and
    stops nothing that serves.
options:
  app:
    description: Name of the application.
    type: str
    required: true
  state_dir:
    description: State directory of the application.
    type: path
    required: true
  state:
    description: V(warm) begins a window, V(absent) removes the note and the units.
    type: str
    choices: [warm, absent]
    default: warm
  colour:
    description: The colour that gave over.
    type: str
    choices: [blue, green]
  release:
    description: What it runs.
    type: str
  engine:
    description: What runs it. The stack of V(swarm) is removed by the host that manages the swarm.
    type: str
    choices: [compose, swarm]
    default: compose
  minutes:
    description: Length of the window (0 to 10080).
    type: float
    default: 15
  public_name:
    description: Name under which users reach the application.
    type: str
    default: ""
  edges:
    description: Addresses of the edges.
    type: list
    elements: str
    default: []
  ca_file:
    description: Whom to trust when asking them; empty to ask over HTTP.
    type: str
    default: ""
  version_path:
    description: Path that tells the release.
    type: str
    default: /version
  version_key:
    description: Key of the release in its answer.
    type: str
    default: release
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Keep blue warm
  release_warmth:
    app: football
    state_dir: /opt/golive/football
    colour: blue
    release: 1.3.2
    edges: [10.0.0.2]
    public_name: football.example
"""

RETURN = r"""
until:
  description: End of the window in seconds since 1970 on the host.
  returned: with state warm
  type: float
"""

import json
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import warmth

UNITS = Path("/etc/systemd/system")


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)


def _systemctl(module: AnsibleModule, *words: str) -> None:
    code, _, wrong = module.run_command(["systemctl", *words])
    if code:
        module.fail_json(msg=f"systemctl {' '.join(words)} failed: {wrong.strip()}. See journalctl -b -u systemd.")


def _warm(module: AnsibleModule, note: Path, timer: str) -> float:
    params = module.params
    until = time.time() + float(params["minutes"]) * 60
    keys = ("colour", "release", "engine", "public_name", "edges", "ca_file", "version_path", "version_key")
    kept = {key: params[key] for key in keys}
    if not module.check_mode:
        _write(
            note,
            json.dumps(kept | {"container": f"{params['app']}-{params['colour']}", "until": until}, indent=1) + "\n",
        )
        _write(UNITS / f"{warmth.unit(params['app'])}.service", warmth.service(params["app"], params["state_dir"]))
        _write(UNITS / timer, warmth.timer(params["app"], until))
        _systemctl(module, "daemon-reload")
        _systemctl(module, "enable", timer)
        _systemctl(module, "restart", timer)
    return until


def main() -> None:
    """Parse the arguments, begin or end the window."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "state_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["warm", "absent"], "default": "warm"},
            "colour": {"type": "str", "choices": ["blue", "green"]},
            "release": {"type": "str"},
            "engine": {"type": "str", "choices": ["compose", "swarm"], "default": "compose"},
            "minutes": {"type": "float", "default": 15},
            "public_name": {"type": "str", "default": ""},
            "edges": {"type": "list", "elements": "str", "default": []},
            "ca_file": {"type": "str", "default": ""},
            "version_path": {"type": "str", "default": "/version"},
            "version_key": {"type": "str", "default": "release"},
        },
        required_if=[("state", "warm", ("colour", "release"))],
        supports_check_mode=True,
    )
    params = module.params
    if not 0 <= params["minutes"] <= warmth.LONGEST_MINUTES:
        module.fail_json(
            msg=f"release_strict_minutes is {params['minutes']:g}, wanted 0 to {warmth.LONGEST_MINUTES}. Set it in the "
            "inventory."
        )
    note, timer = Path(params["state_dir"]) / warmth.NOTE, f"{warmth.unit(params['app'])}.timer"
    try:
        if params["state"] == "warm":
            module.exit_json(changed=True, until=_warm(module, note, timer))
        units = [path for path in UNITS.glob(f"{warmth.unit(params['app'])}.*") if path.is_file()]
        gone = [path for path in (note, note.with_name(warmth.PROGRAM), *units) if path.exists()]
        if not module.check_mode:
            if units:
                _systemctl(module, "disable", "--now", timer)
            for path in gone:
                path.unlink()
            if units:
                _systemctl(module, "daemon-reload")
    except OSError as error:
        module.fail_json(msg=f"The window of {params['colour'] or 'the old colour'} cannot be kept: {error}.")
    module.exit_json(changed=bool(gone))


if __name__ == "__main__":
    main()
