#!/usr/bin/python
"""Give the traffic of an edge to one colour, or begin and end its maintenance."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_switch
short_description: Give the traffic of an edge to one colour, or begin and end its maintenance
description:
  - Replaces the map file that says which colour serves, then tells every running HAProxy worker over the master
    socket, workers from before a reload included, and reads it back from each. Nothing is reloaded, no connection lost.
  - When a worker does not take it, the map file and the other workers go back to what they were.
options:
  colour:
    description:
      - The colour that shall serve; V(none) lets the edge answer 503 itself. As before when not given.
      - One of O(colour) and O(maintenance) is required.
    type: str
    choices: [blue, green, none]
  canary_share:
    description: Per cent of the clients that the other colour gets (0 to 100), only with O(colour); 0 when not given.
    type: int
  canary_by:
    description:
      - Who is in the share. With V(cookie) a client keeps its lot in a cookie, so that it stays with one colour; with
        V(random) every request draws anew; with V(header) only declared addresses that send C(X-Golive-Canary) get the
        other colour, whatever the share.
    type: str
    choices: [cookie, random, header]
    default: cookie
  canary_release:
    description: What the other colour runs, for the access log, while it has a share; as before when not given.
    type: str
  release:
    description: What O(colour) runs, for the access log; as before when not given.
    type: str
  maintenance:
    description:
      - V(hold) lets requests wait, V(page) answers 503 with a page, V(off) serves again. As before when not given.
      - The addresses that the edge knows (edge and monitoring hosts, exempt networks) are served all the time.
    type: str
    choices: ["off", hold, page]
  expected_generation:
    description: Refuse unless the map is at this generation, because somebody else has switched since it was read.
    type: int
  at_least_generation:
    description:
      - The map is at this generation afterwards, or a higher one. Given as one more than the highest of all edges, it
        lets no edge count past another, so that one that was away knows whose map is newer.
    type: int
    default: 0
  return_file:
    description:
      - Before O(colour) changes, note here what served, what shall serve, and the generation that it will have. A run
        that finds a release which nobody has judged yet learns from it where the way back leads.
    type: path
  map_file:
    description: The map, as the configuration of HAProxy names it.
    type: path
    default: /etc/haproxy/live.map
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Let green serve
  edge_switch:
    colour: green

- name: Let requests wait while the database is moved
  edge_switch:
    maintenance: hold

# As a command: ansible edge -b -m edge_switch -a maintenance=off
"""

RETURN = r"""
before:
  description: What served, with the number of switches so far.
  returned: always
  type: dict
  sample:
    live: blue
    canary: none
    canary_share: 0
    canary_by: cookie
    generation: 4
    maintenance: "off"
    release_blue: 1.4.0
    release_green: 1.3.2
after:
  description: What serves now; in check mode what would.
  returned: always
  type: dict
workers:
  description: Pids of the workers that confirmed it.
  returned: always
  type: list
  elements: int
seconds:
  description: From the first change to the last confirmation.
  returned: always
  type: float
"""

import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.colours import CANARY_BY, MAINTENANCE, MAP_FILE, Live, read_map, write_map
from ansible.module_utils.golive_core.haproxy import Edge, EdgeError, master
from ansible.module_utils.golive_core.switching import note_return, one_at_a_time, switch


def _result(before: Live, after: Live, workers: list[int], began: float, changed: bool) -> dict[str, Any]:
    return {
        "changed": changed,
        "before": asdict(before),
        "after": asdict(after),
        "workers": sorted(workers),
        "seconds": round(time.monotonic() - began, 4),
        "diff": {"before": write_map(before), "after": write_map(after)},
    }


def run(params: dict[str, Any], check_mode: bool, edge: Edge) -> dict[str, Any]:
    """Switch when the file or a worker differs from what is wanted.

    :raises EdgeError: when a worker does not take it
    :raises ValueError: when the map or what is wanted makes no sense
    """
    began = time.monotonic()
    path = Path(params["map_file"])
    asked = (
        params["colour"],
        params["canary_share"] or 0,
        params["maintenance"],
        params["release"],
        params["at_least_generation"],
        params["canary_by"],
        params["canary_release"],
    )
    if check_mode and not path.exists():
        before = Live()  # what the role would have written
        return _result(before, before.becoming(*asked), [], began, changed=True)
    before = read_map(path.read_text(encoding="utf-8"))
    expected = params["expected_generation"]
    if expected is not None and before.generation != expected:
        raise ValueError(
            f"it is at generation {before.generation}, wanted {expected}: somebody else has switched meanwhile"
        )
    wanted = before.becoming(*asked)
    held = edge.maps()
    if wanted == before and held and all(found == wanted for found in held.values()):
        return _result(before, before, list(held), began, changed=False)
    if check_mode:
        return _result(before, wanted, [], began, changed=True)
    if params["return_file"] and wanted.live != before.live:
        note_return(Path(params["return_file"]), before, wanted)
    return _result(before, wanted, switch(edge, path, before, wanted), began, changed=True)


def main() -> None:
    """Parse the arguments, switch."""
    module = AnsibleModule(
        argument_spec={
            "colour": {"type": "str", "choices": ["blue", "green", "none"]},
            "canary_share": {"type": "int"},
            "canary_by": {"type": "str", "choices": list(CANARY_BY), "default": CANARY_BY[0]},
            "canary_release": {"type": "str"},
            "release": {"type": "str"},
            "maintenance": {"type": "str", "choices": list(MAINTENANCE)},
            "expected_generation": {"type": "int"},
            "at_least_generation": {"type": "int", "default": 0},
            "return_file": {"type": "path"},
            "map_file": {"type": "path", "default": MAP_FILE},
        },
        required_one_of=[("colour", "maintenance")],
        required_by={"canary_share": "colour", "canary_release": "canary_share", "release": "colour"},
        supports_check_mode=True,
    )
    try:
        path = Path(module.params["map_file"])
        with nullcontext() if module.check_mode else one_at_a_time(path):
            result = run(module.params, module.check_mode, Edge(master(), str(path)))
    except (EdgeError, ValueError, OSError) as error:
        asked = " and ".join(module.params[key] for key in ("colour", "maintenance") if module.params[key])
        module.fail_json(msg=f"Cannot switch to {asked} by {module.params['map_file']}: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
