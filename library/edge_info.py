#!/usr/bin/python
"""Tell what an edge serves and what it sees of both colours."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_info
short_description: Tell what an edge serves and what it sees of both colours
description:
  - Asks every running HAProxy worker over the master socket. Changes nothing.
  - Where HAProxy is not installed or does not run, O(wait) fails, and without it the answer is C(running=false).
  - In check mode nothing is waited for, because what would end the wait has not been started.
options:
  wait:
    description: Wait until the edge itself sees that many servers of a colour UP by a passed check; fails otherwise.
    type: dict
    suboptions:
      colour:
        description: The colour.
        type: str
        choices: [blue, green]
        required: true
      servers_up:
        description: Number of servers.
        type: int
        required: true
      hosts:
        description: Only the servers of these names; all when empty.
        type: list
        elements: str
        default: []
      within_seconds:
        description: How long to wait.
        type: float
        default: 10
  drain:
    description: Wait until no worker has a request of a colour in flight; RV(drained) tells whether it came to that.
    type: dict
    suboptions:
      colour:
        description: The colour.
        type: str
        choices: [blue, green]
        required: true
      within_seconds:
        description: How long to wait.
        type: float
        default: 30
  checks:
    description: Measurements to take for gates.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Id of the gate.
        type: str
        required: true
      kind:
        description:
          - V(servers_up), every server of O(checks[].colour) is UP, and there are O(checks[].servers) of them.
          - V(live), every worker serves O(checks[].colour).
        type: str
        choices: [servers_up, live]
        required: true
      colour:
        description: The colour.
        type: str
        choices: [blue, green, none]
        required: true
      servers:
        description: Number of servers that there must be.
        type: int
        default: 1
      hosts:
        description: For V(servers_up), only the servers of these names; all when empty.
        type: list
        elements: str
        default: []
      within_seconds:
        description: How long to wait until it is so.
        type: float
        default: 10
  files:
    description: Files that HAProxy reads when a worker starts.
    type: list
    elements: path
    default: []
  return_file:
    description: What M(edge_switch) noted before the last switch, for RV(way_back).
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
    support: none
"""

EXAMPLES = r"""
- name: Wait until the edge sees both servers
  edge_info:
    wait: {colour: green, servers_up: 2}
"""

RETURN = r"""
running:
  description: Whether HAProxy answers.
  returned: always
  type: bool
live:
  description: The colour that serves by the map file; V(none) before the first release and without a file.
  returned: always
  type: str
canary_share:
  description: Per cent of the clients that the other colour gets.
  returned: always
  type: int
canary_by:
  description: Who is in that share, see M(edge_switch).
  returned: always
  type: str
generation:
  description: Number of switches so far.
  returned: always
  type: int
maintenance:
  description: V(off), V(hold) or V(page), see M(edge_switch).
  returned: always
  type: str
started:
  description: When the newest worker started, in seconds since 1970; 0 when none runs.
  returned: always
  type: int
newer:
  description: Those of O(files) that were changed since, so that no worker has read them as they are.
  returned: always
  type: list
  elements: str
way_back:
  description:
    - Where the last switch came from - C(back_colour), C(back_release); what it led to - C(colour), C(release),
      C(generation). Empty when O(return_file) does not tell of this generation.
  returned: always
  type: dict
agreed:
  description: Whether every worker holds the same map as the file.
  returned: always
  type: bool
workers:
  description: Pids of all workers, those from before a reload included.
  returned: always
  type: list
  elements: int
backends:
  description: Colour to its servers, each with name, address, status, check and in_flight (summed over all workers).
  returned: always
  type: dict
in_flight:
  description: Colour to requests in flight.
  returned: always
  type: dict
drained:
  description: Whether the colour had no request in flight at the end.
  returned: when O(drain) is given
  type: bool
seconds:
  description: Time waited.
  returned: always
  type: float
measurements:
  description: One per entry of O(checks), see docs/contributing.md.
  returned: always
  type: list
  elements: dict
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.colours import COLOURS, MAP_FILE, Live, read_map
from ansible.module_utils.golive_core.haproxy import Edge, EdgeError, master, not_up
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now
from ansible.module_utils.golive_core.switching import one_at_a_time, way_back

POLL_SECONDS = 0.2


def _until(reached: Callable[[], bool], within_seconds: float) -> bool:
    """Ask again and again until it is so or the time is over."""
    deadline = time.monotonic() + within_seconds
    while not reached():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _servers_up(edge: Edge, check: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the number of servers that should be UP, and what is wrong with those that are not."""
    names = check["hosts"]
    seen = [server for server in edge.servers().get(check["colour"], []) if not names or server.name in names]
    problems = not_up(seen)
    missing = check["servers"] - len(seen)
    if missing > 0:
        problems += [f"{len(seen)} servers configured, wanted {check['servers']}"] * missing
    return max(len(seen), check["servers"]), problems


