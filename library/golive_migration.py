#!/usr/bin/python
"""Plan, rehearse or run the migration of an application, by its own commands in its own image."""

from __future__ import annotations

DOCUMENTATION = r"""
module: golive_migration
short_description: Plan, rehearse or run a migration by the application's own commands
description:
  - Runs on a host with the Docker engine and the image of the release. Each command gets a container of its own, which
    has no rights and writes nothing.
  - A migration runs once at a time, whoever starts it and from where. It is refused while another session holds the
    advisory lock of the application or is logged in as the same role.
  - Sessions get C(lock_timeout) and C(statement_timeout) by C(PGOPTIONS), and by the settings of their role when the
    tool does not read that; a migration that did not get its locks is tried again after a while.
  - While it runs, its locks are read from C(pg_locks), and what its sessions do from C(pg_stat_activity). Afterwards
    the objects of the schema are compared with those before, so that it can be said what stands of one that failed.
  - Fails for what is not well prepared. What became of a migration is returned, whatever that is.
requirements: [python3-psycopg2, docker]
options:
  state:
    description:
      - V(planned) asks for the revisions and, when some are pending, for their SQL; it changes nothing.
      - V(migrated) brings the database to the newest revision, unless it is there.
      - V(rehearsed) does the same with a restored copy, while O(writer) writes to all of its tables, and measures it.
        It is refused on a server that is no such copy, and where the commands do not come to it. What a rehearsal that
        was cut off left behind is removed.
    type: str
    choices: [planned, migrated, rehearsed]
    required: true
  container:
    description: How a command runs.
    type: dict
    required: true
    suboptions:
      name: {description: Name of the container., type: str, required: true}
      image: {description: Id of the image., type: str, required: true}
      user: {description: "Who runs the command, in numbers, as user:group.", type: str, required: true}
      network: {description: Network of the container., type: str, default: host}
      env: {description: Environment; no secrets., type: dict, default: {}}
      volumes: {description: Files it reads, as Docker writes them., type: list, elements: str, default: []}
  commands:
    description: The application's commands.
    type: dict
    required: true
    suboptions:
      head: {description: Prints the newest revision of the release., type: list, elements: str, required: true}
      current: {description: Prints the revision of the database., type: list, elements: str, required: true}
      migrate: {description: Brings the database to that revision., type: list, elements: str, required: true}
      emit:
        description: Prints the SQL from C({old}) to C({new}), and nothing else on standard output.
        type: list
        elements: str
        default: []
      none: {description: What is printed as the revision of an empty database., type: str, default: none}
  database:
    description: The database, as the role that migrates it.
    type: dict
    required: true
    suboptions:
      host: {description: "Name or address of the server, which its certificate must carry.", type: str, required: true}
      port: {description: Its port., type: int, default: 5432}
      user: {description: The role., type: str, required: true}
      password: {description: Its password., type: str, required: true}
      name: {description: The database., type: str, required: true}
      ca_file: {description: Authority that signed the server's certificate., type: path, required: true}
  writer:
    description: Role that writes while a migration is rehearsed; needed for O(state=rehearsed).
    type: dict
    suboptions:
      user: {description: The role., type: str, required: true}
      password: {description: Its password., type: str, required: true}
  heads:
    description: The newest revisions of the release, from V(planned) of the same run; asked for when there are none.
    type: list
    elements: str
    default: []
  app:
    description: Name of the application; the advisory lock is made from it.
    type: str
    required: true
  lock_seconds:
    description: How long a statement may wait for a lock.
    type: float
    default: 3
  statement_seconds:
    description: How long a statement may take.
    type: float
    default: 900
  timeout_seconds:
    description: How long one attempt may take in all; then its container and its sessions are ended.
    type: float
    default: 1800
  attempts:
    description: How often it is tried while it does not get its locks.
    type: int
    default: 5
  wait_seconds:
    description: How long to wait before the second attempt; twice as long before each further one.
    type: float
    default: 2
  retry:
    description: Regular expression in the output of a migration that may get through at another time.
    type: str
    default: '(?i)lock timeout|could not obtain lock|deadlock detected|55P03|40P01'
attributes:
  check_mode:
    support: partial
    description: V(planned) only reads. In check mode V(migrated) does no more.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Migrate
  golive_migration:
    state: migrated
    app: football
    container: {name: football-migration, image: "sha256:...", user: "10001:10001"}
    commands: {head: [head], current: [current], migrate: [migrate]}
    database:
      host: 192.0.2.3
      user: football_migrator
      password: "{{ golive_secrets.db_migrator }}"
      name: football
      ca_file: /etc/golive/tls/ca.crt
"""

