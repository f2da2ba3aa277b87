#!/usr/bin/python
"""Tell which releases an application host has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Tell which releases an application host has
description:
  - Reads the state directory of the application and asks the Docker engine for the containers of both colours.
    Changes nothing. A host without either has no release.
options:
  app:
    description: Name of the application, as in the label of its containers.
    type: str
    required: true
  state_dir:
    description: State directory of the application.
    type: path
    required: true
  without_engine:
    description:
      - Whether an engine that does not answer counts as one without containers. For who only looks, and measures
        the engine, too.
    type: bool
    default: false
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: See what is on the host
  release_info:
    app: football
    state_dir: /opt/golive/football
"""

RETURN = r"""
colours:
  description:
    - Colour to the release, image_id and running of its container, and to the engine that runs it (compose or swarm); a
      colour without a container is left out.
  returned: always
  type: dict
  sample: {blue: {release: 1.4.0, image_id: "sha256:...", running: true, engine: compose}}
releases:
  description: Name to manifest of every release in the state directory.
  returned: always
  type: dict
  sample: {1.4.0: {release: 1.4.0, colour: blue, image_id: "sha256:..."}}
proven:
  description: Names of the releases that have passed load and watch on this host.
  returned: always
  type: list
  elements: str
rehearsed:
  description: The old and the new release of each pair between which the way back was rehearsed, separated by a space.
  returned: always
  type: list
  elements: str
  sample: [1.3.2 1.4.0]
warm:
  description:
    - The colour that gave over - C(colour), C(release), C(until) (seconds since 1970 on the host), C(left_seconds), and
      whether it is C(warm), so that going back is one flip. Empty when nothing gave over, or it was started anew since.
  returned: always
  type: dict
  sample: {colour: blue, release: 1.3.2, until: 1780000000.0, left_seconds: 512, warm: true}
current:
  description: Release that the link current points to; empty when there is none.
  returned: always
  type: str
previous:
  description: Release that the link previous points to; empty when there is none.
  returned: always
  type: str
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.engine_api import SOCKET, Colour, Engine, EngineError, read_colours
from ansible.module_utils.golive_core.warmth import NOTE, told

REHEARSED = "rehearsed-"  # and the release that served then


def _releases(directory: Path) -> dict[str, Any]:
    """Return the manifests; a directory without one was never staged to its end."""
    return {
        file.parent.name: json.loads(file.read_text("utf-8")) for file in directory.glob("releases/*/manifest.json")
    }


def _note(state_dir: Path) -> dict[str, Any] | None:
    """Return what was noted of the colour that gave over; None when nothing was."""
    file = state_dir / NOTE
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def _warm_runs(colours: Mapping[str, Colour], note: Mapping[str, Any] | None) -> bool:
    """Return whether the noted colour still runs the release that it gave over with."""
    found = colours.get(note["colour"]) if note else None
    return bool(note and found and found.running and found.release == note["release"])


def _target(link: Path) -> str:
    return link.readlink().name if link.is_symlink() else ""


def _answers(engine: Engine) -> bool:
    try:
        engine.labelled("golive.app")
    except (EngineError, OSError):
        return False
    return True


def run(app: str, state_dir: Path, engine: Engine | None) -> dict[str, Any]:
    """Return what the host has.

    :param engine: None where Docker is not installed
    :raises EngineError: when it is installed and does not answer
    """
    colours = read_colours(engine.labelled(f"golive.app={app}")) if engine else {}
    return {
        "colours": {name: asdict(colour) for name, colour in colours.items()},
        "releases": _releases(state_dir),
        "proven": sorted(file.parent.name for file in state_dir.glob("releases/*/proven")),
        "rehearsed": sorted(
            f"{file.name.removeprefix(REHEARSED)} {file.parent.name}"
            for file in state_dir.glob(f"releases/*/{REHEARSED}*")
        ),
        "warm": told(_note(state_dir), _warm_runs(colours, _note(state_dir)), time.time()),
        "current": _target(state_dir / "current"),
        "previous": _target(state_dir / "previous"),
    }


def main() -> None:
    """Parse the arguments, look."""
    module = AnsibleModule(
        argument_spec={
            "app": {"type": "str", "required": True},
            "state_dir": {"type": "path", "required": True},
            "without_engine": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        engine = Engine() if Path(SOCKET).exists() else None
        if engine and module.params["without_engine"] and not _answers(engine):
            engine = None
        result = run(module.params["app"], Path(module.params["state_dir"]), engine)
    except (EngineError, OSError, ValueError) as error:
        module.fail_json(msg=f"Cannot tell which releases are here: {error}.")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
