"""Real PostgreSQL and Redis for the tests: temporary, on loopback, with TLS, and roles as a deployment has them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from football.settings import Cache, Database

ROLES = """
CREATE ROLE football_owner NOLOGIN;
CREATE ROLE football_migrator LOGIN PASSWORD 'migrator-secret' IN ROLE football_owner;
CREATE ROLE football_writer LOGIN PASSWORD 'writer-secret';
"""
GRANTS = """
GRANT CREATE ON SCHEMA public TO football_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE football_owner GRANT SELECT, INSERT, UPDATE ON TABLES TO football_writer;
"""
CACHE_PASSWORD = "cache-secret"
SECRETS = ("migrator-secret", "writer-secret", CACHE_PASSWORD)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {seconds:g} s")
        time.sleep(0.05)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def run(*command: str | Path, **options: Any) -> None:
    subprocess.run(command, check=True, capture_output=True, **options)


def make_certificate(directory: Path) -> None:
    """Make an authority, ca.crt, and a certificate for the name localhost only."""
    directory.mkdir()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2")
    run(
        "openssl", "req", "-x509", *key, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt",
        "-addext", "keyUsage=critical,keyCertSign,cRLSign", cwd=directory,
    )  # fmt: skip
    run(
        "openssl", "req", "-x509", *key, "-subj", "/CN=localhost", "-keyout", "host.key", "-out", "host.crt",
        "-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
        "-addext", "authorityKeyIdentifier=keyid", cwd=directory,
    )  # fmt: skip
    (directory / "host.key").chmod(0o600)


@contextmanager
def hung(*pids: int) -> Iterator[None]:
    """Let processes hang: they keep their connections and answer nothing."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Postgres:
    """A temporary cluster; it may be stopped and started by a test."""

    def __init__(self, directory: Path, tls: Path) -> None:
        self.port = free_port()
        self.authority = str(tls / "ca.crt")
        self._directory = directory
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        run(self._bin / "initdb", "-D", directory, "-U", "admin", "--auth=trust", "--no-sync", "-E", "UTF8")
        (directory / "pg_hba.conf").write_text("local all admin trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        (directory / "postgresql.conf").write_text(
            f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{directory}'\n"
            f"fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
            f"ssl = on\nssl_cert_file = '{tls}/host.crt'\nssl_key_file = '{tls}/host.key'\n"
        )
        self.start()
        self.execute("postgres", ROLES)

    def start(self) -> None:
        run(self._bin / "pg_ctl", "-D", self._directory, "-l", self._directory / "log", "-w", "start")

    def stop(self) -> None:
        run(self._bin / "pg_ctl", "-D", self._directory, "-m", "fast", "-w", "stop")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @property
    def pids(self) -> list[int]:
        """The server's process and those of its present sessions."""
        sessions = self.execute("postgres", "SELECT pid FROM pg_stat_activity WHERE datname = 'football'")
        return [int((self._directory / "postmaster.pid").read_text().split()[0]), *(row["pid"] for row in sessions)]

    def create_database(self, name: str, template: str = "template1") -> None:
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        if template == "template1":
            self.execute(name, GRANTS)

    def execute(self, database: str, statement: str) -> list[Any]:
        """Run a statement as the cluster's superuser and return its rows."""

        async def work() -> list[Any]:
            connection = await asyncpg.connect(
                host=str(self._directory), port=self.port, user="admin", database=database
            )
            try:
                if statement.lstrip().upper().startswith("SELECT"):
                    return list(await connection.fetch(statement))
                await connection.execute(statement)
                return []
            finally:
                await connection.close()

        return asyncio.run(work())

    @contextmanager
    def holding(self, database: str, statement: str) -> Iterator[None]:
        """Keep what a statement took, a lock for example, in an open session."""
        loop = asyncio.new_event_loop()
        session = loop.run_until_complete(
            asyncpg.connect(host=str(self._directory), port=self.port, user="admin", database=database)
        )
        try:
            loop.run_until_complete(session.execute(statement))
            yield
        finally:
            loop.run_until_complete(session.close())
            loop.close()

    def settings(self, database: str, user: str = "football_writer", **others: Any) -> Database:
        password = user.removeprefix("football_") + "-secret"
        owner = "football_owner" if user == "football_migrator" else ""
        fields = {"host": "127.0.0.1", "authority": "", "owner": owner, "password": password} | others
        return Database(port=self.port, name=database, user=user, **fields)


class Redis:
    """A temporary Redis with a password, in plain text and with TLS; it may be stopped and started by a test."""

    def __init__(self, directory: Path, tls: Path) -> None:
        directory.mkdir()
        self.port, self.tls_port = free_port(), free_port()
        self.authority = str(tls / "ca.crt")
        # Only what a cache needs, as a careful deployment would grant it.
        (directory / "redis.conf").write_text(
            f'port {self.port}\ntls-port {self.tls_port}\nbind 127.0.0.1\nsave ""\ndir {directory}\n'
            f"tls-cert-file {tls}/host.crt\ntls-key-file {tls}/host.key\ntls-auth-clients no\n"
            f"user default off\nuser football on >{CACHE_PASSWORD} ~football:* +get +set +ping +client|setinfo\n"
        )
        self._configuration = directory / "redis.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(["redis-server", self._configuration], stdout=subprocess.DEVNULL)
        wait_until(lambda: answers(self.port), "Redis answers")

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    def settings(self, **others: Any) -> Cache:
        fields: dict[str, Any] = {
            "host": "127.0.0.1", "port": self.port, "authority": "", "password": CACHE_PASSWORD,
        }  # fmt: skip
        return Cache(user="football", **(fields | others))


def environment(directory: Path, database: Database, cache: Cache | None = None) -> dict[str, str]:
    """Return the FOOTBALL_* variables that say the same as the settings, with the passwords in files."""
    variables = {
        "FOOTBALL_DATABASE_HOST": database.host,
        "FOOTBALL_DATABASE_PORT": str(database.port),
        "FOOTBALL_DATABASE_NAME": database.name,
        "FOOTBALL_DATABASE_USER": database.user,
        "FOOTBALL_DATABASE_PASSWORD_FILE": str(directory / "database-password"),
        "FOOTBALL_DATABASE_SSLROOTCERT": database.authority,
        "FOOTBALL_DATABASE_OWNER": database.owner,
    }
    (directory / "database-password").write_text(database.password + "\n")
    if cache:
        variables |= {
            "FOOTBALL_CACHE_HOST": cache.host,
            "FOOTBALL_CACHE_PORT": str(cache.port),
            "FOOTBALL_CACHE_USER": cache.user,
            "FOOTBALL_CACHE_PASSWORD_FILE": str(directory / "cache-password"),
            "FOOTBALL_CACHE_CACERT": cache.authority,
        }
        (directory / "cache-password").write_text(cache.password + "\n")
    return variables


def python_environment() -> dict[str, str]:
    """Return what a child process needs of this one's environment, and no FOOTBALL_* variable."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FOOTBALL_")}
