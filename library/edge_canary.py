#!/usr/bin/python
"""Hold the share of a canary that is set, measure both colours, and take it back when it does harm."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_canary
short_description: Hold the share of a canary that is set, measure both colours, and take it back when it does harm
description:
  - Follows the access log of an edge while M(edge_switch) has given a share to the idle colour, and adds requests of
    its own through this edge, so that there are enough. It sets nothing; the share stays when it ends in time.
  - Takes the share back to 0 at once when the idle colour does harm beyond doubt, when another edge has taken its own
    back, when it is ended by a signal that can be caught, and when it fails.
  - Never fails for what it measures; whether that is good enough is judged by M(gate_verdict).
options:
  colour:
    description: The colour that has the share.
    type: str
    choices: [blue, green]
    required: true
  expected_generation:
    description: Refuse unless the map is at this generation, because somebody else has switched since it was read.
    type: int
    required: true
  seconds:
    description: How long to measure (10 to 3000).
    type: float
    required: true
  rate:
    description: Requests per second of its own (1 to 500).
    type: float
    required: true
  url:
    description: Base URL of the application; its host is the name for Host and for the certificate.
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
  endpoints:
    description: What to ask, as in M(load_probe).
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path below O(url).
        type: str
        required: true
      method:
        description: Method of the request.
        type: str
        default: GET
      weight:
        description: Relative frequency.
        type: float
        default: 1
      headers:
        description: Headers of the request. Their values are shown nowhere in the result.
        type: dict
        default: {}
      body:
        description: Body of the request; a dictionary or a list is sent as JSON. Shown nowhere in the result.
        type: raw
      expect_status:
        description: The right status, or a list of them; what counts here is what the edge's log says.
        type: raw
        default: 200
  harm_share:
    description: Harm is when so much larger a share of requests fails, or is slow, than of the old colour's.
    type: float
    default: 0.05
  harm_seconds:
    description: What is slow.
    type: float
    default: 2
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
      metric:
        description:
          - V(share) has as its value what part of the draws the canary got; by header, of the requests that asked. It
            is invalid where the share was taken back before its time.
          - V(errors) and V(latency) have samples of both colours, for the rule C(beside) of M(gate_verdict).
        type: str
        choices: [share, errors, latency]
        required: true
  peers_file:
    description: Whom this edge asks for newer maps, as role edge writes it.
    type: path
    default: /etc/haproxy/peers.json
  map_file:
    description: The map, as the configuration of HAProxy names it.
    type: path
    default: /etc/haproxy/live.map
author: [golive developers]
attributes:
  check_mode:
    support: partial
    details:
      - Nothing is asked in check mode, and every measurement is invalid.
  diff_mode:
    support: none
notes:
  - Nothing is logged on the host, because headers and bodies may hold credentials. Keep C(no_log) on the task.
"""

EXAMPLES = r"""
- name: Hold the canary for five minutes
  edge_canary:
    colour: green
    expected_generation: 5
    seconds: 300
    rate: 30
    url: https://football.example
    address: 10.0.0.2
    endpoints:
      - {path: /}
    checks:
      - {id: release.canary_errors, metric: errors}
"""

RETURN = r"""
generation:
  description: Number of switches so far; one more than before where the share was taken back.
  returned: always
  type: int
taken_back:
  description: Why the share was taken back before its time; empty when it was not.
  returned: always
  type: str
taken_back_seconds:
  description: From that decision until every worker had confirmed it.
  returned: always
  type: float
requests:
  description:
    - How many requests were counted of the C(old) and of the C(new) version, and how many of those of the new one came
      from C(users).
  returned: always
  type: dict
seconds:
  description: How long the share was held.
  returned: always
  type: float
measurements:
  description: One per entry of O(checks), see docs/contributing.md.
  returned: always
  type: list
  elements: dict
"""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import edge_peers, http, load
from ansible.module_utils.golive_core.canary import BLOCK_SECONDS, METRICS, Limits, Tally
from ansible.module_utils.golive_core.colours import COLOURS, MAP_FILE, Live, read_map
from ansible.module_utils.golive_core.haproxy import Edge, EdgeError, master
from ansible.module_utils.golive_core.measurement import measurement, utc_now
from ansible.module_utils.golive_core.switching import one_at_a_time, switch
from ansible.module_utils.golive_core.watch_log import AGENT, read_line

HIDDEN = "(hidden)"
# The journal and no datagram port: that of role watcher is taken, and the journal drops no line of HAProxy.
FOLLOW = ["journalctl", "--follow", "--lines=0", "--output=cat", "--identifier=haproxy"]
LAST_LINES_SECONDS = 1.0  # a request is logged when it has ended
LONGEST_LOAD = 300.0  # of one load test
PEER_SECONDS = 0.5


