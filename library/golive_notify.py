#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Tell the receivers of a site how a go-live fares."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_notify
short_description: Tell people about a run, and note in its record who was told
description:
  - Makes a message from the record in O(record), or from O(freeze), and sends it to each of O(receivers) that wants it.
    What waits in the spool from before is tried first.
  - Never fails for a receiver that cannot be reached - the message is kept in O(spool) and sent by a later call, and
    the record says so in an event V(message). Nobody to tell is a warning and stands in the record, too.
  - The same news is not told twice to a receiver.
options:
  event:
    description:
      - V(start) and V(verdict) tell of the run in O(record), V(freeze) of O(freeze). V(waiting) only sends what waits.
      - V(test) sends a message that says that it is a test, V(said) sends O(said), to every receiver, whatever it wants
        otherwise.
    type: str
    choices: [start, verdict, freeze, waiting, test, said]
    required: true
  receivers:
    description: Entries of C(golive_receivers); role golive says what each option means.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name., type: str, required: true}
      kind: {description: Kind., type: str, required: true}
      events: {description: What it wants to hear of; all when empty., type: list, elements: str}
      severities: {description: How bad it must be; all when empty., type: list, elements: str}
      owners: {description: Whose alerts; all when empty., type: list, elements: str}
      language: {description: Language., type: str, choices: ["", en, zh, both]}
      probe: {description: Whether the synthetic alert goes there., type: bool}
      url: {description: Address., type: str}
      bearer: {description: Token for the header Authorization., type: str}
      secret: {description: What messages are signed with., type: str}
      server: {description: Mail server., type: str}
      from: {description: Sender., type: str}
      to: {description: Recipients., type: list, elements: str}
      user: {description: Account at the mail server., type: str}
      password: {description: Its password., type: str}
      tls: {description: Whether the mail server must speak TLS., type: bool}
      corp_id: {description: Company at WeCom., type: str}
      agent_id: {description: App at WeCom., type: int}
      to_user: {description: Members of the company., type: str}
      api_url: {description: API of WeCom., type: str}
      ca_file: {description: Authority that its certificate must come from., type: path}
      path: {description: File., type: path}
      config: {description: "Alertmanager's own form.", type: dict}
  record:
    description: Directory of the record that the message is about, and in which it is noted.
    type: path
    default: ""
  link:
    description: Where readers find records; the name of the run is put behind it. Empty for the path on the controller.
    type: str
    default: ""
  freeze:
    description: What is told with O(event=freeze).
    type: dict
    suboptions:
      app:
        description: The application.
        type: str
        required: true
      state:
        description: Whether go-lives are stopped or allowed again.
        type: str
        choices: ["on", "off"]
        required: true
      who:
        description: Who decided it.
        type: str
        required: true
      reason:
        description: Why.
        type: str
        default: ""
      until:
        description: When it ends by itself.
        type: str
        default: ""
  said:
    description: What is told with O(event=said).
    type: dict
    suboptions:
      app:
        description: The application.
        type: str
        required: true
      text:
        description: The message.
        type: str
        required: true
  spool:
    description: Directory for what could not be told yet. Made with mode 0700.
    type: path
    required: true
  language:
    description: Language of receivers that name none.
    type: str
    choices: [en, zh, both]
    default: en
  tries:
    description: How often a receiver is tried before the message is kept.
    type: int
    default: 3
  pause_seconds:
    description: Seconds before the second try; doubled before each further one.
    type: float
    default: 1
  timeout_seconds:
    description: Seconds for one answer.
    type: float
    default: 5
attributes:
  check_mode:
    support: full
    description: In check mode nobody is told.
  diff_mode:
    support: none
    description: A message is no state.
author:
  - golive contributors
"""

EXAMPLES = r"""
- name: Tell how it ended
  golive_notify:
    event: verdict
    receivers: "{{ golive_receivers }}"
    record: "{{ golive_run.directory }}"
    spool: "{{ golive_controller_dir }}/notify"
  no_log: true
"""

RETURN = r"""
outcomes:
  description: For each receiver that wants it, its name, C(kind), C(state) (sent, again, kept), C(tries), C(why).
  type: list
  elements: dict
  returned: always
waiting:
  description: The same of each message from before that was tried again.
  type: list
  elements: dict
  returned: always
sentence:
  description: What became of the message, for people.
  type: str
  returned: always
