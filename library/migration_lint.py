#!/usr/bin/python
"""Judge the SQL of a migration before it runs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_lint
short_description: Look for statements in a migration that break or stop the release that serves
description:
  - Runs on the controller. Hands the SQL to squawk, reads its JSON, and says by O(rules) what each finding means;
    golive_core.sql_lint documents how.
  - Never fails for what it finds. SQL that is not whole gives an invalid measurement. squawk's exit code says nothing,
    and comments that tell it to look away are taken out.
requirements: [squawk-cli]
options:
  id:
    description: Id of the gate.
    type: str
    required: true
  sql:
    description: What the emit command printed on standard output.
    type: str
    required: true
  code:
    description: Its exit code.
    type: int
    default: 0
  error:
    description: The last words of its standard error.
    type: str
    default: ''
  mark:
    description: Text that the SQL must hold to be whole, such as the new revision.
    type: str
    default: ''
  about:
    description: From where to where the migration leads, for people.
    type: str
    default: the migration
  server_version:
    description: Version of the server (C(17.2)); what is safe depends on it. Empty for the newest that squawk knows.
    type: str
    default: ''
  rules:
    description: Rule to its C(verdict) (fail, warn, ignore, partial), C(remedy) (C(en), C(zh)) and C(pattern).
    type: dict
    required: true
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Lint the migration
  migration_lint:
    id: database.migration_lint
    sql: ALTER TABLE matches DROP COLUMN season;
    rules:
      ban-drop-column:
        verdict: fail
        remedy: {en: "Drop it in a later release.", zh: "在以后的版本中删除。"}
  delegate_to: localhost
"""

RETURN = r"""
measurement:
  description: As docs/contributing.md describes it; with C(remedy) when something fails.
  returned: always
  type: dict
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import sql_lint


def _report(module: AnsibleModule, emitted: sql_lint.Emitted) -> str:
    """Return what squawk prints, JSON."""
    beside = str(Path(sys.executable).parent)
    squawk = shutil.which("squawk", path=beside) or shutil.which("squawk")
    if not squawk:
        module.fail_json(
            msg=f"The controller has no squawk, neither in {beside} nor in PATH, so no migration can be linted. "
            "Install squawk-cli (./golive does), or remove migration_emit from the inventory. Nothing was touched."
        )
    words = [squawk, "--reporter=json", "--stdin-filepath=migration.sql"]
    if version := re.match(r"\d+(\.\d+)?", module.params["server_version"]):
        words.append(f"--pg-version={version[0]}")
    text = sql_lint.text_for_linter(sql_lint.statements(emitted.sql))
    with tempfile.TemporaryDirectory() as empty:  # no .squawk.toml of the project it is started in
        _, said, error = module.run_command(words, data=text, cwd=empty)
    return str(said or error)


def main() -> None:
    """Parse the arguments, lint, return what was found."""
    module = AnsibleModule(
        argument_spec={
            "id": {"type": "str", "required": True},
            "sql": {"type": "str", "required": True},
            "code": {"type": "int", "default": 0},
            "error": {"type": "str", "default": ""},
            "mark": {"type": "str", "default": ""},
            "about": {"type": "str", "default": "the migration"},
            "server_version": {"type": "str", "default": ""},
            "rules": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    if wrong := sql_lint.wrong_rules(params["rules"]):
        module.fail_json(msg=f"migration_lint_rules: {'; '.join(wrong)}. Nothing was touched.")
    emitted = sql_lint.Emitted(params["code"], params["sql"], params["error"])
    report = "" if sql_lint.incomplete(emitted, params["mark"]) else _report(module, emitted)
    seen = sql_lint.measure(params["id"], emitted, report, params["rules"], params["mark"], params["about"])
    module.exit_json(changed=False, measurement=seen)


if __name__ == "__main__":
    main()