class Log:
    """The access log, counted as it comes."""

    def __init__(self, tally: Tally) -> None:
        """Take what counts."""
        self.tally = tally
        self.lock = threading.Lock()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Count while the block runs."""
        with subprocess.Popen(FOLLOW, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as journal:
            thread = threading.Thread(target=self._read, args=(journal, time.monotonic()), daemon=True)
            thread.start()
            try:
                yield
            finally:
                journal.terminate()
                thread.join(5)

    def _read(self, journal: subprocess.Popen[bytes], began: float) -> None:
        for row in journal.stdout or ():
            if line := read_line(row):
                with self.lock:
                    self.tally.enter(line, time.monotonic() - began)


class Canary:
    """One share that is set, from now until its time is over."""

    def __init__(self, params: Mapping[str, Any], edge: Edge, path: Path) -> None:
        """Look at the map.

        :raises ValueError: when it is not the one that was planned with
        """
        self.params = params
        self.edge = edge
        self.path = path
        self.live = self._map()
        if self.live.generation != params["expected_generation"]:
            raise ValueError(self._switched(self.live))
        if self.live.canary != params["colour"] or not self.live.canary_share:
            raise ValueError(f"{params['colour']} has no share of the traffic: nothing to hold")
        limits = Limits(params["harm_share"], params["harm_seconds"])
        self.log = Log(Tally(params["colour"], self.live.canary_by, limits))
        self.taken_back = ""
        self.taken_back_seconds = 0.0

    def _map(self) -> Live:
        return read_map(self.path.read_text(encoding="utf-8"))

    def _switched(self, found: Live) -> str:
        wanted = self.params["expected_generation"]
        return f"it is at generation {found.generation}, wanted {wanted}: somebody else has switched meanwhile"

    def take_back(self, why: str) -> None:
        """Give the whole traffic to the colour that serves, unless somebody else has switched.

        :raises EdgeError: when a worker does not take it
        """
        began = time.monotonic()
        with one_at_a_time(self.path):
            now = self._map()
            if now == self.live:
                wanted = now.becoming(now.live)
                switch(self.edge, self.path, now, wanted)
                self.live = wanted
                self.taken_back, self.taken_back_seconds = why, time.monotonic() - began

    def hold(self) -> float:
        """Measure, and take the share back where it does harm; return for how many seconds it was held.

        :raises ValueError: when somebody else switches meanwhile
        :raises EdgeError: when a worker does not take the way back
        """
        seconds, began = self.params["seconds"], time.monotonic()
        looks = max(1, int(seconds // BLOCK_SECONDS))
        threading.Thread(target=self._load, args=(began + seconds,), daemon=True).start()
        with self.log.followed():
            number = 0
            while (spent := time.monotonic() - began) < seconds and not self.taken_back:
                time.sleep(min(1.0, seconds - spent))
                found = self._map()
                if found.generation != self.live.generation:
                    raise ValueError(self._switched(found))
                number += 1
                self._look(looks if number % BLOCK_SECONDS == 0 else 0)
            held = time.monotonic() - began
            time.sleep(LAST_LINES_SECONDS)
        return held

    def _look(self, looks: int) -> None:
        """Take the share back where it does harm (0 `looks`: not now), or where another edge has taken its own back."""
        if looks:
            with self.log.lock:
                harm = self.log.tally.harm(looks)
            if harm:
                self.take_back(harm)
                return
        if edge := self._given_up():
            self.take_back(f"{edge} has taken its own back")

    def _given_up(self) -> str:
        """Return another edge that has a newer map without a share; "" when there is none."""
        try:
            settings = json.loads(Path(self.params["peers_file"]).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a single edge has an empty file
            return ""
        for peer in settings["peers"]:
            with suppress(edge_peers.Unusable, OSError):
                found = edge_peers.ask(peer, settings["authority"], time.monotonic() + PEER_SECONDS)
                if found and found.generation > self.live.generation and not found.canary_share:
                    return str(peer["name"])
        return ""

    def _load(self, until: float) -> None:
        """Ask at a low rate until then; a load that cannot begin leaves too few requests, which is no evidence."""
        with suppress(http.NoAnswer, ValueError):
            while (left := until - time.monotonic()) >= 1.0:
                load.run(_profile(self.params, self.live, min(left, LONGEST_LOAD)))

    def told(self, held: float, started: str) -> dict[str, Any]:
        """Return the result of the module."""
        tally = self.log.tally
        silent = "" if any(tally.requests) else "the edge's journal told of no request that was drawn"
        back = f"taken back after {held:.0f} s: {self.taken_back}" if self.taken_back else ""
        rows = []
        for check in self.params["checks"]:
            row = {**tally.measure(check["id"], check["metric"], held), "started": started}
            row["invalid"] = silent or (back if check["metric"] == "share" else "")
            row["observed"] = "; ".join(filter(None, [row["observed"], back]))
            rows.append(row)
        old, new = tally.requests
        return {
            "generation": self.live.generation,
            "taken_back": self.taken_back,
            "taken_back_seconds": round(self.taken_back_seconds, 4),
            "requests": {"old": old, "new": new, "users": tally.users},
            "seconds": round(held, 1),
            "measurements": rows,
        }


def _profile(params: Mapping[str, Any], live: Live, seconds: float) -> load.Profile:
    """Return the load; by header, a part of it that is as large as the share asks for the canary.

    :raises ValueError: when the profile is not well defined
    """
    asked = [replace(one, headers={"user-agent": AGENT, **one.headers}) for one in load.endpoints(params["endpoints"])]
    if live.canary_by == "header":
        share = live.canary_share / 100
        asked = [replace(one, weight=one.weight * (1 - share)) for one in asked] + [
            replace(one, weight=one.weight * share, headers={**one.headers, "x-golive-canary": "1"}) for one in asked
        ]
    return load.Profile(
        base_url=params["url"],
        address=params["address"],
        ca_file=params["ca_file"],
        rate=params["rate"],
        seconds=seconds,
        endpoints=asked,
    )


def run(params: Mapping[str, Any], edge: Edge, path: Path) -> dict[str, Any]:
    """Hold the share, and measure what was asked for.

    :raises EdgeError, ValueError: see :class:`Canary`
    """
    canary, started = Canary(params, edge, path), utc_now()
    load.validate(_profile(params, canary.live, LONGEST_LOAD))
    try:
        held = canary.hold()
    except BaseException:
        canary.take_back("it could not be held")
        raise
    return {"changed": bool(canary.taken_back), **canary.told(held, started)}


def _end(*_: object) -> NoReturn:
    raise SystemExit("ended by a signal")  # so that the blocks above are left in order


def _shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as the result may show them."""
    rows = [
        {
            **each,
            "headers": dict.fromkeys(each["headers"], HIDDEN),
            "body": HIDDEN if each["body"] is not None else None,
        }
        for each in params["endpoints"]
    ]
    return {"module_args": {**params, "endpoints": rows}}


