#!/usr/bin/python
"""Tell the watcher of an edge what to guard, or ask what it sees."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_watcher
short_description: Tell the watcher of an edge what to guard, or ask what it sees
description:
  - Writes the order that the watcher follows. From then on it does nothing that an older order told it to, whether
    it runs or not; one that runs confirms the order within a few seconds.
  - Takes back, with a reason, that nothing may go live after a rollback, and adds that to the watcher's chain.
options:
  state:
    description:
      - V(armed), guard O(release) from now on. An order that is in force for the same release and colour stays.
      - V(disarmed), leave what serves alone.
      - V(frozen), let nothing go live, because O(reason).
      - V(unfrozen), let releases go live again, because O(reason).
      - V(asked), change nothing.
    type: str
    choices: [armed, disarmed, frozen, unfrozen, asked]
    default: asked
  state_dir:
    description: Where golive keeps the state of the application on the host.
    type: path
    required: true
  app:
    description: Name of the application, for the chain of events.
    type: str
    default: ''
  host:
    description: Name of the edge, for the chain of events.
    type: str
    default: ''
  release:
    description: The release to guard, or that was taken back; needed for V(armed) and V(frozen).
    type: str
    default: ''
  colour:
    description: Its colour; needed for V(armed).
    type: str
    choices: [blue, green, none]
    default: none
  back_release:
    description: The release to go back to; empty for none.
    type: str
    default: ''
  back_colour:
    description: Its colour.
    type: str
    choices: [blue, green, none]
    default: none
  reason:
    description: Why; needed for V(disarmed), V(frozen) and V(unfrozen).
    type: str
    default: ''
  within_seconds:
    description: How long a watcher that runs may take to confirm an order.
    type: float
    default: 10
  map_file:
    description: The map, as the configuration of HAProxy names it.
    type: path
    default: /etc/haproxy/live.map
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
          - V(on_guard), it guards O(checks[].release), sees its requests, and may act.
          - V(no_rollback), it has not taken the traffic from O(checks[].release).
          - V(alive), it runs and sees the requests of what serves.
        type: str
        choices: [on_guard, no_rollback, alive]
        required: true
      release:
        description: The release that serves.
        type: str
        default: ''
      within_seconds:
        description: How long to wait until it is so.
        type: float
        default: 10
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Guard the release that has just been switched to
  edge_watcher:
    state: armed
    state_dir: /opt/golive/football
    release: 1.4.0
    colour: green
    back_release: 1.3.2
    back_colour: blue
"""

