#!/usr/bin/python
"""Find a line of a host on the logs host, compare the two copies of its audit trail, count error lines."""

from __future__ import annotations

DOCUMENTATION = r"""
module: log_probe
short_description: Write a line on one host and find it on the logs host, and return what was measured
description:
  - Called twice. On the host that is measured, with O(write), it writes one line per check and says what it wrote and
    what it has of its own audit trail. On the logs host, with that in O(written), it waits for the lines and measures.
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
          - V(audit_complete) compares the trail that the host kept with the one that the logs host received, of today
            and yesterday. A line that is missing or differs is a failure.
          - V(error_lines) has as its value how many more error lines per request O(checks[].release) writes than
            O(checks[].before) did, at the upper bound of the new share (95 %). Nothing is written for it.
        type: str
        choices: [line_found, container_line_found, audit_complete, error_lines]
        required: true
      container:
        description: Name of a container on the host.
        type: str
        default: ''
      within_seconds:
        description: How long to wait for a line.
        type: int
        default: 10
      app:
        description: Service under which the application writes.
        type: str
        default: ''
      release:
        description: The release that has taken over.
        type: str
        default: ''
      before:
        description: The release before; empty when there was none.
        type: str
        default: ''
      hours:
        description: How far back lines count.
        type: int
        default: 24
      patterns:
        description: Regular expressions, one of which an error line matches.
        type: list
        elements: str
        default: []
      min_requests:
        description: Fewer requests to the new release prove nothing.
        type: int
        default: 300
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
    description: Where a host keeps what it sent of the audit trail, and what it received, in V(sent) and V(received).
    type: path
    default: /var/log/golive-audit
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It writes nothing then, and so measures nothing.
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
  description: Id of each check to what was written for it, and the summary of the host's own audit trail.
  returned: with O(write)
  type: dict
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: without O(write)
  type: list
  elements: dict
"""

import json
import syslog
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import audit_trail, engine_api, log_search, statistics
from ansible.module_utils.golive_core.judge import quantity
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now

Params = Mapping[str, Any]
PAUSE = 0.1


