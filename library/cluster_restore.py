#!/usr/bin/python
"""Put a cluster back to a moment, and keep the data directory that it had."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_restore
short_description: Restore a whole PostgreSQL cluster from its backups, to a moment
description:
  - Runs on the database host. Without O(confirm) it says what would be lost, and touches nothing; so it can on the
    backup host, too.
  - Archives what the server has not archived yet, stops it, moves its data directory aside, restores, lets the server
    replay to the moment, and waits until it writes again. The old directory stays beside the new one.
  - When any of that fails, the old directory is put back and the server started with it.
options:
  stanza:
    description: pgBackRest's name for the cluster.
    type: str
    required: true
  data:
    description: The data directory.
    type: path
    required: true
  service:
    description: The unit of the server.
    type: str
    required: true
  confirm:
    description: Whether to do it.
    type: bool
    default: false
  time:
    description: A time with its zone; all that was committed by then will be there.
    type: str
    default: ''
  point:
    description: Name of a restore point, such as that of a backup's barrier.
    type: str
    default: ''
  xid:
    description: Number of a transaction; all that was committed before it will be there, and it will not.
    type: str
    default: ''
  backup:
    description: Label of the backup to begin with; by default the newest one before the moment.
    type: str
    default: ''
  seconds:
    description: How long the server may replay.
    type: int
    default: 3600
requirements: [pgbackrest]
attributes:
  check_mode:
    support: full
    description: As without O(confirm).
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Say what a restore to noon would cost
  cluster_restore:
    stanza: football
    data: /var/lib/postgresql/17/main
    service: postgresql@17-main
    time: "2026-11-28T12:00:00+00:00"
"""

RETURN = r"""
backup:
  description: Label of the backup.
  type: str
  returned: always
lost:
  description: Which writes are gone, or would be.
  type: str
  returned: always
kept:
  description: Where the old data directory is.
  type: str
  returned: when restored
seconds:
  description: For how long the database was away.
  type: float
  returned: when restored
"""

import json
import os
import pwd
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import backup as backups
from ansible.module_utils.golive_core import restore
from ansible.module_utils.golive_core.restore import Refused

OWNER = "postgres"
SPARE = 256 * 1024**2
PAUSE = 0.3