RETURN = r"""
confirmed:
  description: Whether the watcher runs and has taken the order; V(true) when there was none to take.
  returned: always
  type: bool
running:
  description: Whether the watcher runs.
  returned: always
  type: bool
order:
  description: The order that is in force; empty before the first.
  returned: always
  type: dict
acted:
  description: How and why the watcher took the traffic from the release of the order before this call; empty when not.
  returned: always
  type: dict
frozen:
  description: Why nothing may go live, with reason, time, release, by; empty when it may.
  returned: always
  type: dict
window:
  description: V(strict), V(normal), V(retired), or empty when nothing is guarded.
  returned: always
  type: str
key:
  description: Fingerprint of the key by which the edge signs its chain of events; empty before the first event.
  returned: always
  type: str
chain:
  description: Directory of that chain.
  returned: always
  type: str
measurements:
  description: One per entry of O(checks), see docs/contributing.md.
  returned: always
  type: list
  elements: dict
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import watch_guard
from ansible.module_utils.golive_core.colours import MAP_FILE
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now
from ansible.module_utils.golive_core.record import BrokenChain
from ansible.module_utils.golive_core.signing import SigningError
from ansible.module_utils.golive_core.watch_guard import ARMED, DISARMED, Home, Order

POLL_SECONDS = 0.1
EXPECTED = {
    "on_guard": "the watcher guards {release}, sees its requests, and may act",
    "no_rollback": "the watcher has left the traffic with {release}",
    "alive": "the watcher runs and sees the requests of what serves",
}


def _uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _state() -> dict[str, Any]:
    return dict(watch_guard.read_json(watch_guard.STATE))


def _running() -> bool:
    return bool(watch_guard.fresh(_state(), _uptime()))


def _problems(check: dict[str, Any], state: dict[str, Any]) -> list[str]:
    release, now = check["release"], _uptime()
    looks: dict[str, Callable[[], list[str]]] = {
        "alive": lambda: watch_guard.not_alive(state, now),
        "on_guard": lambda: watch_guard.not_on_guard(state, release, now),
        "no_rollback": lambda: watch_guard.not_fresh(state, now) or watch_guard.rolled_back(state, release),
    }
    return looks[check["kind"]]()


def _measure(check: dict[str, Any]) -> Measurement:
    """Take one measurement. What can come yet is waited for; a rollback is none of that."""
    started, began = utc_now(), time.monotonic()
    while True:
        state = _state()
        problems = _problems(check, state)
        waited = time.monotonic() - began
        if not problems or check["kind"] == "no_rollback" or waited > check["within_seconds"]:
            break
        time.sleep(POLL_SECONDS)
    minute, ticks = state.get("minute") or {}, int(state.get("ticks", 0))
    fine = (
        f"{ticks} looks at {check['release'] or 'what serves'}, the last at {minute.get('n', 0)} requests of a minute, "
        f"{minute.get('errors', 0)} of them wrong, P95 {state.get('p95_seconds', 0):.3f} s"
    )
    told = summarise([*problems, *(state.get("pages") or {}).values()]) if problems else fine
    return measurement(
        check["id"],
        n=max(ticks, 1) if check["kind"] == "no_rollback" else 1,
        failures=1 if problems else 0,
        invalid="" if check["kind"] != "no_rollback" or ticks or problems else "it has not looked at the release yet",
        observed=told,
        expected=EXPECTED[check["kind"]].format(**check),
        started=started,
        seconds=time.monotonic() - began,
    )


def _wanted(params: dict[str, Any]) -> Order:
    if params["state"] == DISARMED:
        return Order(id=uuid.uuid4().hex, state=DISARMED, at=time.time(), reason=params["reason"])
    return Order(
        id=uuid.uuid4().hex,
        state=ARMED,
        release=params["release"],
        colour=params["colour"],
        back_release=params["back_release"],
        back_colour=params["back_colour"],
        at=time.time(),
        reason=params["reason"],
    )


def _same(one: Order, other: Order) -> bool:
    if one.state != other.state:
        return False
    if one.state == DISARMED:
        return True
    return (one.release, one.colour, one.back_colour) == (other.release, other.colour, other.back_colour)


def _confirmed(order: Order, within_seconds: float) -> bool:
    """Wait until a watcher that runs has taken the order."""
    deadline = time.monotonic() + within_seconds
    while _running():
        if (_state().get("order") or {}).get("id") == order.id:
            return True
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)
    return False


def run(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Give the order, or ask.

    :raises OSError: when something cannot be written
    :raises SigningError: when the chain cannot be signed
    """
    home, map_file = Home(Path(params["state_dir"])), Path(params["map_file"])
    in_force = home.order() or Order(id="")
    changed, confirmed = False, True
    if params["state"] in (ARMED, DISARMED):
        wanted = _wanted(params)
        changed = not _same(in_force, wanted) and not (params["state"] == DISARMED and not in_force.id)
        if changed and not check_mode:
            home.give(wanted, map_file)
            confirmed = _confirmed(wanted, params["within_seconds"])
    # After the order: what the watcher did before it is known now.
    acted = home.last_act(in_force) if in_force.id else {}
    frozen = home.frozen()
    if params["state"] == "frozen":
        changed = not frozen
        if changed and not check_mode:
            home.freeze(params["reason"], params["release"], params["host"])
    if params["state"] == "unfrozen":
        changed = bool(frozen)
        if changed and not check_mode:
            home.note(
                params["host"], params["app"], [("watcher.unfrozen", {"reason": params["reason"], "was": frozen})]
            )
            home.freeze_file.unlink(missing_ok=True)
    return {
        "changed": changed,
        "confirmed": confirmed,
        "running": _running(),
        "order": asdict(in_force) if in_force.id else {},
        "acted": acted,
        "frozen": frozen,
        "window": str(_state().get("window", "")) if _running() else "",
        "key": home.fingerprint(),
        "chain": str(home.chain),
        "measurements": [_measure(check) for check in params["checks"]],
    }


def main() -> None:
    """Parse the arguments, give the order or ask."""
    colour = {"type": "str", "choices": ["blue", "green", "none"], "default": "none"}
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["armed", "disarmed", "frozen", "unfrozen", "asked"],
                "default": "asked",
            },
            "state_dir": {"type": "path", "required": True},
            "app": {"type": "str", "default": ""},
            "host": {"type": "str", "default": ""},
            "release": {"type": "str", "default": ""},
            "colour": colour,
            "back_release": {"type": "str", "default": ""},
            "back_colour": colour,
            "reason": {"type": "str", "default": ""},
            "within_seconds": {"type": "float", "default": 10},
            "map_file": {"type": "path", "default": MAP_FILE},
            "checks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "id": {"type": "str", "required": True},
                    "kind": {"type": "str", "choices": list(EXPECTED), "required": True},
                    "release": {"type": "str", "default": ""},
                    "within_seconds": {"type": "float", "default": 10},
                },
            },
        },
        supports_check_mode=True,
    )
    params = module.params
    needs = {"armed": "release", "disarmed": "reason", "frozen": "reason", "unfrozen": "reason"}.get(params["state"])
    if needs and not params[needs]:
        module.fail_json(msg=f"The watcher cannot be {params['state']} without `{needs}`.")
    try:
        result = run(params, module.check_mode)
    except (OSError, SigningError, BrokenChain) as error:
        module.fail_json(msg=f"The watcher in {params['state_dir']} cannot be told or asked: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
