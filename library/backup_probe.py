#!/usr/bin/python
"""Measure whether a lost database would come back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_probe
short_description: Measure backups, the WAL archive, their keys, the last restore test, and archives of the hosts' state
description:
  - Runs on the backup host. Reads what pgBackRest prints and what the jobs of role backup wrote down; exit codes of
    pgBackRest prove nothing.
  - Never fails for what it measures.
requirements: [python3-psycopg2, pgbackrest]
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
      kind:
        description:
          - V(age) is the age of the newest backup with a barrier.
          - V(chain) is whether the repository is complete, with backups, what they build on, and WAL without a gap.
          - V(archiving) is how long a WAL segment that is switched now takes to reach the repository.
          - V(restore_test) is the age of the last restore test, which must have found all rows of a backup that exists.
          - V(key) is whether the key in the controller's store opens the repository.
          - V(state) is the age of the oldest among the newest archives of O(checks[].hosts), each decrypted and read to
            its end.
        type: str
        choices: [age, chain, archiving, restore_test, key, state]
        required: true
      settings:
        description: What role backup wrote for its program.
        type: path
        default: /etc/golive/backup/settings.json
      key:
        description: With O(checks[].kind=key), the key; with V(state) the private key as age(1) writes it.
        type: str
        default: ''
      hosts:
        description: With O(checks[].kind=state), whose state must be there.
        type: list
        elements: str
        default: []
      archives:
        description: With O(checks[].kind=state), the directory of the archives.
        type: path
        default: ''
attributes:
  check_mode:
    support: full
    description: It only reads, but for V(archiving), which is not measured then.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Measure the chain of backups
  backup_probe:
    checks:
      - {id: database.backup_chain, kind: chain}
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check; C(value) is in seconds where there is one.
  type: list
  elements: dict
  returned: always
"""

import json
import os
import pwd
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import backup, host_state
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now

try:
    import psycopg2

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

Seen = dict[str, Any]  # arguments of measurement()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


