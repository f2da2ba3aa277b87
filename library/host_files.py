#!/usr/bin/python
# Copyright: golive contributors
# SPDX-License-Identifier: Apache-2.0
"""Have the files and directories of a role on a host, all of them in one call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_files
short_description: Have files and directories on a host, all of them in one call
description:
  - For the files of a role. A task with C(ansible.builtin.copy) takes six round trips for each file that changes, and
    one for each that does not; this takes one for all of them.
  - What there is already stays untouched. A file is replaced in one step, so that nobody reads half of it.
  - The entries are done in the order in which they are given; what a file names comes before it.
  - Contents are never logged on the host. Where one is a secret, set C(diff=false) and C(no_log) on the task.
options:
  files:
    description: What to have.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file or directory; below O(root) unless it begins with a slash.
        type: str
        required: true
      content:
        description: Content of a file. What is not text is written as JSON. A file without it only gets owner and mode.
        type: raw
      state:
        description: V(directory), V(link) to O(files[].src), or V(absent), which also removes what is in a directory.
        type: str
        choices: [file, directory, link, absent]
        default: file
      src:
        description: Where a link leads, as it is written into the link.
        type: str
      owner:
        description: Name or number of the owner; O(owner) by default.
        type: str
      group:
        description: Name or number of the group; O(group) by default.
        type: str
      mode:
        description: Mode in octal digits; O(mode) or O(directory_mode) by default.
        type: str
      once:
        description: Write the content only where there is no file yet; from then on it belongs to another.
        type: bool
        default: false
      validate:
        description: >-
          A command that must succeed before the file is replaced, with C(%s) for the new one. Not run in check mode.
        type: str
  root:
    description: The directory below which relative paths are.
    type: path
    default: /
  purge:
    description: Directories whose files that are not in O(files) are removed. Directories below them stay.
    type: list
    elements: str
    default: []
  owner:
    description: Owner of what names none.
    type: str
    default: root
  group:
    description: Group of what names none.
    type: str
    default: root
  mode:
    description: Mode of files that name none.
    type: str
    default: "0644"
  directory_mode:
    description: Mode of directories that name none, and with O(owner) and O(group) of missing ones above an entry.
    type: str
    default: "0755"
author: [golive contributors]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Write a unit and its settings
  host_files:
    files:
      - {path: /etc/example, state: directory, mode: "0750", group: example}
      - {path: /etc/example/settings.json, content: {port: 8080}, group: example, mode: "0640"}
      - path: /etc/systemd/system/example.service
        content: "{{ lookup('ansible.builtin.template', 'example.service.j2') }}"
  register: __example_files

- name: Write the dashboards, and remove others
  host_files:
    root: /etc/grafana/dashboards
    group: grafana
    mode: "0640"
    directory_mode: "0750"
    files: "{{ example_dashboards | dict2items(key_name='path', value_name='content') }}"
    purge: [operations]
"""

RETURN = r"""
written:
  description: Paths, as they were given, of what was made, changed or removed.
  returned: always
  type: list
  elements: str
"""

import grp
import json
import os
import pwd
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_UNKNOWN = -1  # in check mode, an owner that an earlier task would have made


class Refused(Exception):
    """A sentence for the operator."""


