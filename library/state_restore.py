#!/usr/bin/python
"""Put a host's own state back from its archive, and keep what was there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: state_restore
short_description: Put a host's own state back from an archive of role backup
description:
  - Runs on the host whose state it is. Reads the whole archive first; one that is damaged, cut off, or of another host
    is refused. Without O(confirm) it says what would be other than now, and touches nothing.
  - Writes what is restored beside what is there, stops the units that use it, and swaps; what was there stays under a
    name with the time. When any of that fails, all is as it was.
options:
  archive:
    description: The encrypted archive, on the host.
    type: path
    required: true
  identity:
    description: The private key, as age(1) writes it.
    type: str
    required: true
  host:
    description: Whose state it must be.
    type: str
    required: true
  app:
    description: Of which application.
    type: str
    required: true
  paths:
    description: What may be put back, as backup_state_paths has it; what else the archive holds is left out.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: A file, a link, or a directory with all that is in it.
        type: str
        required: true
      sqlite:
        description: Whether it is a database of SQLite, whose journal must not be left to another one.
        type: bool
        default: false
      units:
        description: What is stopped meanwhile, where it runs.
        type: list
        elements: str
        default: []
  confirm:
    description: Whether to do it.
    type: bool
    default: false
requirements: [age]
attributes:
  check_mode:
    support: full
    description: As without O(confirm).
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Say what would be put back
  state_restore:
    archive: /var/lib/golive-state/restore.age
    identity: "{{ golive_secrets.backup_state | golive_age_identity }}"
    host: edge1
    app: football
    paths: "{{ backup_state_paths }}"
"""

RETURN = r"""
time:
  description: Of when the archive is, UTC.
  type: str
  returned: always
told:
  description: A sentence for each path in it, what would be or is other than it was.
  type: list
  elements: str
  returned: always
kept:
  description: Path to where is what was there.
  type: dict
  returned: when it was put back
"""

import contextlib
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import host_state
from ansible.module_utils.golive_core.host_state import Archive, Unfit, decrypted


def _read(module: AnsibleModule, places: Mapping[str, Path] | None = None) -> Archive:
    params = module.params
    with decrypted(Path(params["archive"]), params["identity"]) as stream:
        return Archive(stream).read(places).belongs_to(params["host"], params["app"])


def _sentence(top: str, changes: Mapping[str, list[str]]) -> str:
    words = [f"{len(names)} {what}" for what, names in changes.items() if names]
    names = [name for found in changes.values() for name in found][:3]
    return f"{top}: {', '.join(words)} (such as /{', /'.join(names)})" if words else f"{top}: as it is"


class _Units:
    """What uses the files."""

    def __init__(self, module: AnsibleModule, names: list[str]) -> None:
        self.module = module
        self.names = [name for name in names if module.run_command(["systemctl", "is-active", name])[0] == 0]

    def tell(self, verb: str) -> list[str]:
        """Return which of them did not do it, and why."""
        answers = {name: self.module.run_command(["systemctl", verb, name]) for name in self.names}
        return [f"systemctl {verb} {name}: {answer[2].strip()}" for name, answer in answers.items() if answer[0]]


def _put_back(module: AnsibleModule, tops: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return path to where is what was there, and what does not run again."""
    staged = {top: Path(top).with_name(f".{Path(top).name}.golive-restored") for top in tops}
    rules = [rule for rule in module.params["paths"] if rule["path"] in tops]
    journals = [f"{rule['path']}-{end}" for rule in rules if rule["sqlite"] for end in ("journal", "wal", "shm")]
    try:
        for place in staged.values():
            place.parent.mkdir(parents=True, exist_ok=True)
            host_state.discard(place)
        _read(module, staged)
        units, down = _Units(module, [name for rule in rules for name in rule["units"]]), []
        try:
            if problems := units.tell("stop"):
                raise Unfit("; ".join(problems))
            kept: dict[str, str] = host_state.swap(staged, f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", journals)
        finally:
            down = units.tell("start")
    finally:
        for place in staged.values():
            with contextlib.suppress(OSError):
                host_state.discard(place)
    return kept, down


def main() -> None:
    """Parse, say what would change, put back."""
    rule = {
        "path": {"type": "str", "required": True},
        "sqlite": {"type": "bool", "default": False},
        "units": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "archive": {"type": "path", "required": True},
            "identity": {"type": "str", "required": True, "no_log": True},
            "host": {"type": "str", "required": True},
            "app": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "dict", "required": True, "options": rule},
            "confirm": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    told: dict[str, Any] = {}
    try:
        archive = _read(module)
        allowed = [rule["path"] for rule in module.params["paths"]]
        tops = [top for top in archive.tops() if top in allowed]
        changes = {top: host_state.changes(archive, top) for top in tops}
        told = {
            "time": f"{datetime.fromtimestamp(archive.manifest['time'], UTC):%Y-%m-%d %H:%M:%S} UTC",
            "told": [_sentence(top, what) for top, what in changes.items()],
        }
        wanted = [top for top, what in changes.items() if any(what.values())]
        if not wanted or not module.params["confirm"] or module.check_mode:
            module.exit_json(changed=bool(wanted and module.params["confirm"]), kept={}, **told)
        kept, down = _put_back(module, wanted)
    except Unfit as unfit:
        module.fail_json(
            msg=f"{module.params['host']}: the archive was not put back, nothing was changed: {unfit}.", **told
        )
    except (OSError, subprocess.SubprocessError) as error:
        module.fail_json(
            msg=f"{module.params['host']}: the state could not be put back, it is as it was: {error}.", **told
        )
    if down:
        beside = ", ".join(kept.values()) or "nothing"
        sentence = f"{module.params['host']}: the state was put back, but {'; '.join(down)}. What was there: {beside}."
        module.fail_json(msg=sentence, kept=kept, **told)
    module.exit_json(changed=True, kept=kept, **told)


if __name__ == "__main__":
    main()
