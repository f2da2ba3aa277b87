"""API keys. Stored as plain SHA-256: a key is random and long, so a slow hash would protect nothing and cost every
request; guessing it from the hash is as hopeless as guessing it at the door."""

from __future__ import annotations

import asyncio
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from football.tables import api_keys, key_closed

CACHE_SECONDS = 5.0  # so long may a revoked or expired key still open the door
MIN_LENGTH = 32


class Key(NamedTuple):
    """Whose key it is, and why it opens no more: revoked, expired, or nothing."""

    name: str
    closed: str


class KeyRing:
    """Looks keys up in the database; known keys are remembered for CACHE_SECONDS, unknown ones never."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: dict[str, tuple[float, Key]] = {}
        self._locks = [asyncio.Lock() for _ in range(16)]

    async def find(self, key: str) -> Key | None:
        digest = hash_key(key)
        if found := self._remembered(digest):
            return found
        async with self._locks[int(digest[0], 16)]:  # requests that come with one key ask once for it
            if found := self._remembered(digest):
                return found
            query = select(api_keys.c.name, key_closed).where(api_keys.c.key_sha256 == digest)
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).one_or_none()
            if row is None:
                self._known.pop(digest, None)
                return None
            found = Key(*row)
            self._known[digest] = (monotonic() + CACHE_SECONDS, found)
            return found

    def _remembered(self, digest: str) -> Key | None:
        expires, key = self._known.get(digest, (0.0, None))
        return key if monotonic() < expires else None


def hash_key(key: str) -> str:
    return sha256(key.encode()).hexdigest()


async def add(engine: AsyncEngine, name: str, key: str, revoked: bool, expires: datetime | None = None) -> str:
    """Store a key under a name, in place of the name's former key; return added, changed or unchanged."""
    digest = hash_key(key)
    async with engine.begin() as connection:
        columns = (api_keys.c.key_sha256, api_keys.c.revoked_at, api_keys.c.expires_at)
        query = select(*columns).where(api_keys.c.name == name)
        row = (await connection.execute(query.with_for_update())).one_or_none()
        if row and (row.key_sha256, row.revoked_at is not None, row.expires_at) == (digest, revoked, expires):
            return "unchanged"
        values = {"key_sha256": digest, "revoked_at": func.now() if revoked else None, "expires_at": expires}
        statement = insert(api_keys).values(name=name, **values)
        await connection.execute(statement.on_conflict_do_update(index_elements=[api_keys.c.name], set_=values))
    return "changed" if row else "added"


async def revoke(engine: AsyncEngine, name: str) -> str:
    """Revoke a key; return revoked, unchanged (it was already) or unknown."""
    async with engine.begin() as connection:
        query = select(api_keys.c.revoked_at).where(api_keys.c.name == name)
        row = (await connection.execute(query.with_for_update())).one_or_none()
        if row is None:
            return "unknown"
        if row.revoked_at is not None:
            return "unchanged"
        await connection.execute(api_keys.update().where(api_keys.c.name == name).values(revoked_at=func.now()))
    return "revoked"


async def names(engine: AsyncEngine) -> list[Key]:
    """Return every key's name and state."""
    async with engine.connect() as connection:
        rows = await connection.execute(select(api_keys.c.name, key_closed).order_by(api_keys.c.name))
        return [Key(*row) for row in rows]