class Host:
    """What is on the host, and what had to be changed to have what is wanted."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.root = Path(module.params["root"])
        self.check_mode = bool(module.check_mode)
        self.written: list[str] = []
        self.diff: list[dict[str, str]] = []

    def check(self, entry: dict[str, Any]) -> None:
        """Refuse what cannot be right, before anything is written.

        :raises Refused: with a sentence for the operator
        """
        if ".." in Path(entry["path"]).parts:
            raise Refused(f"{entry['path']} leads out of its directory. Name files without ..")
        self._rights(entry, "mode")

    def have(self, entry: dict[str, Any]) -> None:
        """See that one entry is as wanted."""
        {"file": self._file, "directory": self._directory, "link": self._link, "absent": self._absent}[entry["state"]](
            entry
        )

    def purge(self, name: str, wanted: set[Path]) -> None:
        """Remove the files of a directory that are not wanted."""
        directory = self.root / name
        for path in sorted(directory.iterdir()) if directory.is_dir() else []:
            if path not in wanted and (path.is_symlink() or not path.is_dir()):
                self._absent(
                    {"path": str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)}
                )

    def _file(self, entry: dict[str, Any]) -> None:
        path = self.root / entry["path"]
        owner, group, mode = rights = self._rights(entry, "mode")
        there = path.is_file() and not path.is_symlink()
        before = path.read_bytes() if there else b""
        after = before if entry["content"] is None or (entry["once"] and there) else _bytes(entry["content"])
        if there and before == after:
            self._keep(entry, path, rights)
            return
        if path.is_dir() and not path.is_symlink():
            raise Refused(f"{path} is a directory, wanted a file. Look at what is in it, remove it, and run again")
        if entry["content"] is None:
            raise Refused(f"{path} is not there, and nothing says what would be in it. Give its content")
        self._note(entry, before, after)
        if self.check_mode:
            return
        self._parents(path)
        draft = path.with_name(f".{path.name}.golive")
        try:
            draft.touch(0o600)  # before its content is there: it may be a secret
            draft.write_bytes(after)
            os.chown(draft, owner, group)
            draft.chmod(mode)
            if entry["validate"]:
                self._validate(entry["validate"], path, draft)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def _validate(self, command: str, path: Path, draft: Path) -> None:
        words = [word.replace("%s", str(draft)) for word in shlex.split(command)]
        code, out, err = self.module.run_command(words)
        if code:
            said = " | ".join(line.strip() for line in (err or out).splitlines() if line.strip()) or "no message"
            raise Refused(
                f"{path} was not written: `{command % path}` refuses its new content (code {code}): {said}. "
                "Correct the variables that it is made of, and run again"
            )

    def _directory(self, entry: dict[str, Any]) -> None:
        path = self.root / entry["path"]
        rights = self._rights(entry, "directory_mode")
        if path.is_dir():
            self._keep(entry, path, rights)
            return
        self._note(entry)
        if not self.check_mode:
            self._parents(path)
            self._make(path, rights)

    @staticmethod
    def _make(directory: Path, rights: tuple[int, int, int]) -> None:
        directory.mkdir(0o700)
        os.chown(directory, *rights[:2])
        directory.chmod(rights[2])

    def _link(self, entry: dict[str, Any]) -> None:
        path = self.root / entry["path"]
        if path.is_symlink() and str(path.readlink()) == entry["src"]:
            return
        self._note(entry)
        if not self.check_mode:
            self._parents(path)
            draft = path.with_name(f".{path.name}.golive")
            draft.unlink(missing_ok=True)
            draft.symlink_to(entry["src"])
            draft.replace(path)

    def _absent(self, entry: dict[str, Any]) -> None:
        path = self.root / entry["path"]
        if not os.path.lexists(path):
            return
        self._note(entry, path.read_bytes() if path.is_file() else b"")
        if self.check_mode:
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def _keep(self, entry: dict[str, Any], path: Path, rights: tuple[int, int, int]) -> None:
        """Give what is there the wanted owner, group and mode."""
        found = path.stat()
        if (found.st_uid, found.st_gid, found.st_mode & 0o7777) == rights:
            return
        self._note(entry)
        if not self.check_mode:
            os.chown(path, *rights[:2])
            path.chmod(rights[2])

    def _parents(self, path: Path) -> None:
        for above in reversed([above for above in path.parents if not above.is_dir()]):
            self._make(above, self._rights(_UNNAMED, "directory_mode"))

    def _rights(self, entry: dict[str, Any], kind: str) -> tuple[int, int, int]:
        owner = self._number("user", entry["owner"] or self.params["owner"], lambda name: pwd.getpwnam(name).pw_uid)
        group = self._number("group", entry["group"] or self.params["group"], lambda name: grp.getgrnam(name).gr_gid)
        mode = str(entry["mode"] or self.params[kind])
        try:
            return owner, group, int(mode, 8)
        except ValueError:
            raise Refused(f"The mode of {entry['path']} is {mode!r}, wanted octal digits such as 0644") from None

    def _number(self, kind: str, name: str, look_up: Callable[[str], int]) -> int:
        if name.isdecimal():
            return int(name)
        try:
            return look_up(name)
        except KeyError:
            if self.check_mode:
                return _UNKNOWN
            raise Refused(f"There is no {kind} {name} on this host. Make it before its files") from None

    def _note(self, entry: dict[str, Any], before: bytes = b"", after: bytes = b"") -> None:
        path = str(self.root / entry["path"])
        if entry["path"] not in self.written:
            self.written.append(entry["path"])
        if not self.module._diff:  # a content that nobody asked to see does not travel back
            return
        texts = {"before": before.decode(errors="replace"), "after": after.decode(errors="replace")}
        self.diff.append({"before_header": path, "after_header": path, **texts})


_ENTRY: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "required": True},
    "content": {"type": "raw"},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent"], "default": "file"},
    "src": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "mode": {"type": "str"},
    "once": {"type": "bool", "default": False},
    "validate": {"type": "str"},
}
_UNNAMED: dict[str, Any] = {"path": "", "owner": None, "group": None, "mode": None}


def _bytes(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    return text.encode()


def main() -> None:
    """Parse, see that everything is there, return."""
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": _ENTRY,
                "required_if": [("state", "link", ("src",))],
            },
            "root": {"type": "path", "default": "/"},
            "purge": {"type": "list", "elements": "str", "default": []},
            "owner": {"type": "str", "default": "root"},
            "group": {"type": "str", "default": "root"},
            "mode": {"type": "str", "default": "0644"},
            "directory_mode": {"type": "str", "default": "0755"},
        },
        supports_check_mode=True,
        no_log=True,  # the host's log gets no contents
    )
    host = Host(module)
    told: dict[str, Any] = {"invocation": {}}  # nor does the result repeat them
    try:
        for entry in module.params["files"]:
            host.check(entry)
        for entry in module.params["files"]:
            host.have(entry)
        wanted = {host.root / entry["path"] for entry in module.params["files"]}
        for name in module.params["purge"]:
            host.purge(name, wanted)
    except Refused as refused:
        module.fail_json(msg=f"{refused}.", written=host.written, **told)
    except OSError as error:
        path = error.filename2 or error.filename or host.root  # of a rename, the file and not its draft
        why = f"{path} cannot be written: {error.strerror}. Nothing of it was cut short"
        module.fail_json(msg=f"{why}; make room or correct its directory, and run again.", written=host.written, **told)
    module.exit_json(changed=bool(host.written), written=host.written, diff=host.diff, **told)


if __name__ == "__main__":
    main()
