#!/usr/bin/python
"""Find a line of a host on the logs host, and compare its audit trail with the copy there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_probe
short_description: Write a line on one host and find it on the logs host; compare audit trails
description:
  - Called twice. On the host that is measured, with O(write), it writes one line per check and says what it wrote. On
    the logs host, with that in O(written), it waits for the lines and measures.
  - Never fails for what it measures; whether a measurement is good enough is judged by M(gate_verdict).
options:
  checks:
    description: What to measure.
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
          - V(line_found) has as its only sample the seconds from writing a line to the system's log until the logs host
            had it.
          - V(container_line_found) is the same for a line on the standard output of O(checks[].container).
          - V(trail_same) compares the audit trail of the host, line by line, with its copy on the logs host, and
            the files of the days that are over with their hashes. Each line and each such file is one observation.
        type: str
        choices: [line_found, container_line_found, trail_same]
        required: true
      container:
        description: Name of a container on the host.
        type: str
        default: ''
      within_seconds:
        description: How long to wait for a line, or for the lines of the trail that are on their way.
        type: int
        default: 10
      days:
        description: With V(trail_same), how many days are compared line by line; the last is today.
        type: int
        default: 2
      keep_days:
        description: With V(trail_same), for how many days the trail is kept.
        type: int
        default: 400
  write:
    description: Write the lines, instead of looking for them.
    type: bool
    default: false
  host:
    description: Inventory name of the host that wrote.
    type: str
    default: ''
  written:
    description: What the first call returned as RV(written).
    type: dict
    default: {}
  logs:
    description: Where the logs host keeps logs.
    type: path
    default: /var/log/golive
  audit:
    description: Where the audit trail is kept, in C(sent) on each host and C(received) on the logs host.
    type: path
    default: /var/log/golive-audit
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It writes its line then, too; a line in a log changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Write a line
  log_probe:
    checks: [{id: monitoring.log_line_found, kind: line_found}]
    write: true
  register: wrote

- name: Find it
  log_probe:
    checks: [{id: monitoring.log_line_found, kind: line_found}]
    host: "{{ inventory_hostname }}"
    written: "{{ wrote.written }}"
  delegate_to: "{{ groups['logs'] | first }}"
"""

RETURN = r"""
written:
  description: Id of each check to what was written for it.
  returned: with O(write)
  type: dict
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: without O(write)
  type: list
  elements: dict
"""

import json
import os
import syslog
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import audit_trail, engine_api, log_search
from ansible.module_utils.golive_core.judge import quantity
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now

Params = Mapping[str, Any]
KINDS = ("line_found", "container_line_found", "trail_same")
PAUSE = 0.1
NOTICED = 0.5  # seconds after which a sender knows that a host has refused what it sent


# --- on the host that is measured


def _write_container(engine: engine_api.Engine, name: str, text: str) -> None:
    """Write to the standard output of a container's first process, as that process itself would."""
    state = engine.container(name)["State"]
    if not state.get("Running"):
        raise engine_api.EngineError(f"container {name} does not run")
    with Path(f"/proc/{state['Pid']}/fd/1").open("w", encoding="utf-8") as output:
        output.write(text + "\n")


def _kept(directory: Path, token: str, seconds: float) -> bool:
    """Wait until the host has kept a line of the trail."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in directory.glob("*.jsonl"):
            if path.name >= f"{today}.jsonl" and any(log_search.lines(path, [token])):
                return True
        time.sleep(PAUSE)
    return False


def _trail(check: Params, directory: Path) -> dict[str, Any]:
    """Write two lines to the trail, and return what the host has kept of it."""
    if not directory.is_dir():
        return {"problem": f"no audit trail is kept there, in {directory}"}
    token = f"golive-probe-{uuid.uuid4()}"
    syslog.openlog("golive")
    # The first may be on its way over a connection that the logs host does not know any more, which its sender learns
    # when it sends the next: then it sends both.
    for _ in range(2):
        syslog.syslog(syslog.LOG_NOTICE, json.dumps({"act": "audit_probe", "token": token}))
        time.sleep(NOTICED)
    kept = _kept(directory, token, check["within_seconds"])
    now = datetime.now(UTC)
    since, kept_since = (audit_trail.first_day(days, now) for days in (check["days"], check["keep_days"] + 1))
    trail, book = audit_trail.read_settled(directory, directory, "", since, kept_since)
    if not kept:
        trail.problems.append(f"a line that was written to the trail was not kept within {check['within_seconds']} s")
    trail.problems += book.problems
    return {
        "problem": "",
        "time": now.timestamp(),
        "trail": audit_trail.pack(trail),
        "hashes": list(book.entries[-100:]),
        "sealed": book.files,
    }


def write(check: Params, sent: Path) -> dict[str, Any]:
    """Write the line of a check; say what was written and when, or why nothing could be."""
    if check["kind"] == "trail_same":
        return _trail(check, sent)
    token = f"golive-probe-{uuid.uuid4()}"
    told = {"token": token, "problem": "", "time": time.time()}
    text = json.dumps({"message": token, "level": "info"})
    try:
        if check["kind"] == "container_line_found":
            _write_container(engine_api.Engine(), check["container"], text)
        else:
            syslog.openlog("golive-probe")
            syslog.syslog(syslog.LOG_NOTICE, text)
    except (OSError, ValueError, engine_api.EngineError) as error:
        told["problem"] = str(error)
    return told


# --- on the logs host


def _arrived(directory: Path, token: str) -> log_search.Entry | None:
    """Return the line with a token, among what arrived from a host since yesterday."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    for path in directory.glob("*.jsonl"):
        if path.name[-16:-6] >= yesterday:
            for line in log_search.lines(path, [token]):
                if entry := log_search.read(line):
                    return entry
    return None