"""

import getpass
import os
import socket
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import delivery, notify, record
from ansible.module_utils.golive_core.texts import text

_SECRETS = ("url", "bearer", "secret", "password")  # an address of a robot holds its token
_LISTS = ("events", "severities", "owners", "to")
RECEIVER: dict[str, dict[str, Any]] = {
    **{name: {"type": "str", "required": True} for name in ("name", "kind")},
    **{name: {"type": "list", "elements": "str"} for name in _LISTS},
    **{name: {"type": "str"} for name in ("server", "from", "user", "corp_id", "to_user", "api_url")},
    **{name: {"type": "str", "no_log": True} for name in _SECRETS},
    **{name: {"type": "bool"} for name in ("probe", "tls")},
    **{name: {"type": "path"} for name in ("ca_file", "path")},
    "language": {"type": "str", "choices": ["", "en", "zh", "both"]},
    "agent_id": {"type": "int"},
    "config": {"type": "dict"},
}
EVENTS = ["start", "verdict", "freeze", "waiting", "test", "said"]
SAID: dict[str, dict[str, Any]] = {key: {"type": "str", "required": True} for key in ("app", "text")}
FREEZE: dict[str, dict[str, Any]] = {
    "app": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["on", "off"], "required": True},
    "who": {"type": "str", "required": True},
    "reason": {"type": "str", "default": ""},
    "until": {"type": "str", "default": ""},
}


def _message(params: dict[str, Any]) -> notify.Message | None:
    """Return the message to send; None when only what waits is to be sent."""
    if params["event"] in ("start", "verdict"):
        directory = Path(params["record"])
        link = f"{params['link'].rstrip('/')}/{directory.name}" if params["link"] else ""
        told = record.tell(record.read_events(directory))
        return notify.of_run(params["event"], told, link or f"{socket.gethostname()}:{directory}/record.md")
    if params["event"] == "freeze":
        frozen = params["freeze"]
        return notify.of_freeze(frozen["app"], frozen["state"], frozen["who"], frozen["reason"], frozen["until"])
    if params["event"] == "said":
        said = params["said"]
        who = os.environ.get("SUDO_USER") or getpass.getuser()
        return notify.of_said(said["app"], who, socket.gethostname(), said["text"])
    return notify.of_test(socket.gethostname()) if params["event"] == "test" else None


def main() -> None:
    """Parse, tell, note it in the record, return."""
    module = AnsibleModule(
        argument_spec={
            "event": {"type": "str", "choices": EVENTS, "required": True},
            "receivers": {"type": "list", "elements": "dict", "default": [], "options": RECEIVER},
            "record": {"type": "path", "default": ""},
            "link": {"type": "str", "default": ""},
            "freeze": {"type": "dict", "options": FREEZE},
            "said": {"type": "dict", "options": SAID},
            "spool": {"type": "path", "required": True},
            "language": {"type": "str", "choices": ["en", "zh", "both"], "default": "en"},
            "tries": {"type": "int", "default": 3},
            "pause_seconds": {"type": "float", "default": 1},
            "timeout_seconds": {"type": "float", "default": 5},
        },
        required_if=[
            ("event", "start", ["record"]),
            ("event", "verdict", ["record"]),
            ("event", "freeze", ["freeze"]),
            ("event", "said", ["said"]),
        ],
        supports_check_mode=True,
    )
    params = module.params
    given = params["receivers"]
    receivers = [{key: value for key, value in receiver.items() if value is not None} for receiver in given]
    result: dict[str, Any] = {"changed": False, "outcomes": [], "waiting": [], "sentence": ""}
    if wrong := notify.refusals(receivers):
        module.fail_json(msg="; ".join(wrong) + ". Nobody was told.", **result)
    if module.check_mode:
        module.exit_json(**result)
    try:
        message = _message(params)
        spool = delivery.Spool(Path(params["spool"]))
        how = delivery.Policy(params["tries"], params["pause_seconds"], params["timeout_seconds"])
        waiting = delivery.tell_waiting(receivers, spool, params["language"], how.timeout)
        result["waiting"] = [outcome.as_dict() for outcome in waiting]
        if message:
            outcomes = delivery.tell(receivers, message, spool, params["language"], how)
            result["outcomes"] = [outcome.as_dict() for outcome in outcomes]
            result["sentence"] = delivery.sentence(message.event, outcomes)
            if not outcomes:
                module.warn(f"{params['event']}: {text('message.nobody', params['language'])}")
        if params["record"] and (message or waiting):
            told = {"event": params["event"], "outcomes": result["outcomes"], "waiting": result["waiting"]}
            record.append(Path(params["record"]), [("message", told)])
    except (OSError, record.BrokenChain) as error:
        module.fail_json(msg=f"Nobody may have been told: {error}. Make {params['spool']} writable.", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
