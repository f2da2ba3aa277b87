"""Schema migrations: Alembic in one transaction, one at a time, never waiting long for a lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from football.database import create_engine
from football.settings import Database

LOCK_SECONDS = 3
_LOCK = 0x666F6F74  # "foot": any number that nothing else in this database locks


class UnknownRevision(Exception):
    """The database is at a revision that this release does not have; the text is the revision."""


def _config(**attributes: Any) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes.update(attributes)
    return config


def head() -> str:
    """Return the one newest revision that this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or "none"


async def current(settings: Database) -> str:
    """Return the revision of the database, "none" before the first migration."""
    engine = create_engine(settings)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_revision) or "none"
    finally:
        await engine.dispose()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(settings: Database, revision: str = "head") -> list[str]:
    """Bring the schema to `revision` and return a line for every revision applied.

    Everything happens in one transaction: a failure leaves the schema as it was.

    :raises UnknownRevision: when a newer release has migrated the database
    :raises sqlalchemy.exc.DBAPIError: with SQLSTATE 55P03 when a lock was not free within LOCK_SECONDS
    """
    applied: list[str] = []

    def note(*, step: Any, **_: Any) -> None:
        applied.append(f"Running upgrade {''.join(step.down_revision_ids) or 'base'} -> {step.up_revision_id}")

    def run(connection: Connection) -> None:
        at = _revision(connection)
        if at and at not in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}:
            raise UnknownRevision(at)
        command.upgrade(_config(connection=connection, owner=settings.owner, on_version_apply=note), revision)

    engine = create_engine(settings, statement_seconds=None)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            await connection.run_sync(run)
    finally:
        await engine.dispose()
    return applied


def emit(span: str, output: TextIO) -> None:
    """Write the SQL of the revisions in `span` (OLD:NEW) without touching a database."""
    command.upgrade(_config(output=output), span, sql=True)