RETURN = r"""
heads:
  description: The newest revisions of the release; it should be one.
  returned: always
  type: list
  elements: str
before:
  description: The revisions of the database before; none for an empty one.
  returned: always
  type: list
  elements: str
pending:
  description: Whether there is something to migrate.
  returned: always
  type: bool
emitted:
  description: C(code), C(sql) and C(error) of the emit command; absent where it did not run.
  returned: when O(state=planned)
  type: dict
server_version:
  description: Version of the server.
  returned: always
  type: str
limits:
  description: Seconds of C(lock_timeout) and C(statement_timeout) that the role has of its own; 0 for none.
  returned: always
  type: dict
outcome:
  description: What came of it (golive_core.migration.Outcome); absent when nothing was pending.
  returned: when O(state=migrated) or O(state=rehearsed)
  type: dict
done:
  description: Whether it ended well, where it should.
  returned: with RV(outcome)
  type: bool
sentence:
  description: What came of it, for people.
  returned: with RV(outcome)
  type: str
measurements:
  description: What was measured on the copy, for the gates; see docs/contributing.md.
  returned: when O(state=rehearsed)
  type: list
  elements: dict
logins:
  description: How many sessions the copy has had by then.
  returned: when O(state=rehearsed)
  type: int
"""

import re
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import migration, migration_rehearsal
from ansible.module_utils.golive_core.migration import Outcome, Watched
from ansible.module_utils.golive_core.migration_rehearsal import Writes
from ansible.module_utils.golive_core.migration_watch import (
    LOOK_SECONDS,
    SETTLE_SECONDS,
    TABLES,
    WATCHER,
    Database,
)

try:
    import psycopg2

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

WRITE_PAUSE = 0.02
LOGIN_SECONDS = 3.0  # until the server has counted a session


def _connect(database: dict[str, Any], name: str, options: str = "") -> Any:
    connection = psycopg2.connect(
        host=database["host"],
        port=database["port"],
        user=database["user"],
        password=database["password"],
        dbname=database["name"],
        sslmode="verify-full",
        sslrootcert=database["ca_file"],
        gssencmode="disable",
        passfile="/dev/null",
        connect_timeout=10,
        options=options,
        application_name=name,
    )
    connection.autocommit = True
    return connection


