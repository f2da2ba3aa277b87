"""Redis as a cache only: an answer never depends on it."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from football.settings import Cache

TTL_SECONDS = 300
POOL_SIZE = 4  # few, because a burst that opens many TLS connections at once would run into ANSWER_SECONDS
SOCKET_SECONDS = 1.0
ANSWER_SECONDS = 0.5  # longest that a request waits for the cache
REST_SECONDS = 2.0  # after a failure; then one request tries again while the others go on without

ERRORS = (RedisError, OSError)

log = logging.getLogger(__name__)


class PredictionCache:
    """Predictions as the JSON that is answered, by match and model version. All keys begin with `football:`."""

    def __init__(self, settings: Cache) -> None:
        tls: dict[str, Any] = {}
        if settings.authority:
            tls = {"connection_class": SSLConnection, "ssl_ca_certs": settings.authority, "ssl_check_hostname": True}
        pool = BlockingConnectionPool(
            max_connections=POOL_SIZE,
            timeout=SOCKET_SECONDS,
            host=settings.host,
            port=settings.port,
            username=settings.user,
            password=settings.password,
            socket_timeout=SOCKET_SECONDS,
            socket_connect_timeout=SOCKET_SECONDS,
            retry=Retry(NoBackoff(), 1),  # once, for the kept connection that a restarted server has closed
            **tls,
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._rests_until = 0.0

    async def get(self, match_id: int, model_version: str) -> bytes | None:
        if self._is_resting():
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                value = await self._redis.get(_key(match_id, model_version))
        except ERRORS as error:
            self._rest(error)
            return None
        self._rests_until = 0.0
        return value.encode() if isinstance(value, str) else value

    async def put(self, match_id: int, model_version: str, answer: bytes) -> None:
        if self._rests_until:
            return
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._redis.set(_key(match_id, model_version), answer, ex=TTL_SECONDS)
        except ERRORS as error:
            self._rest(error)

    async def ping(self) -> None:
        """Ask the server itself, resting or not, and raise what goes wrong."""
        await self._redis.ping()

    async def close(self) -> None:
        await self._redis.aclose()

    def _is_resting(self) -> bool:
        now = monotonic()
        if self._rests_until and now >= self._rests_until:
            self._rests_until = now + REST_SECONDS  # for all but the one who asked
            return False
        return now < self._rests_until

    def _rest(self, error: Exception) -> None:
        if not self._rests_until:  # once an outage, not once a request
            log.warning("The cache does not answer, it is left alone: %s", str(error) or "no answer in time")
        self._rests_until = monotonic() + REST_SECONDS


def _key(match_id: int, model_version: str) -> str:
    return f"football:prediction:{model_version}:{match_id}"
