"""Command line: `python -m football COMMAND`.

Exit codes: 0 done, 1 tried and failed, 2 a setting is wrong, 3 the server could not start (uvicorn's own code).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from alembic.util import CommandError as AlembicError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from football import RELEASE, keys, migrate
from football.database import ERRORS, create_engine, reason
from football.seed import seed
from football.settings import Database, Environment, Server, SettingsError, Worker, read_secret

# Every address of the container; which of them can be reached is for the deployment to say.
HOST = "0.0.0.0"  # nosec B104
KEEP_ALIVE_SECONDS = 75  # above the edge's: it must be the edge that closes an idle connection
DRAIN_SECONDS = 20
LOCK_NOT_AVAILABLE = "55P03"


class CommandError(Exception):
    """A command was understood and failed; the text is one sentence, the code the exit code."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(arguments)
    environment = Environment(os.environ)
    try:
        options.run(options, environment)
    except SettingsError as error:
        print(f"football: {error}", file=sys.stderr)
        return 2
    except CommandError as error:
        print(f"football: {error}", file=sys.stderr)
        return error.code
    except ERRORS as error:
        where = f"{environment.text('FOOTBALL_DATABASE_HOST')}:{environment.text('FOOTBALL_DATABASE_PORT', '5432')}"
        print(f"football: {options.command} failed at database {where}: {reason(error)}.", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="football", description="Football match predictions.")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, run: Callable[[argparse.Namespace, Environment], None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("serve", _serve, "Answer requests until SIGTERM.")
    add("work", _work, "Import matches at every interval until SIGTERM.")
    command = add("migrate", _migrate, "Bring the database schema to this release's head.")
    command.add_argument("--sql", metavar="OLD:NEW", help="print the SQL of these revisions instead of running it")
    add("current", _current, "Print the schema revision of the database.")
    add("head", lambda *_: print(migrate.head()), "Print the newest schema revision of this release.")
    add("seed", _seed, "Fill in the synthetic season.")
    command = add("api-key", _api_key, "Manage API keys.")
    actions = command.add_subparsers(dest="action", required=True)
    action = actions.add_parser("issue", help="store a key under a name, in place of the name's former key")
    action.add_argument("name")
    action.add_argument("--key-file", type=Path, required=True, help="file with the key, - for standard input")
    action.add_argument("--scope", choices=keys.SCOPES, action="append", required=True, help="what it opens; repeat it")
    action.add_argument("--expires", type=_day, metavar="YYYY-MM-DD", help="the day (UTC) from which it opens no more")
    actions.add_parser("list", help="print what is known of them, as JSON")
    action = actions.add_parser("revoke", help="let a key open no more doors")
    action.add_argument("name")
    return parser


def _serve(_: argparse.Namespace, environment: Environment) -> None:
    settings = Server.read(environment)
    if settings.faults.start_refused:
        raise CommandError("start refused by the planted fault FOOTBALL_FAULT_START.", code=3)
    import uvicorn  # only `serve` pays for it

    from football import logs

    logs.configure()
    with tempfile.TemporaryDirectory(prefix="football-metrics-") as directory:
        # The workers inherit it, and have it before they import football.metrics.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory
        uvicorn.run(
            "football.app:create_app",
            factory=True,
            host=HOST,
            port=settings.port,
            workers=settings.workers,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_worker_healthcheck=30,  # a worker on a busy host is slow, not dead
            log_config=None,
            access_log=False,
            server_header=False,
        )


def _work(_: argparse.Namespace, environment: Environment) -> None:
    settings = Worker.read(environment)
    from football import importer, logs

    logs.configure()
    asyncio.run(importer.run(settings))


def _migrate(options: argparse.Namespace, environment: Environment) -> None:
    if options.sql:
        try:
            migrate.emit(options.sql, sys.stdout)
        except AlembicError as error:
            raise CommandError(f"cannot show the SQL of {options.sql}: {error}.") from None
        return
    settings = Database.read(environment)
    try:
        lines = asyncio.run(migrate.upgrade(settings))
    except migrate.UnknownRevision as error:
        raise CommandError(
            f"database {settings.name} is at revision {error}, which release {RELEASE} does not have; nothing was "
            "changed, a newer release has migrated it already."
        ) from None
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
            raise
        raise CommandError(
            f"a lock in database {settings.name} was not free within {migrate.LOCK_SECONDS} s; nothing was changed, "
            "run migrate again when the other migration or long transaction has ended."
        ) from None
    print("\n".join(lines) or f"Schema is at {migrate.head()} already.")


def _current(_: argparse.Namespace, environment: Environment) -> None:
    print(asyncio.run(migrate.current(Database.read(environment))))


def _seed(_: argparse.Namespace, environment: Environment) -> None:
    changed = _with_engine(environment, seed)
    print(f"seeded {changed}" if changed else "unchanged")


def _api_key(options: argparse.Namespace, environment: Environment) -> None:
    if options.action == "list":
        print(json.dumps([row._asdict() for row in _with_engine(environment, keys.listing)], indent=2))
        return
    if options.action == "revoke":
        outcome = _with_engine(environment, lambda engine: keys.revoke(engine, options.name))
        if outcome == "unknown":
            raise CommandError(f"no API key is named {options.name}; `api-key list` shows the names.")
        print(outcome)
        return
    standard_input = options.key_file == Path("-")
    key = sys.stdin.readline().strip() if standard_input else read_secret(options.key_file, "--key-file")
    if len(key) < keys.MIN_LENGTH:
        where = "on standard input" if standard_input else f"in {options.key_file}"
        raise SettingsError(f"the key {where} has {len(key)} characters, wanted {keys.MIN_LENGTH} or more random ones.")
    try:
        print(
            _with_engine(
                environment, lambda engine: keys.issue(engine, options.name, key, options.scope, options.expires)
            )
        )
    except keys.RevokedError as error:
        raise CommandError(f"this key of {error} was revoked and is not let in again; issue another one.") from None


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def _with_engine[T](environment: Environment, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    settings = Database.read(environment)

    async def run() -> T:
        engine = create_engine(settings)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(run())
