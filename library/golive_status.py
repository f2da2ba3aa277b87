#!/usr/bin/python
"""Tell what a host keeps of golive's state: lock, freeze, since when the release is current, the watcher."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_status
short_description: Tell what a host keeps of golive's state
description:
  - Reads the state directory of an application, and asks systemd about the watcher. Changes nothing.
options:
  state_dir:
    description: State directory of the application.
    type: path
    required: true
  watcher_unit:
    description: Name of the watcher's service.
    type: str
    default: golive-watcher.service
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: See who is at work
  golive_status:
    state_dir: /opt/golive/football
"""

RETURN = r"""
lock:
  description: Who holds the deployment lock - owner (id of the run), who, left (seconds); empty when it is free.
  returned: always
  type: dict
freeze:
  description: Content of freeze.json; empty when go-lives are not frozen.
  returned: always
  type: dict
since:
  description: When the link current was set, in seconds since 1970; 0 when there is none.
  returned: always
  type: float
watcher:
  description: State of the watcher's service as systemd has it; empty when it is not installed.
  returned: always
  type: str
"""

import json
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule


def _read(path: Path) -> dict[str, Any]:
    """Return a file of JSON; one that cannot be read says so, for it is there."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        return {"who": f"an unreadable {path.name} ({error})", "reason": f"{path} cannot be read"}
    return found if isinstance(found, dict) else {"who": f"an unreadable {path.name}", "reason": f"{path} is no object"}


def _lock(state_dir: Path, now: float) -> dict[str, Any]:
    """Return the holder, if its lease has not ended."""
    holder = _read(state_dir / "lock" / "holder.json")
    left = float(holder.get("expires") or 0) - now
    if not holder or (left <= 0 and "expires" in holder):
        return {}
    return {"owner": holder.get("owner", ""), "who": holder.get("who", ""), "left": max(left, 0.0)}


def _since(link: Path) -> float:
    return link.lstat().st_mtime if link.is_symlink() else 0.0


def _watcher(module: AnsibleModule) -> str:
    if not (systemctl := module.get_bin_path("systemctl")):
        return ""
    unit = module.params["watcher_unit"]
    _, said, _ = module.run_command([systemctl, "show", "--property=LoadState,ActiveState", unit])
    state = dict(line.partition("=")[::2] for line in said.splitlines())
    return str(state.get("ActiveState", "")) if state.get("LoadState") == "loaded" else ""


def main() -> None:
    """Parse the arguments, look."""
    module = AnsibleModule(
        argument_spec={
            "state_dir": {"type": "path", "required": True},
            "watcher_unit": {"type": "str", "default": "golive-watcher.service"},
        },
        supports_check_mode=True,
    )
    state_dir = Path(module.params["state_dir"])
    module.exit_json(
        changed=False,
        lock=_lock(state_dir, time.time()),
        freeze=_read(state_dir / "freeze.json"),
        since=_since(state_dir / "current"),
        watcher=_watcher(module),
    )


if __name__ == "__main__":
    main()
