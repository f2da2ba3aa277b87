#!/usr/bin/python
"""Put the watcher's program on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: watcher_program
short_description: Put the watcher's program on a host
description:
  - Writes the parts of golive_core that the watcher consists of, which come to the host with this module, and removes
    what an older watcher had besides.
options:
  dest:
    description: Directory of the program.
    type: path
    required: true
  directories:
    description: Directories that it writes to; made, with mode 0750, when they are missing.
    type: list
    elements: path
    default: []
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Install the watcher
  watcher_program:
    dest: /usr/local/lib/golive/watcher
"""

RETURN = r"""
written:
  description: Files that were not as they should be.
  returned: always
  type: list
  elements: str
"""

import inspect
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import (
    colours,
    edge_peers,
    haproxy,
    histogram,
    http,
    measurement,
    prometheus,
    record,
    signing,
    systemd,
    watch_guard,
    watch_log,
    watch_service,
    watcher,
)

PARTS = (
    colours,
    edge_peers,
    haproxy,
    histogram,
    http,
    measurement,
    prometheus,
    record,
    signing,
    systemd,
    watch_guard,
    watch_log,
    watch_service,
    watcher,
)
MAIN = """\
import sys

from golive_core.watch_service import main

sys.exit(main(sys.argv[1:]))
"""


def install(dest: Path, directories: list[str], check_mode: bool) -> dict[str, Any]:
    """Write what differs, and remove what is too much.

    :raises OSError: when that is not possible
    """
    texts = {f"golive_core/{part.__name__.rpartition('.')[2]}.py": inspect.getsource(part) for part in PARTS}
    texts |= {"golive_core/__init__.py": "", "__main__.py": MAIN}
    present = {path.relative_to(dest).as_posix(): path for path in dest.rglob("*") if path.is_file()}
    written = [name for name, text in texts.items() if name not in present or present[name].read_text("utf-8") != text]
    surplus = sorted(set(present) - set(texts))
    missing = [path for path in map(Path, directories) if not path.is_dir()]
    if not check_mode:
        for path in missing:
            path.mkdir(mode=0o750, parents=True)
        for path in (dest, dest / "golive_core"):
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in written:
            path = dest / name
            draft = path.with_name(f".{path.name}.new")
            draft.write_text(texts[name], encoding="utf-8")
            draft.chmod(0o644)
            draft.replace(path)
        for name in surplus:
            present[name].unlink()
    return {"changed": bool(written or surplus or missing), "written": [*written, *map(str, missing)]}


def main() -> None:
    """Parse the arguments, write."""
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "directories": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    if not shutil.which("ssh-keygen") and not module.check_mode:
        module.fail_json(
            msg="The watcher signs what it decides with ssh-keygen, which is not here: install openssh-client."
        )
    try:
        result = install(Path(module.params["dest"]), module.params["directories"], module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"The watcher cannot be written to {module.params['dest']}: {error}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
