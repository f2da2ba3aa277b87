#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Put the relay's program on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_relay
short_description: Install the program of the relay for alerts
description:
  - Writes C(golive_core.relay) and what it imports into one file that Python runs. The code is that which Ansible
    brought with this module, so that relay and controller never differ.
options:
  dest:
    description: The file.
    type: path
    required: true
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written.
  diff_mode:
    support: none
    description: A program is no text to compare.
author:
  - golive contributors
"""

EXAMPLES = r"""
- name: Install the relay
  golive_relay:
    dest: /usr/local/lib/golive-relay.pyz
"""

RETURN = r"""
modules:
  description: The modules in the file.
  type: list
  elements: str
  returned: always
"""

import io
import sys
import zipfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import relay

_PACKAGE = relay.__name__.rpartition(".")[0]
_RUN = "from golive_core.relay import main\n\nmain()\n"


def _sources() -> dict[str, str]:
    """Return file name to source of the relay and all that it imported of golive_core."""
    files = {"__main__.py": _RUN, "golive_core/__init__.py": ""}
    for name, module in sorted(sys.modules.items()):
        if name.startswith(f"{_PACKAGE}."):
            source = module.__spec__.loader.get_source(name)  # type: ignore[union-attr]  # file and zip both have it
            files[f"golive_core/{name.rpartition('.')[2]}.py"] = source
    return files


def _archive(files: dict[str, str]) -> bytes:
    """Return an executable archive that is the same for the same files."""
    packed = io.BytesIO()
    packed.write(b"#!/usr/bin/python3\n")
    with zipfile.ZipFile(packed, "a") as archive:
        for name, source in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source)
    return packed.getvalue()


def main() -> None:
    """Build the file, and write it when it is another one."""
    module = AnsibleModule(argument_spec={"dest": {"type": "path", "required": True}}, supports_check_mode=True)
    dest = Path(module.params["dest"])
    files = _sources()
    wanted = _archive(files)
    try:
        changed = not dest.is_file() or dest.read_bytes() != wanted
        if changed and not module.check_mode:
            draft = dest.with_name(dest.name + ".new")
            draft.write_bytes(wanted)
            draft.chmod(0o755)
            draft.replace(dest)
    except OSError as error:
        module.fail_json(msg=f"{dest} cannot be written: {error.strerror}. Make room or correct its directory.")
    module.exit_json(changed=changed, modules=sorted(files))


if __name__ == "__main__":
    main()
