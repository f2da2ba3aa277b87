#!/usr/bin/python
"""Bring one database of a cluster back beside the one that serves, and give it its name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_restore
short_description: Bring one database back from a restored copy of its cluster
description:
  - Runs on the database host. The other databases of the cluster are not touched, and go on being served.
  - With O(step=archive) all that was written so far is brought into the archive, so that a moment just now can be had.
  - With O(step=beside) the database is made anew from the copy, under another name, with its owner, rights and
    settings; then rows and a checksum of every table are compared with the copy. What serves is not touched.
  - With O(step=swap) the two change names in one transaction. Who is connected is disconnected. What served before
    stays under a name with the time.
options:
  database:
    description: Which one.
    type: str
    required: true
  step:
    description: Which part of it.
    type: str
    choices: [archive, beside, swap]
    required: true
  source:
    description: Where the copy is, and by what its server and this host are known; a directory is that of a socket.
    type: dict
    suboptions:
      host: {description: Address or directory., type: str, required: true}
      port: {description: Port., type: int, required: true}
      ca: {description: The authority of its certificate., type: path, required: true}
      cert: {description: The certificate of this host., type: path, required: true}
      key: {description: Its key., type: path, required: true}
  seconds:
    description: How long to wait for sessions to end, and for WAL to be archived.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Says that it would be done.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Give the restored database its name
  database_restore: {database: football, step: swap}
"""

RETURN = r"""
extent:
  description: What was compared.
  type: str
  returned: with step=beside
kept:
  description: Under which name what served before stays; empty when there was none.
  type: str
  returned: with step=swap
seconds:
  description: For how long nobody could connect.
  type: float
  returned: with step=swap
"""

import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import database_restore as told
from ansible.module_utils.golive_core.database_restore import Refused

