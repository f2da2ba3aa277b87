"""Back up, and prove that what was backed up can be restored. Runs as postgres on the backup host.

    golive-backup@KIND.service    take KIND: full, diff or incr, then a barrier
    golive-restore-test.service   test: restore the newest backup to its barrier into a scratch cluster, and compare
    golive-scratch.service        up, down: the same, and the scratch cluster stays for one application host; or one at
                                  any moment, not compared, from which the database host takes a single database

A barrier is a moment without writers: all ordinary tables are locked against writes for some milliseconds while a
snapshot is taken and a restore point is written. What the snapshot shows is what a restore to that point must show.
"""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2
from golive_core import backup, restore

SETTINGS = Path(os.environ.get("GOLIVE_BACKUP_SETTINGS", "/etc/golive/backup/settings.json"))
LOCK_TIMEOUT = "100ms"  # below deadlock_timeout: whoever holds a lock is waited for, and never killed, because of this
PAUSE = 0.2  # seconds between tries and looks
FIRST_GUESS = 50e6  # bytes per second of a fingerprint, until some are read
SPARE = 256 * 1024**2

# So that a row's text is the same on both sides.
PINNED = {
    "search_path": "pg_catalog",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "lock_timeout": LOCK_TIMEOUT,
    "idle_in_transaction_session_timeout": "0",
}
TABLES = """
    SELECT format('%I.%I', nspname, relname), pg_relation_size(c.oid), relrowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind = 'r' AND relpersistence = 'p' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
    ORDER BY 2, 1
"""


class Failed(Exception):
    """The message is one sentence."""


def log(sentence: str) -> None:
    """Write a line to the journal."""
    print(sentence, flush=True)


def read(path: Path) -> dict[str, Any] | None:
    """Return what a JSON file holds; None when there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return None


def write(path: Path, text: str, mode: int = 0o640) -> None:
    """Write a file in one step."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)


def until(wanted: Callable[[], Any], seconds: float, sentence: str) -> Any:
    """Look until there is something, or raise Failed(sentence) when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := wanted()):
        if time.monotonic() > deadline:
            raise Failed(sentence)
        time.sleep(PAUSE)
    return found


class Repository:
    """pgBackRest with one of its configurations."""

    def __init__(self, stanza: str, config: str) -> None:
        """Take the stanza and the file that says where its repository is."""
        self.stanza = stanza
        self.words = ["pgbackrest", f"--config={config}", f"--stanza={stanza}", "--log-level-console=warn"]

    def run(self, *words: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of pgBackRest, whatever its exit code."""
        command = [*self.words, *words]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"pgbackrest {words[0]} was not done after {seconds:.0f} s") from None

    def must(self, *words: str) -> None:
        """Run a command that changes something."""
        done = self.run(*words)
        if done.returncode != 0:
            raise Failed(f"pgbackrest {words[-1]}: {backup.readable(done.stdout + done.stderr)}")

    def info(self) -> backup.Repository:
        """Return what it says of the repository."""
        return backup.read_info(self.run("--output=json", "info").stdout, self.stanza)

    def archived(self, archive: str) -> dict[str, int]:
        """Return the files of the archive and when they came (epoch seconds)."""
        listed = self.run("--output=json", "--recurse", "repo-ls", f"archive/{self.stanza}/{archive}").stdout
        try:
            return {name: entry.get("time", 0) for name, entry in json.loads(listed).items() if entry["type"] == "file"}
        except ValueError:
            return {}


