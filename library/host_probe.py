#!/usr/bin/python
"""Look at a host: disk, memory, clock, ports, units."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: Look at disk, memory, clock, ports and units of a host, and return what was measured
description:
  - Never fails for what it measures; whether a measurement is good enough is judged by M(gate_verdict).
options:
  checks:
    description: What to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      kind:
        description:
          - V(disk_free_share) has as its value the share of the file system at O(checks[].path) that is still free.
          - V(disk_free_bytes) has as its value the bytes that are still free there.
          - V(memory_available_share) has as its value the share of memory that new work could use.
          - V(clock_offset_seconds) has as its value how far the host's clock is from O(checks[].reference_epoch),
            without sign.
          - V(port_free) counts each of O(checks[].ports) as a failure on which a process listens that is not one of
            O(checks[].allowed).
          - V(unit_active) counts each of O(checks[].units) as a failure that systemd does not call active.
        type: str
        choices:
          - disk_free_share
          - disk_free_bytes
          - memory_available_share
          - clock_offset_seconds
          - port_free
          - unit_active
        required: true
      path:
        description: A path on the file system; the nearest existing parent counts when it is not there yet.
        type: str
        default: /
      reference_epoch:
        description:
          - Seconds since 1970 by the clock to compare with. It is read before the call travels to the host, so the
            offset holds the time that this took. A host that is ahead seems further ahead by it, one that is behind
            seems less behind.
        type: float
      ports:
        description: TCP ports.
        type: list
        elements: int
        default: []
      allowed:
        description: Names of processes that may listen on them already.
        type: list
        elements: str
        default: []
      units:
        description: Names of systemd units.
        type: list
        elements: str
        default: []
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Look at the host before anything is installed
  host_probe:
    checks:
      - {id: preflight.disk, kind: disk_free_share, path: /var/lib}
      - {id: preflight.clock, kind: clock_offset_seconds, reference_epoch: "{{ now().timestamp() }}"}
      - {id: preflight.ports, kind: port_free, ports: [80, 443], allowed: [haproxy]}
"""

RETURN = r"""
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: always
  type: list
  elements: dict
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import host
from ansible.module_utils.golive_core.judge import percent, quantity
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise

Params = Mapping[str, Any]


def _existing(path: Path) -> str:
    return str(next(each for each in (path, *path.parents) if each.exists()))


def _disk(module: AnsibleModule, check: Params) -> Measurement:  # noqa: ARG001 (all kinds are called alike)
    share = host.disk_free_share(_existing(Path(check["path"])))
    seen = f"{percent(share)} of the file system at {check['path']} is free"
    return measurement(check["id"], n=1, value=round(share, 6), observed=seen)


def _disk_bytes(module: AnsibleModule, check: Params) -> Measurement:  # noqa: ARG001
    free = host.disk_free_bytes(_existing(Path(check["path"])))
    seen = f"{quantity(free, 'B')} of the file system at {check['path']} are free"
    return measurement(check["id"], n=1, value=free, unit="B", observed=seen)


def _memory(module: AnsibleModule, check: Params) -> Measurement:  # noqa: ARG001
    share = host.memory_available_share(Path("/proc/meminfo").read_text())
    return measurement(check["id"], n=1, value=round(share, 6), observed=f"{percent(share)} of memory is available")


def _clock(module: AnsibleModule, check: Params) -> Measurement:  # noqa: ARG001
    now, reference = time.time(), check["reference_epoch"]
    began = now - host.age_seconds(
        Path("/proc/self/stat").read_text(), Path("/proc/uptime").read_text(), os.sysconf("SC_CLK_TCK")
    )
    # The call came when this process began: on a busy host much time has passed since, which is no fault of the clock.
    offset = (began if began >= reference else now) - reference
    side = "ahead of" if offset >= 0 else "behind"
    seen = f"the clock is {quantity(abs(offset), 's')} {side} the reference, which was read before this call was made"
    return measurement(check["id"], n=1, value=round(abs(offset), 6), unit="s", observed=seen)


def _ports(module: AnsibleModule, check: Params) -> Measurement:  # noqa: ARG001
    ports = check["ports"]
    taken = host.taken_ports(ports, check["allowed"])
    names = ", ".join(map(str, ports))
    return measurement(
        check["id"],
        n=len(ports),
        failures=len(taken),
        observed=summarise(f"port {port} is taken by {who}" for port, who in taken.items())
        or f"ports {names} are free",
        expected="nobody else listens on " + names,
    )


def _units(module: AnsibleModule, check: Params) -> Measurement:
    units = check["units"]
    systemctl = module.get_bin_path("systemctl")
    if systemctl is None:
        return measurement(check["id"], n=0, invalid="there is no systemctl on this host")
    # One word per unit; the return code only says whether all are active.
    _, out, _ = module.run_command([systemctl, "is-active", "--", *units])
    states = dict(zip(units, out.split(), strict=False))
    wrong = {unit: states.get(unit, "unknown") for unit in units if states.get(unit) != "active"}
    return measurement(
        check["id"],
        n=len(units),
        failures=len(wrong),
        observed=summarise(f"{unit} is {state}" for unit, state in wrong.items()) or f"{', '.join(units)} active",
        expected="active",
    )


KINDS: Mapping[str, tuple[Callable[[AnsibleModule, Params], Measurement], str]] = {  # and the option that it needs
    "disk_free_share": (_disk, "path"),
    "disk_free_bytes": (_disk_bytes, "path"),
    "memory_available_share": (_memory, "kind"),
    "clock_offset_seconds": (_clock, "reference_epoch"),
    "port_free": (_ports, "ports"),
    "unit_active": (_units, "units"),
}
CHECK = {
    "id": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(KINDS), "required": True},
    "path": {"type": "str", "default": "/"},
    "reference_epoch": {"type": "float"},
    "ports": {"type": "list", "elements": "int", "default": []},
    "allowed": {"type": "list", "elements": "str", "default": []},
    "units": {"type": "list", "elements": "str", "default": []},
}


def _measure(module: AnsibleModule, check: Params) -> Measurement:
    try:
        return KINDS[check["kind"]][0](module, check)
    except (OSError, ValueError) as error:
        return measurement(check["id"], n=0, invalid=f"{check['kind']} cannot be measured: {error}")


def main() -> None:
    """Parse the arguments, look, return the measurements."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK}},
        supports_check_mode=True,
    )
    checks = module.params["checks"]
    for check in checks:
        needed = KINDS[check["kind"]][1]
        if check[needed] in (None, "", []):
            module.fail_json(msg=f"Check {check['id']}: {check['kind']} needs `{needed}`.")
    module.exit_json(changed=False, measurements=[_measure(module, check) for check in checks])


if __name__ == "__main__":
    main()