def _wait(directory: Path, token: str, seconds: float) -> log_search.Entry | None:
    deadline = time.monotonic() + seconds
    while (entry := _arrived(directory, token)) is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return entry


def _last(directory: Path) -> str:
    """Say when anything of a host arrived last."""
    newest = max((path.stat().st_mtime for path in directory.glob("*.jsonl")), default=0.0)
    return f"its last line came {quantity(time.time() - newest, 's')} ago" if newest else "no line of it ever came"


def _found(check: Params, host: str, wrote: Params, directory: Path) -> Measurement:
    within = check["within_seconds"]
    expected = f"a line of {host} is on the logs host within {within} s"
    entry = _wait(directory, wrote["token"], within)
    if entry is None:
        seen = f"the line of {host} did not arrive within {within} s; {_last(directory)}"
        return measurement(check["id"], n=1, failures=1, observed=seen, expected=expected)
    # Both times are of the two hosts' clocks, which another gate compares.
    took = max(0.0, datetime.fromisoformat(entry["received"]).timestamp() - wrote["time"])
    seen = f"the line was there after {quantity(took, 's')}"
    if check["kind"] == "container_line_found":
        seen += f", as {entry['service']}, release {entry.get('release')}, {entry.get('colour')}"
    return measurement(check["id"], n=1, samples=[took], unit="s", observed=seen, expected=expected)


def _same(check: Params, host: str, wrote: Params, received: Path) -> Measurement:
    days, within = check["days"], check["within_seconds"]
    expected = f"the trail of {host} is the same on both hosts"
    looked = datetime.fromtimestamp(wrote["time"], UTC)
    since, kept_since = (audit_trail.first_day(each, looked) for each in (days, check["keep_days"] + 1))
    own = audit_trail.unpack(wrote["trail"])
    deadline = time.monotonic() + within
    while True:
        copy, book = audit_trail.read_settled(received / host, received, f"{host}/", since, kept_since)
        found = audit_trail.differences(own, copy, since, wrote["time"])
        if not any(found.not_copied.values()) or time.monotonic() > deadline:
            break
        time.sleep(10 * PAUSE)  # it reads two days
    copy.problems += book.problems
    pairs = [(str(name), str(sha256)) for name, sha256 in wrote["hashes"]]
    wrong = audit_trail.sentences(host, own, copy, found)
    wrong += audit_trail.told_otherwise(host, copy, pairs, book.entries, wrote["time"])
    sealed = wrote["sealed"] + book.files
    n = max(own.count, copy.count) + sealed
    seen = summarise(wrong) or f"{own.count} lines of {days} days are the same, and {sealed} daily hashes hold"
    failures = max(found.count, len(wrong))
    return measurement(check["id"], n=max(n, failures), failures=failures, observed=seen, expected=expected)


def measure(check: Params, host: str, written: Params, logs: Path, received: Path) -> Measurement:
    """Take one measurement on the logs host."""
    started, began = utc_now(), time.monotonic()
    wrote = written.get(check["id"])
    if wrote is None:
        return measurement(check["id"], n=0, invalid=f"{host} wrote no line")
    if wrote["problem"]:
        return measurement(check["id"], n=0, invalid=f"no line could be written on {host}: {wrote['problem']}")
    if not logs.is_dir():
        why = (
            f"nobody keeps logs here, on {os.uname().nodename}: there is no {logs}. Give the inventory a host in group "
            "logs; where it has one, give each host an ansible_host of its own, not one made from inventory_hostname"
        )
        return measurement(check["id"], n=0, invalid=why)
    try:
        if check["kind"] == "trail_same":
            seen = _same(check, host, wrote, received)
        else:
            seen = _found(check, host, wrote, logs / host)
    except (OSError, ValueError, KeyError) as error:
        return measurement(check["id"], n=0, invalid=f"{check['kind']} cannot be measured: {error}")
    return {**seen, "started": started, "seconds": round(time.monotonic() - began, 6)}


def main() -> None:
    """Parse the arguments; write, or measure."""
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
                    "within_seconds": {"type": "int", "default": 10},
                    "days": {"type": "int", "default": 2},
                    "keep_days": {"type": "int", "default": 400},
                },
                "required_if": [("kind", "container_line_found", ("container",))],
            },
            "write": {"type": "bool", "default": False},
            "host": {"type": "str", "default": ""},
            "written": {"type": "dict", "default": {}},
            "logs": {"type": "path", "default": log_search.LOGS},
            "audit": {"type": "path", "default": audit_trail.AUDIT},
        },
        supports_check_mode=True,
    )
    params = module.params
    audit = Path(params["audit"])
    if params["write"]:
        written = {check["id"]: write(check, audit / audit_trail.SENT) for check in params["checks"]}
        module.exit_json(changed=False, written=written)
    logs = Path(params["logs"])
    received = audit / audit_trail.RECEIVED
    measurements = [measure(check, params["host"], params["written"], logs, received) for check in params["checks"]]
    module.exit_json(changed=False, measurements=measurements)


if __name__ == "__main__":
    main()