class _Host:
    """What a check looks at."""

    def __init__(self, module: AnsibleModule, check: dict[str, Any]) -> None:
        self.module = module
        self.check = check
        self.settings = _read(Path(check["settings"])) or {}

    def pgbackrest(self, *words: str, config: str = "") -> str:
        """Return what pgBackRest prints, run as the owner of the repository."""
        command = [
            "runuser", "-u", "postgres", "--", "pgbackrest", f"--config={config or self.settings['config']}",
            f"--stanza={self.settings['stanza']}", *words,
        ]  # fmt: skip
        _, output, error = self.module.run_command(command, cwd="/", errors="replace")
        return str(output) or str(error)

    def info(self) -> backup.Repository:
        return backup.read_info(self.pgbackrest("--output=json", "info"), self.settings["stanza"])

    def archived(self, archive: str) -> list[str]:
        place = f"archive/{self.settings['stanza']}/{archive}"
        try:
            return list(json.loads(self.pgbackrest("--output=json", "--recurse", "repo-ls", place)))
        except ValueError:
            return []

    def age(self) -> Seen:
        info = self.info()
        backups = [
            entry for entry in info.backups if (Path(self.settings["barriers_dir"]) / f"{entry.label}.json").exists()
        ]
        if info.problem or not backups:
            problem = info.problem or f"none of {len(info.backups)} backups has a barrier"
            return {"n": 1, "failures": 1, "observed": problem}
        last = backups[-1]
        return {"n": 1, "value": time.time() - last.stop, "observed": f"{last.label}, {last.bytes >> 20} MiB"}

    def chain(self) -> Seen:
        info = self.info()
        names = self.archived(info.archive)
        problems = backup.chain_problems(info, names)
        told = f"{len(info.backups)} backups, {len(backup.wal_segments(names))} WAL segments without a gap"
        n = max(len(info.backups), len(problems), 1)
        return {"n": n, "failures": len(problems), "observed": summarise(problems) or told}

    def archiving(self) -> Seen:
        if self.module.check_mode:
            return {"n": 0, "invalid": "in check mode no WAL segment is switched"}
        if MISSING:
            return {"n": 0, "invalid": f"this host cannot ask a database: {MISSING}"}
        try:
            segment, failed = self._switch()
        except psycopg2.Error as error:
            return {"n": 0, "invalid": f"no WAL segment was switched: {str(error).strip().partition(chr(10))[0]}"}
        archive, begin, limit = self.info().archive, time.monotonic(), self.settings["archive_seconds"]
        while segment not in backup.wal_segments(self.archived(archive)):
            if time.monotonic() - begin > limit:
                told = f"{segment} was not in the repository after {limit} s"
                return {"n": 1, "failures": 1, "observed": f"{told}; {failed}" if failed else told}
            time.sleep(0.2)
        seconds = time.monotonic() - begin
        return {
            "n": 1,
            "value": seconds,
            "samples": [seconds],
            "observed": f"{segment} was in the repository after {seconds:.1f} s",
        }

    def _switch(self) -> tuple[str, str]:
        """Write something, end its segment, and return its name and what the archiver says went wrong last."""
        settings = self.settings
        session = psycopg2.connect(
            host=settings["host"], port=settings["port"], user=settings["user"], dbname=settings["databases"][0],
            sslmode="verify-full", sslrootcert=settings["ca"], passfile=settings["passfile"], gssencmode="disable",
            connect_timeout=5, options="-c statement_timeout=10s", application_name="golive",
        )  # fmt: skip
        try:
            with session.cursor() as cursor:
                cursor.execute("SELECT pg_walfile_name(pg_create_restore_point('golive-gate'))")
                segment = str(cursor.fetchone()[0])
                cursor.execute("SELECT pg_switch_wal()")
                cursor.execute(
                    "SELECT 'archiving of ' || last_failed_wal || ' failed ' || failed_count || ' times'"
                    " FROM pg_stat_archiver"
                    " WHERE last_failed_time > coalesce(last_archived_time, '-infinity')"
                )
                row = cursor.fetchone()
                return segment, str(row[0]) if row else ""
        finally:
            session.close()

    def restore_test(self) -> Seen:
        test = _read(Path(self.settings["state_dir"]) / "restore_test.json")
        if not test:
            return {"n": 0, "invalid": "no restore was ever tested"}
        problems = list(test.get("problems") or [])
        labels = [entry.label for entry in self.info().backups]
        if not problems and not test.get("ok"):
            problems = ["it did not end well"]
        if not problems and test.get("label") not in labels:
            problems = [f"backup {test.get('label')}, which was restored, is not in the repository any more"]
        told = f"{test.get('label')} in {test.get('rto_seconds', 0):.1f} s, {test.get('extent', '')}"
        told += f"; the loss of the database host costs {test.get('rpo_seconds', 0):.0f} s of writes at most"
        n = max(1, len(problems))
        age = time.time() - test["finished"]
        return {"n": n, "failures": len(problems), "value": age, "observed": summarise(problems) or told}

    def key(self) -> Seen:
        """Copy the configuration with the key that the controller has, and ask with it."""
        text = Path(self.settings["config"]).read_text(encoding="utf-8")
        own = re.sub(r"(?m)^repo1-cipher-pass=.*$", lambda _: f"repo1-cipher-pass={self.check['key']}", text)
        postgres = pwd.getpwnam("postgres")
        handle, name = tempfile.mkstemp(prefix="golive-key.", dir="/run")
        try:
            os.fchown(handle, postgres.pw_uid, postgres.pw_gid)  # 0600 from the beginning
            with os.fdopen(handle, "w", encoding="utf-8") as output:
                output.write(own)
            said = self.pgbackrest("repo-get", f"backup/{self.settings['stanza']}/backup.info", config=name)
        finally:
            Path(name).unlink()
        if "[backrest]" in said:
            return {"n": 1, "observed": "it opens the repository"}
        return {"n": 1, "failures": 1, "observed": f"it does not open the repository: {backup.readable(said)}"}

    def state(self) -> Seen:
        """Read the newest archive of each host to its end."""
        hosts, problems, oldest, files = self.check["hosts"], [], time.time(), 0
        for host in hosts:
            place = Path(self.check["archives"]) / host
            there = host_state.archives(path.name for path in place.iterdir()) if place.is_dir() else []
            if not there:
                problems.append(f"of {host} there is none")
                continue
            try:
                with host_state.decrypted(place / there[-1], self.check["key"]) as stream:
                    archive = host_state.Archive(stream).read().belongs_to(host, self.settings["stanza"])
            except (host_state.Unfit, OSError) as error:
                problems.append(f"{there[-1]} of {host} cannot be read back: {error}")
                continue
            oldest, files = min(oldest, archive.manifest["time"]), files + len(archive.manifest["files"])
        return {
            "n": len(hosts),
            "failures": len(problems),
            "value": time.time() - oldest,
            "observed": summarise(problems) or f"of {len(hosts)} hosts, {files} files",
        }


EXPECTED = {
    "age": "a backup with a barrier",
    "chain": "every backup complete, and no gap in the WAL since the oldest",
    "archiving": "the segment in the repository",
    "restore_test": "the same rows as at the barrier",
    "key": "the key in the controller's store opens the repository",
    "state": "the newest archive of every host, decrypted and whole",
}


def _measure(module: AnsibleModule, check: dict[str, Any]) -> Measurement:
    started, begin = utc_now(), time.monotonic()
    host = _Host(module, check)
    look: Callable[[], Seen] = getattr(host, check["kind"])
    missing = {"n": 0, "invalid": f"{check['settings']} is not there: role backup did not run on this host"}
    seen = look() if host.settings else missing
    return measurement(
        check["id"],
        unit="s" if "value" in seen else "1",
        expected=EXPECTED[check["kind"]],
        started=started,
        seconds=time.monotonic() - begin,
        **seen,
    )


def main() -> None:
    """Parse, look, return."""
    spec = {
        "id": {"type": "str", "required": True},
        "kind": {"type": "str", "required": True, "choices": list(EXPECTED)},
        "settings": {"type": "path", "default": "/etc/golive/backup/settings.json"},
        "key": {"type": "str", "default": "", "no_log": True},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "archives": {"type": "path", "default": ""},
    }
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": spec}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False, measurements=[_measure(module, check) for check in module.params["checks"]])


if __name__ == "__main__":
    main()