AS_OWNER = ["runuser", "-u", "postgres", "--"]
PSQL = [*AS_OWNER, "psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
SPARE = 256 * 1024**2
PAUSE = 0.3


class Cluster:
    """The cluster of this host, and the copy."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.database, self.seconds = params["database"], params["seconds"]
        self.new = told.beside(self.database)
        self.source: dict[str, str] = {}
        if params["source"]:
            self.source = {key: str(params["source"][key]) for key in ("host", "port")}
            if not self.source["host"].startswith("/"):
                self.source |= {
                    "sslmode": "verify-full", "sslrootcert": params["source"]["ca"],
                    "sslcert": params["source"]["cert"], "sslkey": params["source"]["key"],
                }  # fmt: skip

    def copy(self, database: str) -> str:
        """Return how the copy is reached."""
        parts = self.source | {"dbname": database, "user": "postgres", "gssencmode": "disable", "connect_timeout": "10"}
        return " ".join(f"{key}='{_quoted(value)}'" for key, value in parts.items())

    def ask(self, where: str, script: str, **variables: str) -> list[str]:
        """Return the lines that psql prints for a script."""
        words = [
            *PSQL,
            *(f"--set={name}={value}" for name, value in variables.items()),
            f"--dbname={where}",
            "--file=-",
        ]
        done = subprocess.run(
            words, input=script, cwd="/", capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise Refused(_last(done.stderr))
        return done.stdout.splitlines()

    def archive(self) -> None:
        """Have what was written until now in the archive."""
        segment = self.ask("dbname=postgres", "SELECT pg_walfile_name(pg_switch_wal());")[0]
        query = f"SELECT coalesce(last_archived_wal >= '{segment}', false) FROM pg_stat_archiver;"
        until = time.monotonic() + self.seconds
        while self.ask("dbname=postgres", query) != ["t"]:
            if time.monotonic() > until:
                raise Refused(f"WAL segment {segment} was not archived in {self.seconds} s; see the log of PostgreSQL")
            time.sleep(PAUSE)

    def beside(self) -> str:
        """Make it under another name, and compare; return how much was compared."""
        copy = self.copy(self.database)
        create = "\n".join(self.ask(copy, told.CREATE, new=self.new))
        size = int(self.ask(copy, "SELECT pg_database_size(current_database());")[0])
        place = self.ask("dbname=postgres", "SHOW data_directory;")[0]
        free, wanted = shutil.disk_usage(place).free, size + size // 5 + SPARE
        if free < wanted:
            raise Refused(f"{place} has {free >> 20} MiB free, wanted {wanted >> 20} for a second {self.database}")
        self.drop()
        try:
            self.ask("dbname=postgres", create)
            self._fill(copy)
            content, found = (self.ask(where, told.CONTENT) for where in (copy, f"dbname='{_quoted(self.new)}'"))
            if wrong := told.differences(content, found):
                raise Refused(f"it is not what the copy has: {'; '.join(wrong[:3])}")
        except Refused:
            self.drop()
            raise
        return str(told.extent(content))

    def _fill(self, copy: str) -> None:
        dump = [*AS_OWNER, "pg_dump", "--format=custom", "--compress=0", f"--dbname={copy}"]
        load = [*AS_OWNER, "pg_restore", "--exit-on-error", f"--dbname=dbname='{_quoted(self.new)}'"]
        with (
            subprocess.Popen(dump, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False) as dumping,
            subprocess.Popen(
                load, cwd="/", stdin=dumping.stdout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=False
            ) as loading,
        ):
            assert dumping.stdout
            assert dumping.stderr
            dumping.stdout.close()  # it is the other's alone, so that pg_dump sees when that ends
            said = loading.communicate()[0].decode(errors="replace")
            dumped = dumping.stderr.read().decode(errors="replace")
        if loading.returncode or dumping.returncode:
            raise Refused(_last(dumped if dumping.returncode > 0 else said))

    def drop(self) -> None:
        """Remove what a run has left that was cut off."""
        self.ask("dbname=postgres", told.DROP, new=self.new)

    def swap(self, old: str) -> tuple[str, float]:
        """Give it the name; return under which the one of before stays, and for how long nobody could connect."""
        names = {"name": self.database, "new": self.new, "old": old}
        there = self.ask("dbname=postgres", "SELECT 1 FROM pg_database WHERE datname = :'name';", **names)
        if not self.ask("dbname=postgres", "SELECT 1 FROM pg_database WHERE datname = :'new';", **names):
            raise Refused(f"there is no {self.new} to take its place")
        began = time.monotonic()
        try:
            until = began + self.seconds
            self.ask("dbname=postgres", told.CLOSE, **names)
            while busy := self._sessions(names):
                if time.monotonic() > until:
                    raise Refused(f"{busy} sessions in {self.database} did not end in {self.seconds} s")
                time.sleep(PAUSE)
            self.ask("dbname=postgres", told.SWAP, **names)
        finally:
            self.ask("dbname=postgres", told.OPEN, **names)
        return old if there else "", round(time.monotonic() - began, 3)

    def _sessions(self, names: Mapping[str, str]) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname IN (:'name', :'new');"
        return int(self.ask("dbname=postgres", query, **names)[0])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower()]
    return (wrong or lines or ["it ended without a word"])[0]


def main() -> None:
    """Parse, do the step."""
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "required": True},
            "step": {"type": "str", "choices": ["archive", "beside", "swap"], "required": True},
            "source": {
                "type": "dict",
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                    "ca": {"type": "path", "required": True},
                    "cert": {"type": "path", "required": True},
                    "key": {"type": "path", "required": True, "no_log": False},
                },
            },
            "seconds": {"type": "int", "default": 60},
        },
        required_if=[("step", "beside", ["source"])],
        supports_check_mode=True,
    )
    step = module.params["step"]
    result: dict[str, Any] = {}
    try:
        cluster = Cluster(module.params)
        old = told.kept(module.params["database"], f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        if module.check_mode:
            result = {"extent": "", "kept": old, "seconds": 0.0}
        elif step == "archive":
            cluster.archive()
        elif step == "beside":
            result["extent"] = cluster.beside()
        else:
            result["kept"], result["seconds"] = cluster.swap(old)
    except Refused as refused:
        module.fail_json(msg=f"{module.params['database']} was not brought back, what serves is as it was: {refused}.")
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