def _live(edge: Edge, check: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the number of workers, and which of them serve something else."""
    held = edge.maps()
    wrong = [
        f"worker {pid} serves {found.live if found else 'nothing'}"
        for pid, found in held.items()
        if not found or found.live != check["colour"]
    ]
    return (len(held), wrong) if held else (1, ["HAProxy has no worker"])


def _measure(edge: Edge, check: dict[str, Any]) -> Measurement:
    """Take one measurement, waiting for the good result as long as the check allows."""
    look = {"servers_up": _servers_up, "live": _live}[check["kind"]]
    expected = {
        "servers_up": f"{check['servers']} servers of {check['colour']} UP by a passed check",
        "live": f"every worker serves {check['colour']}",
    }[check["kind"]]
    started, began = utc_now(), time.monotonic()
    seen: list[tuple[int, list[str]]] = []

    def reached() -> bool:
        seen.append(look(edge, check))
        return not seen[-1][1]

    try:
        _until(reached, check["within_seconds"])
    except EdgeError as error:
        return measurement(check["id"], n=0, invalid=str(error), expected=expected, started=started)
    n, problems = seen[-1]
    return measurement(
        check["id"],
        n=n,
        failures=len(problems),
        value=float(n - len(problems)),
        observed=summarise(problems) or f"{n} of {n}",
        expected=expected,
        started=started,
        seconds=time.monotonic() - began,
    )


def _wait(edge: Edge, wait: dict[str, Any]) -> None:
    """Wait for servers.

    :raises EdgeError: when they are not UP in time
    """
    wanted = {"colour": wait["colour"], "servers": wait["servers_up"], "hosts": wait["hosts"]}
    if not _until(lambda: not _servers_up(edge, wanted)[1], wait["within_seconds"]):
        problems = summarise(_servers_up(edge, wanted)[1])
        raise EdgeError(
            f"the edge does not see {wait['servers_up']} servers of {wait['colour']} UP within "
            f"{wait['within_seconds']:g} s: {problems}; ask the readiness path of these servers directly"
        )


def _seen(edge: Edge, live: Live) -> dict[str, Any]:
    """Return what the running workers hold and see; nothing when none runs."""
    try:
        held, servers, started = edge.maps(), edge.servers(), edge.started()
    except EdgeError:
        held, servers, started = {}, {colour: [] for colour in COLOURS}, 0
    return {
        "started": started,
        "running": bool(held),
        "agreed": bool(held) and all(found == live for found in held.values()),
        "workers": sorted(held),
        "backends": {colour: [asdict(server) for server in rows] for colour, rows in servers.items()},
        "in_flight": {colour: sum(server.in_flight for server in rows) for colour, rows in servers.items()},
    }


def _idle(seen: dict[str, Any], colour: str) -> bool:
    """Return whether no request runs on a colour; an edge that does not answer does not show that."""
    return bool(seen["running"] and seen["in_flight"][colour] == 0)


def _newer(files: list[str], started: int) -> list[str]:
    """Return those that were changed in a later second than that of the start; one that is not there is left out."""
    return [file for file in files if Path(file).exists() and int(Path(file).stat().st_mtime) > started]


def run(params: dict[str, Any], check_mode: bool, edge: Edge) -> dict[str, Any]:
    """Wait as asked, then tell what there is.

    :raises EdgeError: when HAProxy does not answer, or O(wait) was in vain
    :raises ValueError: when the map file is not one
    """
    began = time.monotonic()
    map_file = Path(params["map_file"])
    if params["return_file"] and map_file.exists() and not check_mode:
        with one_at_a_time(map_file):  # a rehearsal that outlived its run ends first
            pass
    live = read_map(map_file.read_text(encoding="utf-8")) if map_file.exists() else Live()
    result: dict[str, Any] = {key: value for key, value in asdict(live).items() if key != "canary"}
    result["way_back"] = way_back(Path(params["return_file"]), live) if params["return_file"] else {}
    if params["wait"] and not check_mode:
        _wait(edge, params["wait"])
    if drain := params["drain"]:
        within_seconds = 0 if check_mode else drain["within_seconds"]
        result["drained"] = _until(lambda: _idle(_seen(edge, live), drain["colour"]), within_seconds)
    result["measurements"] = [_measure(edge, check) for check in params["checks"]]
    seen = _seen(edge, live)
    result["newer"] = _newer(params["files"], seen["started"])
    return result | seen | {"seconds": round(time.monotonic() - began, 3)}


def main() -> None:
    """Parse the arguments, ask the edge."""
    colour = {"type": "str", "choices": list(COLOURS), "required": True}
    module = AnsibleModule(
        argument_spec={
            "wait": {
                "type": "dict",
                "options": {
                    "colour": colour,
                    "servers_up": {"type": "int", "required": True},
                    "hosts": {"type": "list", "elements": "str", "default": []},
                    "within_seconds": {"type": "float", "default": 10},
                },
            },
            "drain": {
                "type": "dict",
                "options": {"colour": colour, "within_seconds": {"type": "float", "default": 30}},
            },
            "checks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "id": {"type": "str", "required": True},
                    "kind": {"type": "str", "choices": ["servers_up", "live"], "required": True},
                    "colour": {"type": "str", "choices": [*COLOURS, "none"], "required": True},
                    "servers": {"type": "int", "default": 1},
                    "hosts": {"type": "list", "elements": "str", "default": []},
                    "within_seconds": {"type": "float", "default": 10},
                },
            },
            "files": {"type": "list", "elements": "path", "default": []},
            "return_file": {"type": "path"},
            "map_file": {"type": "path", "default": MAP_FILE},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode, Edge(master(), module.params["map_file"]))
    except (EdgeError, ValueError, OSError) as error:
        module.fail_json(msg=f"Cannot tell what the edge does: {error}.")
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
