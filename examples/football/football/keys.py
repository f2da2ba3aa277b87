"""API keys. Stored as plain SHA-256: a key is random and long, so a slow hash would protect nothing and cost every
request; guessing it from the hash is as hopeless as guessing it at the door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
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
READ, WRITE = SCOPES = ("read", "write")
SHOWN_DIGITS = 16  # of a hash: enough to compare a key with, not enough to be it


class Key(NamedTuple):
    """Whose key it is, why it opens no more (revoked, expired, or nothing), and what it opens."""

    name: str
    closed: str
    scopes: frozenset[str]


class Row(NamedTuple):
    """What is listed of a key."""

    name: str
    state: str  # active, revoked or expired
    scopes: list[str]
    expires: str | None
    sha256: str  # its first digits


class RevokedError(Exception):
    """The key was revoked, so it is not let in again; the text is its name."""


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
            query = select(api_keys.c.name, key_closed, api_keys.c.scopes).where(api_keys.c.key_sha256 == digest)
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).one_or_none()
            if row is None:
                self._known.pop(digest, None)
                return None
            found = Key(row[0], row[1], frozenset(row[2]))
            self._known[digest] = (monotonic() + CACHE_SECONDS, found)
            return found

    def _remembered(self, digest: str) -> Key | None:
        expires, key = self._known.get(digest, (0.0, None))
        return key if monotonic() < expires else None


def hash_key(key: str) -> str:
    return sha256(key.encode()).hexdigest()


async def issue(
    engine: AsyncEngine, name: str, key: str, scopes: Iterable[str], expires: datetime | None = None
) -> str:
    """Store a key under a name, in place of the name's former key; return issued, changed or unchanged.

    :raises RevokedError: when this very key was revoked
    """
    values = {"key_sha256": hash_key(key), "scopes": sorted(set(scopes)), "expires_at": expires}
    async with engine.begin() as connection:
        columns = (api_keys.c.revoked_at, *(api_keys.c[column] for column in values))
        query = select(*columns).where(api_keys.c.name == name)
        row = (await connection.execute(query.with_for_update())).one_or_none()
        if row and row.revoked_at is not None and row.key_sha256 == values["key_sha256"]:
            raise RevokedError(name)
        if row and row.revoked_at is None and {column: row._mapping[column] for column in values} == values:
            return "unchanged"
        statement = insert(api_keys).values(name=name, **values)
        update = {**values, "revoked_at": None}
        await connection.execute(statement.on_conflict_do_update(index_elements=[api_keys.c.name], set_=update))
    return "changed" if row else "issued"


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


async def listing(engine: AsyncEngine) -> list[Row]:
    """Return what may be shown of every key, by name."""
    columns = (api_keys.c.name, key_closed, api_keys.c.scopes, api_keys.c.expires_at, api_keys.c.key_sha256)
    async with engine.connect() as connection:
        rows = await connection.execute(select(*columns).order_by(api_keys.c.name))
        return [
            Row(name, closed or "active", scopes, expires and expires.isoformat(), digest[:SHOWN_DIGITS])
            for name, closed, scopes, expires, digest in rows
        ]
