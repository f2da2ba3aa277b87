#!/usr/bin/python
"""Switch an edge to the idle colour and back, and measure the way back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_rehearsal
short_description: Switch an edge to the idle colour and back, and measure the way back
description:
  - Gives the traffic to O(colour) and back to the colour that serves, O(rounds) times, as M(edge_switch) does. All the
    time it asks the edge itself, each time on a new connection, who answers.
  - Users get the idle colour for O(rounds) times O(hold_seconds); have it gated before.
  - Ends with the colour that it began with. So it does when something goes wrong, and when it is ended by a signal that
    can be caught.
options:
  colour:
    description: The idle colour.
    type: str
    choices: [blue, green]
    required: true
  release:
    description: What O(colour) runs, for the access log.
    type: str
    required: true
  expected_generation:
    description: Refuse unless the map is at this generation, because somebody else has switched since it was read.
    type: int
    required: true
  rounds:
    description: How often to switch there and back (1 to 20).
    type: int
    default: 3
  hold_seconds:
    description: Time between two switches (0.2 to 10).
    type: float
    default: 1
  lead_seconds:
    description: Time before the first switch, for a load from elsewhere to begin.
    type: float
    default: 0
  rate:
    description: Requests per second (1 to 200).
    type: float
    default: 25
  url:
    description: What to ask; the edge tells this host in the header C(X-Golive-Colour) which colour answered.
    type: str
    required: true
  address:
    description: Address of this edge.
    type: str
    required: true
  ca_file:
    description: The only authority to trust, as a PEM file.
    type: str
    default: ""
  checks:
    description: What to return of it.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      kind:
        description:
          - V(seconds) has one sample per way back, from the decision to the answer of the old colour; the slowest is
            its value.
          - V(answered) counts requests without a good answer as failures.
        type: str
        choices: [seconds, answered]
        required: true
  return_file:
    description: Where to note what served before, as M(edge_switch) does.
    type: path
  map_file:
    description: The map, as the configuration of HAProxy names it.
    type: path
    default: /etc/haproxy/live.map
author: [golive developers]
attributes:
  check_mode:
    support: partial
    details:
      - Nothing is switched in check mode, and every measurement is invalid.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Rehearse the way back from green
  edge_rehearsal:
    colour: green
    release: 1.4.0
    expected_generation: 4
    url: https://football.example/version
    address: 10.0.0.2
    checks:
      - {id: release.rehearsal_seconds, kind: seconds}
"""

RETURN = r"""
generation:
  description: Number of switches so far, those of the rehearsal among them.
  returned: always
  type: int
measurements:
  description: One per entry of O(checks), see docs/contributing.md.
  returned: always
  type: list
  elements: dict
"""

import math
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import http, rehearsal
from ansible.module_utils.golive_core.colours import COLOURS, MAP_FILE, read_map
from ansible.module_utils.golive_core.haproxy import Edge, EdgeError, master
from ansible.module_utils.golive_core.measurement import measurement, utc
from ansible.module_utils.golive_core.rehearsal import Asked, Turn
from ansible.module_utils.golive_core.switching import note_return, one_at_a_time, switch

HEADER = "X-Golive-Colour"
TIMEOUT_SECONDS = 5.0


def _ask(aim: http.Target, ca_file: str) -> Asked:
    began = time.monotonic()
    colour, problem = "", ""
    try:
        answer = http.fetch(aim, timeout=TIMEOUT_SECONDS, ca_file=ca_file)
        colour = answer.header(HEADER) or ""
        if answer.status >= 500:
            problem = f"{answer.status} from {colour or 'the edge'}"
    except http.NoAnswer as error:
        problem = str(error)
    return Asked(began, time.monotonic(), colour, problem)


