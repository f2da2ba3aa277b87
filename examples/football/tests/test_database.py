"""Connections: TLS with verified names."""

import asyncio
from typing import Any

import pytest
from services import Postgres, Redis
from sqlalchemy import text

from football.cache import PredictionCache
from football.database import create_engine, reason, unavailable
from football.settings import Cache, Database


async def _uses_tls(settings: Database) -> bool:
    engine = create_engine(settings)
    try:
        async with engine.connect() as connection:
            query = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return bool(await connection.scalar(query))
    finally:
        await engine.dispose()


def test_database_tls_is_as_set(postgres: Postgres) -> None:
    assert not asyncio.run(_uses_tls(postgres.settings("postgres")))
    assert asyncio.run(_uses_tls(postgres.settings("postgres", host="localhost", authority=postgres.authority)))


def test_database_of_another_name_is_refused(postgres: Postgres) -> None:
    settings = postgres.settings("postgres", host="127.0.0.1", authority=postgres.authority)
    with pytest.raises(OSError, match="IP address mismatch") as caught:
        asyncio.run(_uses_tls(settings))
    assert unavailable(caught.value)
    assert "IP address mismatch" in reason(caught.value)


async def _ping(settings: Cache) -> None:
    cache = PredictionCache(settings)
    try:
        await cache.ping()
    finally:
        await cache.close()


def test_cache_tls_is_as_set(redis: Redis) -> None:
    tls: dict[str, Any] = {"port": redis.tls_port, "authority": redis.authority}
    asyncio.run(_ping(redis.settings(host="localhost", **tls)))
    with pytest.raises(Exception, match="IP address mismatch"):
        asyncio.run(_ping(redis.settings(host="127.0.0.1", **tls)))


def test_cache_with_a_wrong_password_is_refused(redis: Redis) -> None:
    with pytest.raises(Exception, match="invalid username-password pair"):
        asyncio.run(_ping(redis.settings(password="wrong")))