class Database:
    """Two sessions in one database of the running cluster: one locks, the other reads what it saw meanwhile."""

    def __init__(self, name: str, connect: Callable[[str], Any]) -> None:
        """Connect twice."""
        self.name = name
        self.locker, self.reader = connect(name), connect(name)
        self.tables: list[tuple[str, int, bool]] = []

    def hold(self) -> bool:
        """Lock all tables against writes and take a snapshot; False when tables came or went meanwhile."""
        with self.locker.cursor() as locking, self.reader.cursor() as reading:
            locking.execute(TABLES)
            wanted = sorted(row[0] for row in locking.fetchall())
            if wanted:
                locking.execute(f"LOCK TABLE ONLY {', ONLY '.join(wanted)} IN SHARE MODE")
            reading.execute(TABLES)
            self.tables = reading.fetchall()
            if wanted:  # so that none is dropped before it is read
                reading.execute(f"LOCK TABLE ONLY {', ONLY '.join(wanted)} IN ACCESS SHARE MODE")
            return wanted == sorted(row[0] for row in self.tables)


def fingerprint(
    connection: Any, tables: list[tuple[str, int, bool]], share_of: Callable[[str, int, int], float]
) -> dict[str, Any]:
    """Return rows and a checksum of each table, whatever the order of its rows; `share_of` says how much to read."""
    found: dict[str, Any] = {}
    others = sum(size for _, size, _ in tables)
    with connection.cursor() as cursor:
        for name, size, guarded in tables:
            others -= size
            if guarded:
                found[name] = {"skipped": "row security"}
                continue
            share = share_of(name, size, others)
            sample = "" if share >= 1 else f" TABLESAMPLE SYSTEM ({share * 100:.6f}) REPEATABLE (1)"
            cursor.execute(
                "SELECT count(*), coalesce(sum(hashtextextended((golive_row.*)::text, 0)::numeric), 0)::text"
                f" FROM ONLY {name} AS golive_row{sample}"
            )
            rows, total = cursor.fetchone()
            found[name] = {"rows": rows, "sum": total, "share": share}
    return found


