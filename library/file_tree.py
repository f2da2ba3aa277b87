#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Write many small files at once."""

from __future__ import annotations

DOCUMENTATION = r"""
module: file_tree
short_description: Write many small files below one directory at once
description:
  - For configuration of many files, where one task for each would take longer than what it does.
  - Every file is replaced in one step. Directories are made as they are needed.
options:
  path:
    description: The directory.
    type: path
    required: true
  files:
    description: Path below it to the content of each file. What is not text is written as JSON.
    type: dict
    required: true
  group:
    description: Group that may read; the owner is root.
    type: str
    required: true
  mode:
    description: Mode of the files. Directories get 0750.
    type: str
    default: "0640"
  purge:
    description: Directories below O(path), also those of O(files), whose other files are removed.
    type: list
    elements: str
    default: []
author: [golive developers]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Write two dashboards, and remove others
  file_tree:
    path: /etc/grafana/dashboards
    group: grafana
    files:
      operations/edge.json: {uid: golive-edge, title: Edge}
      operations/redis.json: {uid: golive-redis, title: Redis}
    purge: [operations]
"""

RETURN = r"""
written:
  description: Paths below O(path) that were made, changed or removed.
  returned: always
  type: list
  elements: str
"""

import grp
import json
import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DIRECTORY_MODE = 0o750


def _content(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return text.encode()


def _is_so(path: Path, group: int, mode: int) -> bool:
    found = path.lstat()
    return (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (0, group, mode)


class Tree:
    """Files below a directory, and what had to be changed to have them."""

    def __init__(self, root: Path, group: int, mode: int, check_mode: bool) -> None:
        self.root, self.group, self.mode, self.check_mode = root, group, mode, check_mode
        self.written: list[str] = []
        self.diff: list[dict[str, str]] = []

    def directory(self, path: Path) -> None:
        """Make a directory and those above it, down from the root."""
        if path != self.root and self.root in path.parents:
            self.directory(path.parent)
        if path.is_dir() and _is_so(path, self.group, DIRECTORY_MODE):
            return
        self.written.append(self._name(path))
        if not self.check_mode:
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, 0, self.group)
            path.chmod(DIRECTORY_MODE)

    def file(self, path: Path, content: bytes) -> None:
        """Write a file unless it is as wanted."""
        before = path.read_bytes() if path.is_file() else b""
        if path.is_file() and before == content and _is_so(path, self.group, self.mode):
            return
        self._note(path, before, content)
        if not self.check_mode:
            draft = path.with_name(f".{path.name}.new")
            draft.touch(0o600)  # before its content is there: it may be a secret
            draft.write_bytes(content)
            os.chown(draft, 0, self.group)
            draft.chmod(self.mode)
            draft.replace(path)

    def remove_others(self, directory: Path, wanted: set[Path]) -> None:
        """Remove the files of a directory that are not wanted, and leave directories below it alone."""
        for path in sorted(directory.iterdir()) if directory.is_dir() else []:
            if path not in wanted and not path.is_dir():
                self._note(path, path.read_bytes() if path.is_file() else b"", b"")
                if not self.check_mode:
                    path.unlink()

    def _note(self, path: Path, before: bytes, after: bytes) -> None:
        self.written.append(self._name(path))
        header = str(path)
        texts = {"before": before.decode(errors="replace"), "after": after.decode(errors="replace")}
        self.diff.append({"before_header": header, "after_header": header, **texts})

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def main() -> None:
    """Parse, write, return."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "group": {"type": "str", "required": True},
            "mode": {"type": "str", "default": "0640"},
            "purge": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    params = module.params
    root = Path(params["path"])
    files = {root / name: _content(value) for name, value in params["files"].items()}
    if strange := [str(path) for path in files if ".." in path.parts or root not in path.parents]:
        module.fail_json(msg=f"{strange[0]} is not below {root}. Name files by their path below it.")
    try:
        group = grp.getgrnam(params["group"]).gr_gid
    except KeyError:
        if not module.check_mode:
            module.fail_json(msg=f"There is no group {params['group']} on this host. Make it before its files.")
        group = -1
    tree = Tree(root, group, int(params["mode"], 8), module.check_mode)
    try:
        for directory in [root, *(root / name for name in params["purge"]), *(path.parent for path in files)]:
            tree.directory(directory)
        for path, content in files.items():
            tree.file(path, content)
        for name in params["purge"]:
            tree.remove_others(root / name, set(files))
    except OSError as error:
        module.fail_json(
            msg=f"{error.filename or root} cannot be written: {error.strerror}. Nothing of it was cut short."
        )
    written = list(dict.fromkeys(tree.written))
    module.exit_json(changed=bool(written), written=written, diff=tree.diff)


if __name__ == "__main__":
    main()