class Container:
    """The commands of the release, each in a container of its own."""

    def __init__(self, module: AnsibleModule, params: dict[str, Any]) -> None:
        self._module = module
        self._params = params
        self._docker = module.get_bin_path("docker", required=True)
        self.name = params["container"]["name"]

    def _words(self, command: Sequence[str]) -> list[str]:
        options = migration.session_options(self._params["lock_seconds"], self._params["statement_seconds"])
        container = {**self._params["container"], "name": self.name}
        return list(migration.container_words(container, {"PGOPTIONS": options}, command))

    def docker(self, *words: str, seconds: float = 60) -> tuple[int, str, str]:
        """Run a command of the engine; its code is 124 when it took too long."""
        try:
            done = subprocess.run(
                [self._docker, *words], capture_output=True, text=True, errors="replace", timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return 124, "", f"no end after {seconds:g} s"
        return done.returncode, done.stdout, done.stderr

    def make_room(self) -> None:
        """Remove what a rehearsal that was cut off left; otherwise fail while a container of this name runs."""
        if self._params["state"] == "rehearsed":
            self.remove()
        else:
            self.refuse_to_run_beside()

    def refuse_to_run_beside(self) -> None:
        """Fail while a container of this name runs; remove one that a run which was cut off left ended."""
        _, out, _ = self.docker(
            "container", "inspect", "--format", "{{.State.Running}} {{.State.StartedAt}}", self.name
        )
        running, _, since = out.strip().partition(" ")
        if running == "true":
            self._module.fail_json(
                msg=f"container {self.name} runs since {since}, left by a run that was cut off. Wait for its end "
                f"(`docker wait {self.name}`), then run again. Nothing was touched."
            )
        if running:
            self.docker("rm", "--force", self.name)

    def read(self, command: Sequence[str]) -> tuple[int, str, str]:
        """Run a command that reads; return code, standard output and standard error."""
        return self.docker("run", "--rm", *self._words(command), seconds=120)

    def start(self, command: Sequence[str]) -> str:
        """Start a command that goes on when this module is killed; return why it could not."""
        code, _, error = self.docker("run", "--detach", *self._words(command))
        return migration.last_words(error) or f"docker ended with {code}" if code else ""

    def ended(self) -> int | None:
        """Return the exit code of what was started, None while it runs."""
        code, out, _ = self.docker(
            "container", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", self.name
        )
        status, _, number = out.strip().partition(" ")
        if code:
            return 137  # somebody removed it
        return int(number) if status in ("exited", "dead") else None

    def said(self) -> str:
        _, out, error = self.docker("logs", self.name)
        return f"{error}\n{out}"

    def remove(self) -> None:
        self.docker("rm", "--force", "--volumes", self.name)


def _revisions(box: Container, command: list[str], none: str = "") -> tuple[list[str], str]:
    """Return the revisions that a command of the release prints, and why it did not."""
    code, out, error = box.read(command)
    words = migration.last_words(error) or migration.last_words(out) or "none"
    problem = f"{' '.join(command)} ended with code {code}, its last words: {words}" if code else ""
    return [word for word in migration.first_words(out) if word != none], problem


def _attempt(box: Container, database: Database, params: dict[str, Any], watched: Watched) -> tuple[int, str, bool]:
    """Run the migration once; return its code, what it said, and whether it was ended for its time."""
    if problem := box.start(params["commands"]["migrate"]):
        return 125, problem, False
    until = time.monotonic() + params["timeout_seconds"]
    next_ask, late = 0.0, False
    watched.begin()
    try:
        while True:
            database.look(watched)
            if time.monotonic() >= next_ask:
                if (code := box.ended()) is not None:
                    break
                next_ask = time.monotonic() + 0.25
            if time.monotonic() > until:
                late = True
                box.docker("kill", box.name)
            time.sleep(LOOK_SECONDS)
        return code, box.said(), late
    finally:
        box.remove()
        database.end_sessions()


def _migrate(params: dict[str, Any], box: Container, database: Database, head: str, before: str) -> Outcome:
    """Run the migration, again while it does not get its locks."""
    objects, size, started, watched = database.objects(), database.size(), time.monotonic(), Watched()
    attempt = 1
    while True:
        code, said, late = _attempt(box, database, params, watched)
        if not code or late or attempt >= params["attempts"] or not re.search(params["retry"], said):
            break
        attempt += 1
        time.sleep(migration.wait_before(attempt, params["wait_seconds"]))
    seconds = time.monotonic() - started
    none = params["commands"]["none"]
    after, unknown = _revisions(box, params["commands"]["current"], none)
    return Outcome(
        before=before,
        head=head,
        after=unknown or " ".join(after) or none,
        code=code,
        said=migration.last_words(said),
        attempts=attempt,
        seconds=round(seconds, 3),
        changes=migration.difference(objects, database.objects()),
        locks=watched.locks(),
        others_waited=round(watched.others_waited, 3),
        statement=watched.statement,
        size_before=size,
        size_after=database.size(),
        timed_out=late,
        gap=round(watched.gap, 3),
    )


class Writer(threading.Thread):
    """Writes to one table after the other until it is stopped, and notes what that met.

    While one waits for a table it writes to no other, hence a second one, which begins with the last.
    """

    def __init__(self, database: dict[str, Any], writes: Writes, last_first: bool) -> None:
        super().__init__(daemon=True)
        self._connection = _connect(database, "golive-rehearsal-writer")
        self._writes, self._ends = writes, threading.Event()
        with self._connection.cursor() as cursor:
            cursor.execute(TABLES)
            rows = [(name, statement) for name, _, statement in cursor.fetchall() if statement]
        self._rows = rows[::-1] if last_first else rows

    def run(self) -> None:
        while self._rows:
            for name, statement in self._rows:
                if self._ends.wait(WRITE_PAUSE):
                    return
                began, refused = time.monotonic(), ""
                try:
                    with self._connection.cursor() as cursor:
                        cursor.execute(statement)
                except psycopg2.Error as error:
                    said = str(error).partition("\n")[0]
                    refused = f"a write to {name} was refused: {said}"
                self._writes.note(time.monotonic() - began, refused)

    def end(self) -> None:
        """Let the write that is under way end, and no other begin."""
        self._ends.set()
        self.join()
        self._connection.close()


def _rehearse(params: dict[str, Any], box: Container, database: Database, head: str, at: str) -> dict[str, Any]:
    """Run the migration on the copy while others write, and return what was measured."""
    rows, unread = database.rows()
    writes = Writes()
    as_writer = {**params["database"], **params["writer"]}
    writers = [Writer(as_writer, writes, last_first) for last_first in (False, True)]
    for writer in writers:
        writer.start()
    try:
        outcome = _migrate(params, box, database, head, at)
    finally:
        for writer in writers:
            writer.end()
    seen = migration_rehearsal.measurements(outcome, writes, rows, database.rows()[0], unread)
    return {"outcome": asdict(outcome), "done": outcome.done, "measurements": seen, "logins": database.logins()}


def _refuse_original(module: AnsibleModule, database: Database) -> None:
    if not database.is_thrown_away():
        module.fail_json(
            msg="{host}:{port}/{name} is no restored copy (fsync is on), so no migration is rehearsed on it. Nothing "
            "was touched.".format(**module.params["database"])
        )


def _refuse_elsewhere(module: AnsibleModule, database: Database, logins: int) -> None:
    """Fail when no session was added by a command that asks the database."""
    until = time.monotonic() + LOGIN_SECONDS
    while database.logins() <= logins:
        if time.monotonic() > until:
            where = "{host}:{port}/{name}".format(**module.params["database"])
            module.fail_json(
                msg=f"the commands of the release did not come to the restored copy at {where}: their database is "
                "somewhere else. Let migration_env take its address from golive_database_host and "
                "golive_database_port, or set migration_rehearsal to never. Nothing was touched."
            )
        time.sleep(0.1)


def _emitted(box: Container, emit: Sequence[str], old: str, new: str) -> dict[str, Any]:
    words = [word.replace("{old}", old).replace("{new}", new) for word in emit]
    code, out, error = box.read(words)
    return {"code": code, "sql": out, "error": migration.last_words(error, 1)}


def _run(module: AnsibleModule, database: Database) -> dict[str, Any]:
    params, commands = module.params, module.params["commands"]
    rehearsed = params["state"] == "rehearsed"
    if rehearsed:
        _refuse_original(module, database)
    box = Container(module, params)
    box.make_room()
    heads, no_head = (params["heads"], "") if params["heads"] else _revisions(box, commands["head"])
    logins = database.logins()
    before, no_revision = _revisions(box, commands["current"], commands["none"])
    if problem := no_head or no_revision:
        module.fail_json(
            msg=f"{problem}. What serves was not touched; correct the release or its migration_env and run again."
        )
    if rehearsed:
        _refuse_elsewhere(module, database, logins)
    pending = sorted(before) != sorted(heads)
    result: dict[str, Any] = {
        "heads": heads,
        "before": before,
        "pending": pending,
        "server_version": database.version,
        "limits": database.limits,
        "changed": False,
    }
    one_way = len(heads) == 1 and len(before) <= 1
    if params["state"] == "planned" or module.check_mode:
        if pending and one_way and before and commands["emit"]:
            result["emitted"] = _emitted(box, commands["emit"], before[0], heads[0])
        return result
    if not pending or not one_way:
        return result
    if holder := database.take_lock():
        module.fail_json(
            msg=f"another migration of {params['app']} runs: the advisory lock is held by {holder}. Wait for its end, "
            "then run again. Nothing was touched."
        )
    if busy := database.settle(SETTLE_SECONDS):
        module.fail_json(
            msg=f"somebody is at work as {params['database']['user']}: {busy}. Wait for the end of it, or end it "
            "(SELECT pg_terminate_backend(pid)), then run again. Nothing was touched."
        )
    at = before[-1] if before else commands["none"]
    if rehearsed:
        return {**result, "changed": True, **_rehearse(params, box, database, heads[0], at)}
    outcome = _migrate(params, box, database, heads[0], at)
    sentence = migration.told(outcome) if outcome.done else migration.failure(outcome)
    result.update(changed=True, outcome=asdict(outcome), done=outcome.done, sentence=sentence)
    return result


def main() -> None:
    """Parse the arguments, do what is asked for, return what came of it."""
    words = {"type": "list", "elements": "str"}
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["planned", "migrated", "rehearsed"], "required": True},
            "container": {
                "type": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "image": {"type": "str", "required": True},
                    "user": {"type": "str", "required": True},
                    "network": {"type": "str", "default": "host"},
                    "env": {"type": "dict", "default": {}},
                    "volumes": {**words, "default": []},
                },
            },
            "commands": {
                "type": "dict",
                "required": True,
                "options": {
                    "head": {**words, "required": True},
                    "current": {**words, "required": True},
                    "migrate": {**words, "required": True},
                    "emit": {**words, "default": []},
                    "none": {"type": "str", "default": "none"},
                },
            },
            "database": {
                "type": "dict",
                "required": True,
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "default": 5432},
                    "user": {"type": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                    "name": {"type": "str", "required": True},
                    "ca_file": {"type": "path", "required": True},
                },
            },
            "writer": {
                "type": "dict",
                "options": {
                    "user": {"type": "str", "required": True},
                    "password": {"type": "str", "required": True, "no_log": True},
                },
            },
            "heads": {**words, "default": []},
            "app": {"type": "str", "required": True},
            "lock_seconds": {"type": "float", "default": 3.0},
            "statement_seconds": {"type": "float", "default": 900.0},
            "timeout_seconds": {"type": "float", "default": 1800.0},
            "attempts": {"type": "int", "default": 5},
            "wait_seconds": {"type": "float", "default": 2.0},
            "retry": {"type": "str", "default": "(?i)lock timeout|could not obtain lock|deadlock detected|55P03|40P01"},
        },
        required_if=[("state", "rehearsed", ("writer",))],
        supports_check_mode=True,
    )
    if MISSING:
        module.fail_json(msg=f"This host cannot ask a database: {MISSING}. Install python3-psycopg2.")
    where = "{host}:{port}/{name}".format(**module.params["database"])
    try:
        database = Database(_connect(module.params["database"], WATCHER, "-c role=none"), module.params["app"])
        result = _run(module, database)
    except psycopg2.Error as error:
        module.fail_json(
            msg=f"The database {where} cannot be asked as {module.params['database']['user']}: "
            f"{migration.last_words(str(error), 1)}. What serves was not touched; correct the server or its access and "
            "run again."
        )
    module.exit_json(**result)


if __name__ == "__main__":
    main()
