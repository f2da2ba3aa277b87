#!/usr/bin/python
"""Keep the signed head of a record on a host, and ask for it again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: record_copy
short_description: Keep the signed head of a record on a host, and ask for it again
description:
  - Writes C(head.json) and C(head.json.sig) of a finished record to C(DIRECTORY/RUN_ID/) (0750, files 0640), so that a
    record that is changed on the controller afterwards, and even signed anew, can be told from what was seen.
  - Then removes the oldest copies beyond O(keep), by name, which begins with the time. The one of O(run_id) stays.
options:
  state:
    description: V(present) writes the copy, V(asked) only returns it.
    type: str
    choices: [present, asked]
    default: present
  directory:
    description: Directory of all copies on the host.
    type: path
    required: true
  run_id:
    description: Name of the record.
    type: str
    required: true
  head:
    description: Content of C(head.json); required with O(state=present).
    type: str
    default: ""
  signature:
    description: Content of C(head.json.sig); empty for a record that is not signed.
    type: str
    default: ""
  keep:
    description: How many copies stay, 1 or more.
    type: int
    default: 50
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    description: A copy is new whenever it is written.
"""

EXAMPLES = r"""
- name: Leave a copy on the edge
  record_copy:
    directory: /opt/golive/football/records
    run_id: 20261123T231144Z-1.0.0
    head: "{{ finished.head }}"
    signature: "{{ finished.signature }}"
"""

RETURN = r"""
head:
  description: Content of C(head.json) of the copy; empty when there is none.
  returned: when O(state=asked)
  type: str
removed:
  description: Names of the records whose copies were removed.
  returned: when O(state=present)
  type: list
  elements: str
"""

import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.record import HEAD, SIGNATURE
from ansible.module_utils.golive_core.retention import oldest


def _write(path: Path, text: str) -> None:
    draft = path.with_name(path.name + ".new")
    draft.touch(0o640)
    draft.chmod(0o640)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def keep_copy(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    """Write the copy, remove old ones, and return what the module returns."""
    directory = Path(params["directory"])
    copy = directory / params["run_id"]
    wanted = {HEAD: params["head"], SIGNATURE: params["signature"]}
    seen = {name: (copy / name).read_text("utf-8") if (copy / name).exists() else "" for name in wanted}
    present = [path.name for path in directory.glob("*") if path.is_dir()]
    removed = oldest(present, params["keep"], params["run_id"])
    if not check_mode:
        for path in (directory, copy):
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
            path.chmod(0o750)
        for name, text in wanted.items():
            if text and text != seen[name]:
                _write(copy / name, text)
            elif not text:
                (copy / name).unlink(missing_ok=True)
        for name in removed:
            shutil.rmtree(directory / name)
    return {"changed": wanted != seen or bool(removed), "removed": removed}


def main() -> None:
    """Parse the arguments, write or ask."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "asked"], "default": "present"},
            "directory": {"type": "path", "required": True},
            "run_id": {"type": "str", "required": True},
            "head": {"type": "str", "default": ""},
            "signature": {"type": "str", "default": ""},
            "keep": {"type": "int", "default": 50},
        },
        supports_check_mode=True,
    )
    params = module.params
    copy = Path(params["directory"]) / params["run_id"]
    if copy.parent != Path(params["directory"]) or params["run_id"] in ("", ".", ".."):
        module.fail_json(msg=f"`run_id` is {params['run_id']!r}, wanted the name of a record, which is no path.")
    if params["state"] == "present" and not params["head"]:
        module.fail_json(msg=f"The copy of {params['run_id']} needs `head`, the content of its {HEAD}.")
    if params["keep"] < 1:
        module.fail_json(msg=f"`keep` is {params['keep']}, wanted 1 or more: the copy itself stays.")
    try:
        if params["state"] == "asked":
            head = copy / HEAD
            module.exit_json(changed=False, head=head.read_text("utf-8") if head.exists() else "")
        result = keep_copy(params, module.check_mode)
    except (OSError, UnicodeDecodeError) as error:
        module.fail_json(msg=f"The copy of the record in {copy} cannot be kept or read: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