def _day(days_ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%d")


def _trail(directory: Path, days_ago: int) -> audit_trail.Trail:
    """Return the trail in a directory, of so many days and today."""
    paths = [path for path in sorted(directory.glob("20*.jsonl*")) if path.name[:10] >= _day(days_ago)]
    return audit_trail.trail(line for path in paths for line in log_search.lines(path))


# --- on the host that is measured


def _write_container(engine: engine_api.Engine, name: str, text: str) -> None:
    """Write to the standard output of a container's first process, as that process itself would."""
    state = engine.container(name)["State"]
    if not state.get("Running"):
        raise engine_api.EngineError(f"container {name} does not run")
    with Path(f"/proc/{state['Pid']}/fd/1").open("w", encoding="utf-8") as output:
        output.write(text + "\n")


def write(check: Params, audit: Path) -> dict[str, Any]:
    """Write the line of a check; say what was written, or why nothing could be."""
    token = f"golive-probe-{uuid.uuid4()}"
    told: dict[str, Any] = {"token": token, "problem": "", "time": time.time()}
    try:
        if check["kind"] == "container_line_found":
            _write_container(engine_api.Engine(), check["container"], json.dumps({"message": token, "level": "info"}))
        elif check["kind"] != "error_lines":
            syslog.openlog("golive")
            syslog.syslog(syslog.LOG_NOTICE, json.dumps({"act": "probe", "token": token}))
        if check["kind"] == "audit_complete":
            trail = _settled(audit / "sent", token, check["within_seconds"])
            told["trail"] = audit_trail.summary(trail)
            told["problem"] = "" if trail.lines else f"this host keeps no audit trail in {audit}/sent"
    except (OSError, ValueError, engine_api.EngineError) as error:
        told["problem"] = str(error)
    return told


def _settled(directory: Path, token: str, seconds: float) -> audit_trail.Trail:
    """Return the trail once the line that was just written is in it, or as it is when that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        newest = max(directory.glob("20*.jsonl"), default=None)
        if newest is not None and token in newest.read_text(encoding="utf-8", errors="replace"):
            break
        time.sleep(PAUSE)
    return _trail(directory, 1)


# --- on the logs host


def _arrived(directory: Path, token: str) -> log_search.Entry | None:
    """Return the line with a token, among what arrived from a host since yesterday."""
    for path in directory.glob("*.jsonl"):
        if path.name[-16:-6] >= _day(1):
            for line in log_search.lines(path, [token]):
                if entry := log_search.read(line):
                    return entry
    return None


def _wait(directory: Path, token: str, seconds: float) -> log_search.Entry | None:
    deadline = time.monotonic() + seconds
    while (entry := _arrived(directory, token)) is None and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return entry


def _silent(directory: Path, seconds: float) -> bool:
    """Return whether nothing at all came into a directory for so many seconds."""
    newest = max((path.stat().st_mtime for path in directory.glob("*.jsonl")), default=0.0)
    return time.time() - newest > seconds


def _found(check: Params, host: str, wrote: Params, logs: Path, _: Path) -> Measurement:
    within, directory = check["within_seconds"], logs / host
    expected = f"a line of {host} is on the logs host within {within} s"
    entry = _wait(directory, wrote["token"], within)
    if entry is None:
        if _silent(directory, 120):
            invalid = f"nothing arrives from {host}: neither the line that was written nor any other in two minutes"
            return measurement(check["id"], n=0, expected=expected, invalid=invalid)
        seen = f"the line did not arrive within {within} s, though other lines of {host} did"
        return measurement(check["id"], n=1, failures=1, observed=seen, expected=expected)
    # Both times are of the two hosts' clocks, which another gate compares.
    took = max(0.0, datetime.fromisoformat(entry["received"]).timestamp() - wrote["time"])
    seen = f"the line was there after {quantity(took, 's')}"
    if check["kind"] == "container_line_found":
        seen += f", as {entry['service']}, release {entry.get('release')}, {entry.get('colour')}"
    return measurement(check["id"], n=1, samples=[took], unit="s", observed=seen, expected=expected)


def _audit(check: Params, host: str, wrote: Params, _: Path, audit: Path) -> Measurement:
    directory = audit / "received" / host
    sent, expected = wrote["trail"], "both copies of the audit trail say the same"
    if _wait(directory, wrote["token"], check["within_seconds"]) is None:
        invalid = f"what {host} wrote to its audit trail did not arrive within {check['within_seconds']} s"
        return measurement(check["id"], n=0, expected=expected, invalid=invalid)
    trail = _trail(directory, 2)
    wrong = audit_trail.compare(sent, trail)
    if trail.unreadable:
        wrong.append(f"{trail.unreadable} lines on the logs host are not readable")
    if trail.rewritten:
        wrong.append(f"{trail.rewritten} numbers on the logs host stand for two different lines")
    lines = sum(int(block.split()[0]) for told in sent["epochs"].values() for block in told["blocks"].values())
    return measurement(
        check["id"],
        n=max(lines, len(wrong)),
        failures=len(wrong),
        value=lines,
        observed=summarise(wrong)
        or f"{lines} lines of {host} since yesterday, the same on both hosts, no number missing",
        expected=expected,
    )


def _errors(check: Params, host: str, _: Params, logs: Path, __: Path) -> Measurement:  # noqa: ARG001 (all are called alike)
    releases = [name for name in (check["release"], check["before"]) if name]
    begin = (datetime.now(UTC) - timedelta(hours=check["hours"])).isoformat()
    paths = log_search.files(logs, [], ["haproxy", check["app"]], begin[:10])
    entries = (
        entry
        for path in paths
        for line in log_search.lines(path)
        if any(name in line for name in releases) and (entry := log_search.read(line)) and entry["time"] >= begin
    )
    counts = log_search.count(log_search.once(entries), check["app"], releases, check["patterns"])
    new = counts[check["release"]]
    old = counts.get(check["before"], log_search.Count(0, 0))
    expected = "the new release writes no more error lines per request than the old one"
    if new.requests < check["min_requests"]:
        return measurement(
            check["id"],
            n=new.requests,
            expected=expected,
            invalid=f"the logs tell of {new.requests} requests to {check['release']}, "
            f"{check['min_requests']} are needed",
        )
    bound = statistics.share_upper_bound(min(new.errors, new.requests), new.requests, 0.95)
    share = old.errors / old.requests if old.requests else 0.0
    seen = f"{new.errors} error lines in {new.requests} requests to {check['release']}"
    if check["before"]:
        seen += f", {old.errors} in {old.requests} to {check['before']}"
    more = bound if new.errors <= new.requests else new.errors / new.requests
    return measurement(check["id"], n=new.requests, value=round(more - share, 6), observed=seen, expected=expected)


KINDS: Mapping[str, Callable[[Params, str, Params, Path, Path], Measurement]] = {
    "line_found": _found,
    "container_line_found": _found,
    "audit_complete": _audit,
    "error_lines": _errors,
}


def measure(check: Params, host: str, written: Params, logs: Path, audit: Path) -> Measurement:
    """Take one measurement on the logs host."""
    started, began = utc_now(), time.monotonic()
    wrote = written.get(check["id"])
    if wrote is None and check["kind"] != "error_lines":
        return measurement(check["id"], n=0, invalid=f"{host} wrote no line")
    if wrote and wrote["problem"]:
        return measurement(check["id"], n=0, invalid=f"no line could be written on {host}: {wrote['problem']}")
    try:
        seen = KINDS[check["kind"]](check, host, wrote or {}, logs, audit)
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
                    "app": {"type": "str", "default": ""},
                    "release": {"type": "str", "default": ""},
                    "before": {"type": "str", "default": ""},
                    "hours": {"type": "int", "default": 24},
                    "patterns": {"type": "list", "elements": "str", "default": []},
                    "min_requests": {"type": "int", "default": 300},
                },
                "required_if": [
                    ("kind", "container_line_found", ("container",)),
                    ("kind", "error_lines", ("app", "release", "patterns")),
                ],
            },
            "write": {"type": "bool", "default": False},
            "host": {"type": "str", "default": ""},
            "written": {"type": "dict", "default": {}},
            "logs": {"type": "path", "default": log_search.LOGS},
            "audit": {"type": "path", "default": "/var/log/golive-audit"},
        },
        supports_check_mode=True,
    )
    params, audit = module.params, Path(module.params["audit"])
    if params["write"]:
        written = {} if module.check_mode else {check["id"]: write(check, audit) for check in params["checks"]}
        module.exit_json(changed=False, written=written)
    logs = Path(params["logs"])
    measurements = [measure(check, params["host"], params["written"], logs, audit) for check in params["checks"]]
    module.exit_json(changed=False, measurements=measurements)


if __name__ == "__main__":
    main()