class Cluster:
    """The cluster of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, params = module, module.params
        self.data, self.service, self.stanza = Path(params["data"]), params["service"], params["stanza"]
        self.seconds = params["seconds"]

    def pgbackrest(self, *words: str) -> tuple[int, str, str]:
        """Run pgBackRest as the owner of the cluster."""
        command = ["runuser", "-u", OWNER, "--", "pgbackrest", f"--stanza={self.stanza}", *words]
        code, out, err = self.module.run_command(command, cwd="/", errors="replace")
        return int(code), str(out), str(err)

    def ask(self, query: str) -> str | None:
        """Return what a query returns; None when the server does not answer."""
        command = ["runuser", "-u", OWNER, "--", "psql", "-XAtc", query, "postgres"]
        code, out, _ = self.module.run_command(command, cwd="/", errors="replace")
        return str(out).strip() if code == 0 else None

    def systemctl(self, verb: str) -> None:
        """Start or stop the server.

        :raises Refused: when that fails
        """
        code, _, err = self.module.run_command(["systemctl", verb, self.service])
        if code:
            raise Refused(f"systemctl {verb} {self.service} failed: {str(err).strip()}")

    def archived(self, archive: str) -> dict[str, int]:
        """Return the files of the archive and when they came."""
        listing = self.pgbackrest("--output=json", "--recurse", "repo-ls", f"archive/{self.stanza}/{archive}")[1]
        try:
            return {name: int(one.get("time", 0)) for name, one in json.loads(listing).items() if one["type"] == "file"}
        except ValueError:
            return {}

    def archive_the_rest(self, system: str) -> None:
        """Let the server archive what it has: a restore to the newest moment wants it, and whoever looks later.

        A new cluster in the place of a lost one has nothing for this archive, which would not take it either.
        """
        if system and self.ask("SELECT system_identifier FROM pg_control_system()") != system:
            return
        segment = self.ask("SELECT pg_walfile_name(pg_switch_wal())")
        until = time.monotonic() + 60
        query = f"SELECT coalesce(last_archived_wal >= '{segment}', false) FROM pg_stat_archiver"
        while segment and self.ask(query) != "t" and time.monotonic() < until:
            time.sleep(PAUSE)

    def room(self, size: int) -> None:
        """Refuse when there is no room for a second copy.

        :raises Refused: with both figures
        """
        free, wanted = shutil.disk_usage(self.data.parent).free, size + size // 5 + SPARE
        if free < wanted:
            raise Refused(f"{self.data.parent} has {free >> 20} MiB free, wanted {wanted >> 20} beside the old data")

    def replace(self, options: list[str]) -> Path:
        """Put restored data into the place of the old; return where the old is.

        :raises Refused: when it did not work; the old data is in its place again, and serves
        """
        kept = self.data.with_name(f"{self.data.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        self.systemctl("stop")
        try:
            self.data.rename(kept)
        except OSError as error:
            self.systemctl("start")
            raise Refused(f"{self.data} cannot be moved aside: {error.strerror}") from None
        try:
            owner = pwd.getpwnam(OWNER)
            self.data.mkdir(0o700)
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            code, out, err = self.pgbackrest(*options, "restore")
            if code:
                raise Refused(f"pgbackrest restore: {backups.readable(out + err)}")
            self.systemctl("start")
            self._wait()
        except (Refused, OSError) as error:
            why = str(error)
            self.module.run_command(["systemctl", "stop", self.service])
            self.module.run_command(["systemctl", "reset-failed", self.service])
            shutil.rmtree(self.data, ignore_errors=True)  # what was restored, and only that
            kept.rename(self.data)
            self.systemctl("start")
            raise Refused(f"{why}; the old data serves again") from None
        return kept

    def _wait(self) -> None:
        until = time.monotonic() + self.seconds
        while (answer := self.ask("SELECT NOT pg_is_in_recovery()")) != "t":
            state = self.module.run_command(["systemctl", "is-active", self.service])[1].strip()
            if answer is None and state in ("failed", "inactive"):
                raise Refused(f"the server ended before it reached the moment: {self._last_words()}")
            if time.monotonic() > until:
                raise Refused(f"the server did not reach the moment in {self.seconds} s")
            time.sleep(PAUSE)

    def _last_words(self) -> str:
        journal = self.module.run_command(["journalctl", "-u", self.service, "--no-pager", "-o", "cat", "-n", "30"])[1]
        fatal = [backups.spoken(line) for line in str(journal).splitlines() if "FATAL" in line or "PANIC" in line]
        return "; ".join(dict.fromkeys(fatal[-2:])) or "its journal says no more"


def main() -> None:
    """Parse, say what it costs, restore."""
    module = AnsibleModule(
        argument_spec={
            "stanza": {"type": "str", "required": True},
            "data": {"type": "path", "required": True},
            "service": {"type": "str", "required": True},
            "confirm": {"type": "bool", "default": False},
            "time": {"type": "str", "default": ""},
            "point": {"type": "str", "default": ""},
            "xid": {"type": "str", "default": ""},
            "backup": {"type": "str", "default": ""},
            "seconds": {"type": "int", "default": 3600},
        },
        supports_check_mode=True,
    )
    cluster = Cluster(module)
    try:
        target = restore.parse(module.params)
        info = backups.read_info(cluster.pgbackrest("--output=json", "info")[1], cluster.stanza)
        chosen = restore.choose(info, target, module.params["backup"])
        told = {
            "backup": chosen.label,
            "lost": restore.lost(target, chosen, cluster.archived(info.archive), time.time()),
        }
        if not module.params["confirm"] or module.check_mode:
            module.exit_json(changed=bool(module.params["confirm"]), **told)
        cluster.room(chosen.bytes)
        cluster.archive_the_rest(info.system)
        began = time.monotonic()
        kept = cluster.replace(restore.options(target, chosen))
        seconds = round(time.monotonic() - began, 1)
    except Refused as refused:
        module.fail_json(msg=f"{refused}.")
    module.exit_json(changed=True, kept=str(kept), seconds=seconds, **told)


if __name__ == "__main__":
    main()
