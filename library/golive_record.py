#!/usr/bin/python
"""Write the record of a go-live."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_record
short_description: Start, extend and finish the record of a go-live
description:
  - Keeps the record on the controller, as a directory with a hash chain of events (C(events.jsonl)) and, once finished,
    C(record.json), C(record.md) and C(record.html), told from those events alone.
  - A finished record is signed with an SSH key - C(head.json) names its events and the SHA-256 of each of its files,
    C(head.json.sig) is the signature. One that cannot be signed is written all the same, and says why it is not.
  - Nothing is ever overwritten or removed; an append is on disk before the module returns.
options:
  state:
    description:
      - V(started) makes the directory and the first event, and returns what identifies the run and its controller.
      - V(appended) adds O(events).
      - V(finished) writes C(record.json), C(record.md) and C(record.html), signs them, and returns what they tell.
    type: str
    choices: [started, appended, finished]
    default: appended
  directory:
    description:
      - Directory of this record; with O(state=started) the directory in which a new one is made.
    type: path
    required: true
  name:
    description: Readable end of the new directory's name; used with O(state=started).
    type: str
    default: run
  run:
    description: Facts of the run, for its first event; used with O(state=started).
    type: dict
    default: {}
  events:
    description: Events to add, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: What happened, for example V(phase.completed).
        type: str
        required: true
      data:
        description: The facts of it. Of a V(note) C(note), a name in golive's catalogue of notes, and C(values).
        type: dict
        default: {}
  measurements:
    description:
      - What probes returned. The raw samples of those that O(events) name by C(sha256) are kept in C(raw/SHA256.txt),
        and the event says so in C(raw).
    type: list
    elements: dict
    default: []
  language:
    description: Language of C(record.md) and C(record.html).
    type: str
    choices: [en, zh, both]
    default: en
  signing_key:
    description:
      - SSH key that signs a finished record; a public one when an SSH agent holds the private half.
      - When empty, a key that is made once, beside the directory of all records in C(signing/record_key).
    type: path
    default: ""
  allowed_signers:
    description:
      - File that names the keys that may sign. It is written with the key that is made here.
      - When empty, C(allowed_signers) beside that key.
    type: path
    default: ""
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written, and the values are returned as if it had been.
  diff_mode:
    support: none
    description: A record only grows.
"""

EXAMPLES = r"""
- name: Note that a phase is complete
  golive_record:
    directory: "{{ golive_run.directory }}"
    events:
      - kind: phase.completed
        data: {phase: evidence}
"""

RETURN = r"""
directory:
  description: The directory of the record.
  returned: always
  type: str
run_id:
  description: Name of the run, which is the name of that directory.
  returned: always
  type: str
run:
  description: O(run), for whoever shows how it goes.
  returned: when O(state=started)
  type: dict
events:
  description: O(events) but for verdicts, which M(gate_verdict) returns, for whoever shows how it goes.
  returned: when O(state) is not V(started)
  type: list
  elements: dict
controller:
  description: Id of this machine, C(process) (pid and start time) of the run, C(alive) processes, C(epoch) seconds.
  returned: when O(state=started)
  type: dict
told:
  description: The content of C(record.json).
  returned: when O(state=finished)
  type: dict
head:
  description: The content of C(head.json); empty in check mode.
  returned: when O(state=finished)
  type: str
signature:
  description: The content of C(head.json.sig); empty when the record is not signed.
  returned: when O(state=finished)
  type: str
unsigned:
  description: Why the record is not signed; empty when it is.
  returned: when O(state=finished)
  type: str
"""

import getpass
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import baseline, notes, page, process, record, render, signing


