#!/usr/bin/python
"""Look at containers as the engine sees them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_probe
short_description: Look at containers as the engine sees them
description:
  - Asks the Docker engine of the host over its socket. Changes nothing and never fails for what it sees.
options:
  checks:
    description: What to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate.
        type: str
        required: true
      kind:
        description:
          - V(engine), the engine answers.
          - V(image), the container runs, and its image has id O(checks[].image_id).
          - V(limits), memory, CPU and processes are limited, capabilities dropped, no new privileges.
          - V(user), the container does not run as root.
          - V(secrets), none of O(checks[].secrets) stands in its environment, labels or command line, or in the history
            of its image.
          - V(steady), the engine did not have to start it again, and it did not run out of memory.
          - V(memory) has as its value the share of its memory limit that the container uses.
          - V(workers_made), each of O(checks[].workers) has a container of O(checks[].colour), not running, has the
            wanted image and limits, and is not root.
          - V(workers), just O(checks[].workers) run, of O(checks[].colour), after O(checks[].within_seconds) at most.
        type: str
        choices: [engine, image, limits, user, secrets, steady, memory, workers_made, workers]
        required: true
      container:
        description:
          - Name of the container; needed for every kind but V(engine), V(workers_made) and V(workers). Where Swarm
            names containers, the name that golive has given it stands in its label C(golive.container).
        type: str
        default: ''
      image_id:
        description: The id that its image must have, C(sha256:...).
        type: str
        default: ''
      secrets:
        description: What must not be seen, for V(secrets). Words of less than eight characters are left out.
        type: list
        elements: str
        default: []
      app:
        description: Name of the application, whose workers are meant.
        type: str
        default: ''
      colour:
        description: Colour to which the workers belong.
        type: str
        default: ''
      workers:
        description: Their names.
        type: list
        elements: str
        default: []
      within_seconds:
        description: How long is waited for V(workers), because the old colour's may take their time to end.
        type: float
        default: 0
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: See which image runs
  container_probe:
    checks:
      - {id: release.idle_image, kind: image, container: football-green, image_id: "{{ app_image_id }}"}
"""

RETURN = r"""
measurements:
  description: One per check, see docs/contributing.md. C(value) of V(image) is the id found, of V(memory) a share.
  returned: always
  type: list
  elements: dict
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import engine_api, workers
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now

KINDS = ("engine", "image", "limits", "user", "secrets", "steady", "memory", "workers_made", "workers")
EXPECTED = {
    "engine": "the engine answers",
    "image": "running with image {image_id}",
    "limits": "memory, CPU and processes limited, capabilities dropped, no new privileges",
    "user": "a user other than root",
    "secrets": "no secret in its environment, labels, command line, or in the history of its image",
    "steady": "not started again since it was started",
    "memory": "less memory than its limit",
    "workers_made": "a container of {colour} for each worker, limited, not started",
    "workers": "the workers of {colour} run, and no others",
}


def _problems(engine: engine_api.Engine, check: Mapping[str, Any]) -> tuple[list[str], str | float | None]:
    """Return what is wrong, and the value seen."""
    if check["kind"] == "engine":
        engine.answers()
        return [], None
    if check["kind"] == "workers_made":
        return workers.not_made(engine, check), None
    if check["kind"] == "workers":
        return workers.not_running(engine, check), None
    container = engine.container(check["container"])
    if check["kind"] == "memory":
        return [], round(engine_api.memory_share(engine.stats(container["Id"]), container["HostConfig"]["Memory"]), 4)
    looks: dict[str, Callable[[], list[str]]] = {
        "image": lambda: engine_api.wrong_image(container, check["image_id"]),
        "limits": lambda: engine_api.wrong_limits(container),
        "user": lambda: engine_api.wrong_user(container),
        "secrets": lambda: engine_api.shown_secrets(container, engine.history(container["Image"]), check["secrets"]),
        "steady": lambda: engine_api.unsteady(container, engine.deployed(container), engine_api.engine_started()),
    }
    value = container["Image"] if check["kind"] == "image" else None
    return looks[check["kind"]](), value


def look(engine: engine_api.Engine, check: Mapping[str, Any]) -> Measurement:
    """Take one measurement: one observation, wrong when there is any problem."""
    started, began = utc_now(), time.monotonic()
    value: str | float | None
    try:
        problems, value = _problems(engine, check)
    except engine_api.EngineError as error:
        problems, value = [str(error)], None
    subject = f"container {check['container']}: " if check["container"] else ""
    expected = EXPECTED[check["kind"]].format(**check)
    return measurement(
        check["id"],
        n=1,
        failures=min(1, len(problems)),
        value=value,
        observed=subject + (summarise(problems, 6) or expected),
        expected=expected,
        started=started,
        seconds=time.monotonic() - began,
    )


def main() -> None:
    """Parse the arguments, look."""
    module = AnsibleModule(
        argument_spec={
            "checks": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "id": {"type": "str", "required": True},
                    "kind": {"type": "str", "choices": list(KINDS), "required": True},
                    "container": {"type": "str", "default": ""},
                    "image_id": {"type": "str", "default": ""},
                    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
                    "app": {"type": "str", "default": ""},
                    "colour": {"type": "str", "default": ""},
                    "workers": {"type": "list", "elements": "str", "default": []},
                    "within_seconds": {"type": "float", "default": 0},
                },
                "required_if": [("kind", "image", ("image_id",))],
            },
        },
        supports_check_mode=True,
    )
    engine = engine_api.Engine()
    module.exit_json(changed=False, measurements=[look(engine, check) for check in module.params["checks"]])


if __name__ == "__main__":
    main()
