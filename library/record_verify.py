#!/usr/bin/python
"""Check a finished record against its signature, and against copies of its head."""

from __future__ import annotations

DOCUMENTATION = r"""
module: record_verify
short_description: Check a finished record against its signature, and against copies of its head
description:
  - Reads the record on the controller and asks nobody; needs C(ssh-keygen).
  - Notices a changed byte, an event that was removed or moved, a tail that was cut off, a file that was swapped,
    removed or added, a signer that is not allowed, a signature of something else, and a missing one.
  - Never fails for what it finds; it returns one sentence for each problem.
options:
  directory:
    description: Directory of the record.
    type: path
    required: true
  allowed_signers:
    description:
      - File that names the keys that may sign, in the form of ssh-keygen(1).
      - When empty, C(signing/allowed_signers) beside the directory of all records.
    type: path
    default: ""
  copies:
    description: Host name to what the host keeps of its head, as M(record_copy) returned it; empty when it keeps none.
    type: dict
    default: {}
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Check a record
  record_verify:
    directory: inventories/prod/.golive/records/20261123T231144Z-1.0.0
  register: checked
"""

RETURN = r"""
problems:
  description: One sentence for each; none when the record can be relied on.
  returned: always
  type: list
  elements: str
signer:
  description: Identity that signed it; empty when nobody known did.
  returned: always
  type: str
run_id:
  description: Name of the record, as its head says.
  returned: always
  type: str
app:
  description: The application that it is about, as its head says.
  returned: always
  type: str
events:
  description: Number of events that were signed.
  returned: always
  type: int
compared:
  description: Hosts whose copy is the same.
  returned: always
  type: list
  elements: str
without_copy:
  description: Hosts that keep no copy of it.
  returned: always
  type: list
  elements: str
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import record, signing


def main() -> None:
    """Parse the arguments, check, return what is wrong."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "allowed_signers": {"type": "path", "default": ""},
            "copies": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    directory = Path(module.params["directory"])
    allowed = module.params["allowed_signers"] or signing.home(directory) / signing.ALLOWED_NAME
    checked = record.verify(directory, Path(allowed))
    copies = module.params["copies"]
    said = {host: record.differs(checked.head, host, head) for host, head in copies.items() if head}
    module.exit_json(
        changed=False,
        problems=[*checked.problems, *(f"{sentence}." for sentence in said.values() if sentence)],
        signer=checked.signer,
        run_id=str(checked.head.get("run_id", directory.name)),
        app=str(checked.head.get("app", "")),
        events=int(checked.head.get("events", 0)),
        compared=[host for host, sentence in said.items() if not sentence],
        without_copy=[host for host, head in copies.items() if not head],
    )


if __name__ == "__main__":
    main()