class Backups:
    """What the units do."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take the settings that role backup wrote."""
        self.settings = settings
        self.state = Path(settings["state_dir"])
        self.barriers = Path(settings["barriers_dir"])
        self.scratch = Path(settings["scratch_dir"])
        self.data, self.socket = self.scratch / "data", self.scratch / "run"
        self.repository = Repository(settings["stanza"], settings["config"])
        self.copies = Repository(settings["stanza"], settings["scratch_config"])

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for whatever else of this runs."""
        with (self.state / "lock.file").open("w") as guard:

            def held() -> bool:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return True
                return False

            wait = self.settings["wait_seconds"]
            until(held, wait, f"another backup or restore test still runs after {wait} s")
            yield

    def result(self, kind: str, work: Callable[[dict[str, Any]], None]) -> bool:
        """Do some work and write down how it went."""
        told: dict[str, Any] = {"ok": False, "started": time.time(), "problems": []}
        begin = time.monotonic()
        try:
            with self.alone():
                work(told)
            told["ok"] = not told["problems"]
        except (Failed, restore.Refused, psycopg2.Error, OSError) as error:
            told["problems"].append(" ".join(str(error).split()))
        told |= {"finished": time.time(), "seconds": round(time.monotonic() - begin, 3)}
        info = self.repository.info()
        told["labels"] = [entry.label for entry in info.backups]
        write(self.state / f"{kind}.json", json.dumps(told, indent=1) + "\n")
        states = (read(self.state / "backup.json"), read(self.state / "restore_test.json"))
        write(self.state / "golive_backup.prom", backup.metrics(*states, info.backups), 0o644)
        for problem in told["problems"]:
            log(problem)
        return bool(told["ok"])

    # --- backup and barrier

    def take(self, kind: str) -> bool:
        """Make a backup, and a barrier after it."""
        return self.result("backup", lambda told: self._take(kind, told))

    def _take(self, kind: str, told: dict[str, Any]) -> None:
        if not self.repository.info().backups:
            self.repository.must("stanza-create")  # changes nothing where it is there
        before = {entry.label for entry in self.repository.info().backups}
        self.repository.must(f"--type={kind}", "backup")
        info = self.repository.info()
        new = next((entry for entry in info.backups if entry.label not in before), None)
        if info.problem or new is None:
            raise Failed(f"pgbackrest made no backup: {info.problem or 'none is listed'}")
        told |= {"label": new.label, "kind": new.kind, "bytes": new.bytes, "repository_bytes": new.repository_bytes}
        log(f"backup {new.label} is complete: {new.kind}, {new.stop - new.start} s")
        point = f"golive-{new.label}"
        barrier = self.barrier(point)
        self.repository.must(f"--set={new.label}", f"--annotation=golive-point={point}", "annotate")
        write(self.barriers / f"{new.label}.json", json.dumps({"label": new.label, **barrier}, indent=1) + "\n")
        labels = {entry.label for entry in info.backups}
        for file in self.barriers.glob("*.json"):
            if file.stem not in labels:  # of a backup that the retention has removed
                file.unlink()
        told |= {
            key: barrier[key]
            for key in ("point", "pause_seconds", "tries", "fingerprint_seconds", "archive_seconds", "rpo_seconds")
        }
        told["extent"] = backup.extent(barrier["databases"])
        told["scratch_free"], told["scratch_wanted"] = self._room(new.bytes)
        log(f"barrier {point}: writers waited {barrier['pause_seconds'] * 1000:.1f} ms; {told['extent']}")

    def connect(self, database: str) -> Any:
        """Return a session on the running server, with what makes texts comparable."""
        session = psycopg2.connect(
            host=self.settings["host"],
            port=self.settings["port"],
            user=self.settings["user"],
            dbname=database,
            sslmode="verify-full",
            sslrootcert=self.settings["ca"],
            passfile=self.settings["passfile"],
            gssencmode="disable",
            connect_timeout=10,
            application_name="golive-backup",
        )
        return pinned(session)

    def barrier(self, point: str) -> dict[str, Any]:
        """Write a restore point in a moment without writers, and return the fingerprint of that moment."""
        began = time.monotonic()
        names: list[str] = self.settings["databases"]
        databases = [Database(name, self.connect) for name in names]
        first = databases[0].locker
        try:
            lsn, wal, pause, tries = self._point(point, databases, began + self.settings["barrier_seconds"])
            read_from, spent = time.monotonic(), [0.0, 0.0]

            def share_of(_: str, size: int, others: int) -> float:
                left = self.settings["fingerprint_seconds"] - (time.monotonic() - read_from)
                rate = spent[0] / spent[1] if spent[1] > 1 else FIRST_GUESS
                spent[0], spent[1] = spent[0] + size, time.monotonic() - read_from
                return backup.share_to_read(size, others, left, rate)

            seen = {entry.name: fingerprint(entry.reader, entry.tables, share_of) for entry in databases}
            read_seconds = time.monotonic() - read_from
            with first.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_switch_wal(), extract(epoch FROM current_setting('archive_timeout')::interval)"
                )
                timeout = float(cursor.fetchone()[1])
                revisions = {}
                if self.settings["revision_table"]:
                    revisions = {entry.name: self._revision(entry) for entry in databases}
        finally:
            for entry in databases:
                entry.locker.close()
                entry.reader.close()
        switched = time.monotonic()
        archive = self.repository.info().archive
        wait = self.settings["archive_seconds"]
        until(
            lambda: wal in backup.wal_segments(self.repository.archived(archive)),
            wait,
            f"WAL segment {wal}, which holds restore point {point}, did not reach the repository in {wait} s;"
            " see archive_command in the log of PostgreSQL",
        )
        archive_seconds = time.monotonic() - switched
        return {
            "point": point,
            "taken": time.time() - (time.monotonic() - read_from),
            "lsn": lsn,
            "wal": wal,
            "pause_seconds": round(pause, 6),
            "tries": tries,
            "fingerprint_seconds": round(read_seconds, 3),
            "archive_seconds": round(archive_seconds, 3),
            "rpo_seconds": round(timeout + archive_seconds, 3),  # a segment waits so long at most before it is stored
            "revisions": revisions,
            "databases": seen,
        }

    def _point(self, point: str, databases: list[Database], deadline: float) -> tuple[str, str, float, int]:
        tries, refused = 0, ""
        while time.monotonic() < deadline:
            tries += 1
            begin = time.monotonic()
            try:
                held = all(entry.hold() for entry in databases)  # else the rest need not be tried
                if held:
                    with databases[0].locker.cursor() as cursor:
                        cursor.execute(
                            "SELECT lsn, pg_walfile_name(lsn) FROM pg_create_restore_point(%s) AS lsn", [point]
                        )
                        lsn, wal = cursor.fetchone()
                    for entry in databases:
                        entry.locker.rollback()  # the restore point is in the WAL, whatever becomes of the transaction
                    return str(lsn), str(wal), time.monotonic() - begin, tries
                refused = "tables came and went"
            except psycopg2.errors.LockNotAvailable as error:
                refused = str(error).partition("\n")[0]
            for entry in databases:
                entry.locker.rollback()
                entry.reader.rollback()
            time.sleep(PAUSE)
        raise Failed(
            f"no moment without writers was found in {self.settings['barrier_seconds']} s, {tries} tries ({refused});"
            " look in pg_stat_activity for a transaction that stays open"
        )

    def _revision(self, entry: Database) -> str:
        table = self.settings["revision_table"]
        if table not in [name for name, _, _ in entry.tables]:
            return ""
        with entry.reader.cursor() as cursor:
            cursor.execute(f"SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM {table} AS t")
            return str(cursor.fetchone()[0] or "")

    # --- restore test

    def test(self) -> bool:
        """Restore the newest backup to its barrier, compare, and remove the copy."""

        def work(told: dict[str, Any]) -> None:
            try:
                with self._restored(told):
                    pass
            finally:
                self._remove()

        return self.result("restore_test", work)

    def up(self) -> bool:
        """The same, but the copy stays, writable, for golive-scratch.service to start."""

        asked = read(Path(self.settings["scratch_clients"])) or {}

        def work(told: dict[str, Any]) -> None:
            with self._restored(told) as session, session.cursor() as cursor:
                cursor.execute("SELECT pg_wal_replay_resume()")
                session.commit()

                def promoted() -> bool:
                    cursor.execute("SELECT NOT pg_is_in_recovery()")
                    answer = bool(cursor.fetchone()[0])
                    session.rollback()
                    return answer

                until(promoted, self.settings["recovery_seconds"], "the restored copy was not promoted in time")
            self._configure(asked)

        def work_to_a_moment(told: dict[str, Any]) -> None:
            self._restore_to(asked["moment"], told)
            self._configure(asked)

        return self.result("scratch", work_to_a_moment) if asked.get("moment") else self.result("restore_test", work)

    def _restore_to(self, moment: Mapping[str, str], told: dict[str, Any]) -> None:
        """Restore to any moment, and end the recovery there."""
        target = restore.parse(moment)
        chosen = restore.choose(self.repository.info(), target, moment.get("backup", ""))
        told["label"] = chosen.label
        begin = time.monotonic()
        self._fetch(chosen, *restore.options(target, chosen))
        server = self._start()
        try:
            self._wait_until(server, "SELECT NOT pg_is_in_recovery()", f"the moment ({target.kind} {target.value})")
        finally:
            self._end(server)
        told["rto_seconds"] = round(time.monotonic() - begin, 3)
        log(f"{chosen.label} restored to {target.kind} {target.value} in {told['rto_seconds']} s")

    def down(self) -> bool:
        """Remove the copy."""
        self._remove()
        return True

    @contextlib.contextmanager
    def _restored(self, told: dict[str, Any]) -> Iterator[Any]:
        """Give a session on a restored, compared copy that waits at its restore point; it is stopped afterwards."""
        barrier, chosen = self._choose()
        told |= {"label": chosen.label, "point": barrier["point"], "rpo_seconds": barrier["rpo_seconds"]}
        if self.settings["verify"]:
            begin = time.monotonic()
            done = self.copies.run("--output=text", "--verbose", "verify", seconds=self.settings["recovery_seconds"])
            told["problems"] += backup.verify_problems(done.stdout)
            told["verify_seconds"] = round(time.monotonic() - begin, 3)
        begin = time.monotonic()
        where = ("--type=name", f"--target={barrier['point']}", "--target-action=pause")
        self._fetch(chosen, f"--set={chosen.label}", *where)
        told["restore_seconds"] = round(time.monotonic() - begin, 3)
        server = self._start()
        try:
            paused = "SELECT pg_is_in_recovery() AND pg_get_wal_replay_pause_state() = 'paused'"
            self._wait_until(server, paused, barrier["point"])
            told["rto_seconds"] = round(time.monotonic() - begin, 3)
            begin = time.monotonic()
            found = {name: self._fingerprint(name, tables) for name, tables in barrier["databases"].items()}
            told["fingerprint_seconds"] = round(time.monotonic() - begin, 3)
            told["problems"] += backup.differences(barrier["databases"], found)
            told["extent"] = backup.extent(found)
            log(f"{chosen.label} restored in {told['rto_seconds']} s; {told['extent']}")
            with contextlib.closing(self._session("postgres")) as session:
                yield session
        finally:
            self._end(server)

    def _fetch(self, chosen: backup.Backup, *options: str) -> None:
        """Bring a backup into the empty scratch directory, with a configuration that nobody is served by."""
        self._remove()
        self._space(chosen.bytes)
        self.data.mkdir(mode=0o700)
        tablespaces = f"--tablespace-map-all={self.scratch / 'tablespaces'}"
        self.copies.must(*options, "--archive-mode=off", tablespaces, "restore")
        self._configure({})

    @staticmethod
    def _end(server: subprocess.Popen[bytes]) -> None:
        server.terminate()
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            server.kill()

    def _choose(self) -> tuple[dict[str, Any], backup.Backup]:
        info = self.repository.info()
        if info.problem:
            raise Failed(f"the repository cannot be used: {info.problem}")
        for entry in reversed(info.backups):
            if barrier := read(self.barriers / f"{entry.label}.json"):
                return barrier, entry
        raise Failed(f"none of {len(info.backups)} backups has a barrier to restore to; run golive-backup@incr.service")

    def _room(self, size: int) -> tuple[int, int]:
        """Return the bytes that are free for a copy, and those that it wants."""
        return shutil.disk_usage(self.scratch).free, size + size // 5 + SPARE

    def _space(self, size: int) -> None:
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        free, wanted = self._room(size)
        if free < wanted:
            raise Failed(
                f"{self.scratch} has {free >> 20} MiB free, a restore wants {wanted >> 20}; set backup_scratch_dir"
            )

    def _configure(self, network: Mapping[str, Any]) -> None:
        """Write the configuration of the copy, which is its own: Debian's lies elsewhere and is not restored."""
        control = subprocess.run(
            [self._program("pg_controldata"), str(self.data)], capture_output=True, text=True, check=True
        )
        shown = control.stdout.replace("_xact setting", "_transaction setting").replace(
            "_xacts setting", "_transactions setting"
        )
        kept = dict(line.split(":", 1) for line in shown.splitlines() if " setting:" in line)
        settings = {key.removesuffix(" setting"): value.strip() for key, value in kept.items()}
        settings = {
            key: value for key, value in settings.items() if key.startswith("max_") or key == "track_commit_timestamp"
        }
        self.socket.mkdir(mode=0o700, exist_ok=True)
        clients, owner = network.get("clients", []), network.get("owner", {})
        settings |= {
            "listen_addresses": network["address"] if clients or owner else "",
            "port": str(self.settings["scratch_port"]),
            "unix_socket_directories": str(self.socket),
            "hba_file": str(self.scratch / "pg_hba.conf"),
            "ident_file": str(self.scratch / "pg_ident.conf"),
            "shared_buffers": "128MB",
            "archive_mode": "off",
            "max_logical_replication_workers": "0",
            "autovacuum": "off",
            "fsync": "off",  # a copy that is thrown away
            "hot_standby": "on",
            "password_encryption": "scram-sha-256",
            "log_statement": "ddl",
        }
        if clients or owner:
            settings |= {"ssl": "on", "ssl_cert_file": self.settings["cert"], "ssl_key_file": self.settings["key"]}
        rules, names = ["local all postgres peer"], ""
        if owner:  # the database host takes what is its own, known by its certificate
            settings["ssl_ca_file"] = self.settings["ca"]
            rules.append(f"hostssl all postgres {ipaddress.ip_network(owner['address'])} cert map=golive")
            names = f'golive "{owner["name"]}" postgres\n'
        for client in clients:
            who = f"{','.join(client['databases'])} {','.join(client['roles'])}"
            networks = map(ipaddress.ip_network, client["addresses"])
            rules += [f"hostssl {who} {network} scram-sha-256" for network in networks]
        write(self.data / "postgresql.conf", "".join(f"{key} = '{value}'\n" for key, value in settings.items()))
        write(self.scratch / "pg_hba.conf", "".join(f"{rule}\n" for rule in rules))
        write(self.scratch / "pg_ident.conf", names)

    def _program(self, name: str) -> str:
        version = (self.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        program = Path(self.settings["postgresql_dir"]) / version / "bin" / name
        if not program.exists():
            raise Failed(
                f"the backup is of PostgreSQL {version}, and {program} is not there; install postgresql-{version}"
            )
        return str(program)

    def _start(self) -> subprocess.Popen[bytes]:
        with (self.scratch / "log").open("wb") as output:
            return subprocess.Popen([self._program("postgres"), "-D", str(self.data)], stdout=output, stderr=output)

    def _session(self, database: str) -> Any:
        port = self.settings["scratch_port"]
        return pinned(psycopg2.connect(host=str(self.socket), port=port, user="postgres", dbname=database))

    def _wait_until(self, server: subprocess.Popen[bytes], query: str, point: str) -> None:
        def reached() -> bool:
            if server.poll() is not None:
                raise Failed(f"the restored copy did not reach {point}: {self._last_words()}")
            try:
                with contextlib.closing(self._session("postgres")) as session, session.cursor() as cursor:
                    cursor.execute(query)
                    return bool(cursor.fetchone()[0])
            except psycopg2.OperationalError:
                return False  # not consistent yet

        wait = self.settings["recovery_seconds"]
        until(reached, wait, f"the restored copy did not reach {point} in {wait} s")

    def _last_words(self) -> str:
        lines = (self.scratch / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        told = [line for line in lines if "FATAL" in line or "PANIC" in line or "ERROR: [" in line or "invalid" in line]
        return "; ".join(dict.fromkeys(backup.spoken(line) for line in told[-4:])) or "its log is empty"

    def _fingerprint(self, database: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        with contextlib.closing(self._session(database)) as session:
            with session.cursor() as cursor:
                cursor.execute(TABLES)
                tables = cursor.fetchall()
            return fingerprint(session, tables, lambda name, *_: float(wanted.get(name, {}).get("share", 1)))

    def _remove(self) -> None:
        """Remove the copy. It is golive's own, in a directory that holds nothing else."""
        for path in self.scratch.iterdir() if self.scratch.is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def pinned(session: Any) -> Any:
    """Return the session with settings that make a row's text the same everywhere."""
    with session.cursor() as cursor:
        for name, value in PINNED.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    session.commit()
    session.set_session(isolation_level="REPEATABLE READ")
    return session


def main() -> int:
    """Do what the unit asks for."""
    backups = Backups(json.loads(SETTINGS.read_text(encoding="utf-8")))
    wanted = sys.argv[1:]
    if wanted[:1] == ["take"] and wanted[1:] in (["full"], ["diff"], ["incr"]):
        return 0 if backups.take(wanted[1]) else 1
    if wanted in (["test"], ["up"], ["down"]):
        return 0 if getattr(backups, wanted[0])() else 1
    log("usage: take full|diff|incr, test, up or down")
    return 2


if __name__ == "__main__":
    sys.exit(main())
