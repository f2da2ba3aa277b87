"""Connections to PostgreSQL, and what its errors mean."""

from __future__ import annotations

import ssl

from asyncpg import PostgresError
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from football.settings import Database

POOL_SIZE = 5  # per worker: two hosts, two colours and two workers make 40 connections
CONNECT_SECONDS = 2.0
STATEMENT_SECONDS = 3.0

# SQLSTATE classes: connection failure, refused login, out of resources, shut down by the operator.
_UNAVAILABLE_CLASSES = {"08", "28", "53", "57"}
# What a statement may raise; `unavailable` tells what it means. A refused connection arrives as the driver's own error.
ERRORS = (DBAPIError, PoolTimeout, PostgresError, OSError)


def create_engine(settings: Database, statement_seconds: float | None = STATEMENT_SECONDS) -> AsyncEngine:
    """Return an engine with a small pool; nothing is connected before the first statement.

    :param statement_seconds: longest wait for one statement; None for a migration, which bounds its locks instead
    """
    return create_async_engine(
        URL.create("postgresql+asyncpg", settings.user, settings.password, settings.host, settings.port, settings.name),
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,  # an error may be logged, the values of a statement must not
        connect_args={
            "ssl": ssl.create_default_context(cafile=settings.authority) if settings.authority else False,
            "timeout": CONNECT_SECONDS,
            "command_timeout": statement_seconds,
            "server_settings": {"application_name": "football"},
        },
    )


def unavailable(error: BaseException) -> bool:
    """Tell whether the database could not be used at all, rather than a statement being wrong."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return (
            error.connection_invalidated
            or isinstance(error, InterfaceError | OperationalError)
            or state[:2] in _UNAVAILABLE_CLASSES
        )
    return isinstance(error, PostgresError | PoolTimeout | OSError)


def reason(error: BaseException) -> str:
    """Return the telling line of a database error, without SQLAlchemy's wrapping and without any value."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    line = (str(cause).strip().splitlines() or [type(error).__name__])[0]
    return line.rsplit(">: ", 1)[-1]  # the driver's class name stands before it