def main() -> None:
    """Parse the arguments, hold the share."""
    module = AnsibleModule(
        argument_spec={
            "colour": {"type": "str", "choices": list(COLOURS), "required": True},
            "expected_generation": {"type": "int", "required": True},
            "seconds": {"type": "float", "required": True},
            "rate": {"type": "float", "required": True},
            "url": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "ca_file": {"type": "str", "default": ""},
            "endpoints": {"type": "list", "elements": "dict", "required": True, "options": load.ENDPOINT},
            "harm_share": {"type": "float", "default": 0.05},
            "harm_seconds": {"type": "float", "default": 2},
            "checks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "id": {"type": "str", "required": True},
                    "metric": {"type": "str", "choices": list(METRICS), "required": True},
                },
            },
            "peers_file": {"type": "path", "default": "/etc/haproxy/peers.json"},
            "map_file": {"type": "path", "default": MAP_FILE},
        },
        supports_check_mode=True,
        no_log=True,  # of the host's log: headers and bodies may hold credentials
    )
    params, path = module.params, Path(module.params["map_file"])
    shown = _shown(params)
    if module.check_mode:
        module.exit_json(
            changed=False,
            invocation=shown,
            generation=params["expected_generation"],
            taken_back="",
            taken_back_seconds=0.0,
            requests={"old": 0, "new": 0, "users": 0},
            seconds=0.0,
            measurements=[
                measurement(check["id"], n=0, invalid="check mode asks nobody") for check in params["checks"]
            ],
        )
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        for name, low, high in (("seconds", 10, 3000), ("rate", 1, 500)):
            if not low <= params[name] <= high:
                raise ValueError(f"{name} is {params[name]:g}, wanted {low:g} to {high:g}")
        result = run(params, Edge(master(), params["map_file"]), path)
    except (EdgeError, ValueError, OSError) as error:
        module.fail_json(msg=f"The canary {params['colour']} cannot be held by {path}: {error}.", invocation=shown)
    module.exit_json(invocation=shown, **result)


if __name__ == "__main__":
    main()
