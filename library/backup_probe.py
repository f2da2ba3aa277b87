#!/usr/bin/python
"""Look into the newest backup of a database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_probe
short_description: Measure the age of the newest dump, and whether it holds what it should
description:
  - Has C(pg_restore) read the newest dump in a directory, and compares its tables with those wanted.
  - Never fails for what it measures.
options:
  checks:
    description: What to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate.
        type: str
        required: true
      directory:
        description: Directory of the dumps, in the custom format, named so that the newest sorts last (C(*.pgc)).
        type: path
        required: true
      file:
        description: Look at this file instead of the newest.
        type: path
      tables:
        description: Tables (C(schema.table)) whose data must be in the dump.
        type: list
        elements: str
        default: []
attributes:
  check_mode:
    support: full
    description: It only reads.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Measure the newest backup
  backup_probe:
    checks:
      - id: database.backup
        directory: /var/backups/golive/football
        tables: [public.teams]
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check; C(value) is the age in seconds, an observation is a table.
  type: list
  elements: dict
  returned: always
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.backup import tables_with_data
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now


def _measure(module: AnsibleModule, check: dict[str, Any]) -> Measurement:
    started, begin = utc_now(), time.monotonic()
    wanted = sorted(set(check["tables"]))
    dumps = sorted(Path(check["directory"]).glob("*.pgc"))
    newest = Path(check["file"]) if check["file"] else dumps[-1] if dumps else None
    problems, value = [f"no backup in {check['directory']}"], None
    if newest and newest.is_file():
        state = newest.stat()
        value = time.time() - state.st_mtime
        code, listing, error = module.run_command(["pg_restore", "--list", str(newest)])
        held = tables_with_data(listing)
        problems = [f"{table} is not in {newest.name}" for table in wanted if table not in held]
        if code != 0:
            problems = [f"pg_restore cannot read {newest.name}: {error.strip()}"]
    else:
        held = set()
    found = f"{newest.name if newest else 'nothing'}, {len(held)} tables"
    return measurement(
        check["id"],
        n=max(len(wanted), 1),
        failures=min(len(problems), max(len(wanted), 1)),
        value=value,
        unit="s",
        observed=summarise(problems) or found,
        expected=f"a backup with the data of {len(wanted)} tables" if wanted else "a backup that can be read",
        started=started,
        seconds=time.monotonic() - begin,
    )


def main() -> None:
    """Parse, look, return."""
    spec = {
        "id": {"type": "str", "required": True},
        "directory": {"type": "path", "required": True},
        "file": {"type": "path"},
        "tables": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": spec}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, measurements=[_measure(module, check) for check in module.params["checks"]])


if __name__ == "__main__":
    main()