def _controller() -> dict[str, Any]:
    return {
        "machine": process.machine(),
        "process": process.identity(process.leader()),
        "alive": process.alive(),
        "epoch": time.time(),
    }


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    draft = path.with_name(path.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _start(records: Path, params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    run_id = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + params["name"]
    directory = records / run_id
    if not check_mode:
        directory.mkdir(mode=0o750, parents=True)
        run = {
            **params["run"],
            "id": run_id,
            "who": os.environ.get("SUDO_USER") or getpass.getuser(),
            "where": socket.gethostname(),
        }
        record.append(directory, [("run.started", run)])
    return {"directory": str(directory), "run_id": run_id, "run": params["run"], "controller": _controller()}


def _signer(directory: Path, params: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Return the key for a record, and the event that says whether it can sign: tried, before anything tells of it."""
    run: dict[str, Any] = next((event["data"] for event in record.read_events(directory)), {})
    who = signing.identity(run.get("who") or getpass.getuser(), run.get("where") or socket.gethostname())
    home = signing.home(directory)
    key = Path(params["signing_key"] or home / signing.KEY_NAME)
    allowed = Path(params["allowed_signers"] or home / signing.ALLOWED_NAME)
    told = {"signed": False, "identity": who, "fingerprint": "", "why": ""}
    try:
        if not params["signing_key"]:
            signing.make_key(key, allowed, who)
        told["fingerprint"] = signing.read_signature(signing.sign(b"golive", key)).fingerprint
        told["signed"] = True
    except signing.SigningError as error:
        told["why"] = str(error)
    return key, told


def _finish(directory: Path, params: dict[str, Any]) -> dict[str, Any]:
    """Write what is told of the record, and sign it."""
    # The old signature goes first: what is written from here on is not what it is for.
    (directory / record.SIGNATURE).unlink(missing_ok=True)
    key, signature = _signer(directory, params)
    record.append(directory, [("signing", signature)])
    told = record.tell(record.read_events(directory))
    samples = record.read_samples(directory, told)
    _write(directory / "record.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    _write(directory / "record.html", page.html(told, samples, params["language"], baseline.of(directory, told)))
    _write(directory / "record.md", render.markdown(told, params["language"]))
    head = record.canonical(record.head(directory)).decode() + "\n"
    _write(directory / record.HEAD, head)
    armoured, why = "", signature["why"]
    if signature["signed"]:
        try:
            armoured = signing.sign(head.encode(), key)
            _write(directory / record.SIGNATURE, armoured)
        except signing.SigningError as error:
            why = str(error)
    return {"told": told, "head": head, "signature": armoured, "unsigned": why}


SPEC = {
    "state": {"type": "str", "choices": ["started", "appended", "finished"], "default": "appended"},
    "directory": {"type": "path", "required": True},
    "name": {"type": "str", "default": "run"},
    "run": {"type": "dict", "default": {}},
    "events": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "kind": {"type": "str", "required": True},
            "data": {"type": "dict", "default": {}},
        },
    },
    "measurements": {"type": "list", "elements": "dict", "default": []},
    "language": {"type": "str", "choices": ["en", "zh", "both"], "default": "en"},
    "signing_key": {"type": "path", "default": "", "no_log": False},  # a path, not the key
    "allowed_signers": {"type": "path", "default": ""},
}


class Refused(Exception):
    """The record was not written; in one sentence, why."""


def run(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Start, extend or finish a record; return what the module returns.

    :raises Refused: when it cannot be written, or an event is not one
    """
    directory, asked = Path(params["directory"]), params["events"]
    told: dict[str, Any] = {"changed": False, "directory": str(directory), "run_id": directory.name}
    try:
        if params["state"] == "started":
            return {**told, **_start(directory, params, check_mode)}
        asked = [
            {**event, "data": notes.complete(event["data"])} if event["kind"] == "note" else event for event in asked
        ]
        told["events"] = [event for event in asked if event["kind"] != "gate"]
        if not check_mode:
            record.append(directory, record.keep_samples(directory, asked, params["measurements"]))
        if params["state"] == "finished" and check_mode:
            told |= {"told": record.tell(record.read_events(directory)), "head": "", "signature": "", "unsigned": ""}
        elif params["state"] == "finished":
            told |= _finish(directory, params)
    except notes.UnknownNote as error:
        raise Refused(f"The record in {directory} was not touched: {error}.") from error
    except (OSError, record.BrokenChain) as error:
        raise Refused(f"The record in {directory} cannot be kept: {error}. Make it writable and run again.") from error
    return told


def main() -> None:
    """Parse the arguments, extend the record, return what it tells."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module.params, module.check_mode)
    except Refused as refused:
        module.fail_json(msg=str(refused))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