@contextmanager
def _asking(params: dict[str, Any]) -> Iterator[list[Asked]]:
    """Ask at a fixed rate while the block runs; the list is complete, in order, when it has ended."""
    aim, seen, stop = http.target(params["url"], params["address"]), [], threading.Event()

    def ask_on() -> None:
        # As many as can hang at once: those of a colour that does not answer must not delay what comes after.
        with ThreadPoolExecutor(math.ceil(params["rate"] * TIMEOUT_SECONDS) + 1) as pool:
            due, asked = time.monotonic(), []
            while not stop.wait(max(0.0, due - time.monotonic())):
                asked.append(pool.submit(_ask, aim, params["ca_file"]))
                due += 1 / params["rate"]
            seen.extend(sorted(each.result() for each in asked))

    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def _rehearse(params: dict[str, Any], edge: Edge, path: Path) -> tuple[list[Turn], list[Asked], float, int, str]:
    """Switch there and back; return turns, requests, when it ended, the generation, and the colour that serves.

    :raises EdgeError: when a worker does not take a switch
    :raises ValueError: when the map is not the one that was planned with
    """
    before = read_map(path.read_text(encoding="utf-8"))
    if before.generation != params["expected_generation"]:
        raise ValueError(
            f"it is at generation {before.generation}, wanted {params['expected_generation']}: somebody else has "
            "switched meanwhile"
        )
    if before.live not in COLOURS or before.live == params["colour"]:
        raise ValueError(f"{before.live} serves, wanted the other colour than {params['colour']}: nothing to rehearse")
    now, turns = before, []
    with _asking(params) as asked:
        time.sleep(params["lead_seconds"])
        try:
            for _ in range(params["rounds"]):
                for colour, release in ((params["colour"], params["release"]), (before.live, None)):
                    wanted = now.becoming(colour, release=release)
                    if params["return_file"]:
                        note_return(Path(params["return_file"]), now, wanted)
                    turns.append(Turn(time.monotonic(), colour))
                    switch(edge, path, now, wanted)
                    now = wanted
                    time.sleep(params["hold_seconds"])
        finally:
            if now.live != before.live:
                back = now.becoming(before.live)
                switch(edge, path, now, back)
                now = back
        end = time.monotonic()
    return turns, asked, end, now.generation, before.live


def run(params: dict[str, Any], edge: Edge, path: Path) -> dict[str, Any]:
    """Rehearse, and measure what was asked for.

    :raises EdgeError, ValueError: see :func:`_rehearse`
    """
    turns, asked, end, generation, old = _rehearse(params, edge, path)
    first = time.time() - time.monotonic() + turns[0].decided
    rows = []
    for check in params["checks"]:
        if check["kind"] == "seconds":
            row = rehearsal.back_seconds(check["id"], turns, asked, old, end)
        else:
            row = rehearsal.answered(check["id"], asked)
        rows.append(row | {"started": utc(first), "seconds": round(end - turns[0].decided, 6)})
    return {"changed": True, "generation": generation, "measurements": rows}


def _end(*_: object) -> NoReturn:
    raise SystemExit("ended by a signal")  # so that the blocks above are left in order


def main() -> None:
    """Parse the arguments, rehearse."""
    module = AnsibleModule(
        argument_spec={
            "colour": {"type": "str", "choices": list(COLOURS), "required": True},
            "release": {"type": "str", "required": True},
            "expected_generation": {"type": "int", "required": True},
            "rounds": {"type": "int", "default": 3},
            "hold_seconds": {"type": "float", "default": 1},
            "lead_seconds": {"type": "float", "default": 0},
            "rate": {"type": "float", "default": 25},
            "url": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "ca_file": {"type": "str", "default": ""},
            "checks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "id": {"type": "str", "required": True},
                    "kind": {"type": "str", "choices": ["seconds", "answered"], "required": True},
                },
            },
            "return_file": {"type": "path"},
            "map_file": {"type": "path", "default": MAP_FILE},
        },
        supports_check_mode=True,
    )
    params, path = module.params, Path(module.params["map_file"])
    if module.check_mode:
        invalid = "check mode switches nothing"
        rows = [measurement(check["id"], n=0, invalid=invalid) for check in params["checks"]]
        module.exit_json(changed=True, generation=params["expected_generation"], measurements=rows)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        for name, low, high in (
            ("rounds", 1, 20),
            ("hold_seconds", 0.2, 10),
            ("rate", 1, 200),
            ("lead_seconds", 0, 60),
        ):
            if not low <= params[name] <= high:
                raise ValueError(f"{name} is {params[name]:g}, wanted {low:g} to {high:g}")
        with one_at_a_time(path):
            result = run(params, Edge(master(), params["map_file"]), path)
    except (EdgeError, ValueError, OSError) as error:
        module.fail_json(msg=f"The way back from {params['colour']} cannot be rehearsed by {path}: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
