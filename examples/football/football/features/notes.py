"""Notes: an analyst's remark on a match's latest prediction, with who changed it and when."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import Column, DateTime, ForeignKey, Identity, Integer, Table, Text, column, func, insert, select, table
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from football.api import PREFIX, MatchId, writing
from football.services import Use
from football.tables import metadata, predictions

router = APIRouter(prefix=PREFIX, tags=["notes"])

# The column that migration 0002 added; the core's table does not name it and so never reads it.
noted = table("predictions", column("id", Integer), column("note", Text))

note_changes = Table(
    "note_changes",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("prediction_id", ForeignKey("predictions.id"), nullable=False),
    Column("note", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class NoteRequest(BaseModel):
    """The new text of a note."""

    note: str = Field(min_length=1, max_length=500)


class NoteChange(BaseModel):
    """One change of a note, by the name of the API key that made it."""

    note: str
    author: str
    changed_at: datetime


class Note(BaseModel):
    """The note of a match's latest prediction and its changes, newest first."""

    match_id: int
    note: str | None
    changes: list[NoteChange]


@router.get("/{match_id}/note")
async def get(services: Use, match_id: MatchId) -> Note:
    async with services.engine.connect() as connection:
        return await _note(connection, match_id, await _latest(connection, match_id))


@router.put("/{match_id}/note", dependencies=writing)
async def put(services: Use, match_id: MatchId, body: NoteRequest, request: Request) -> Note:
    async with services.engine.begin() as connection:
        prediction_id = await _latest(connection, match_id)
        await connection.execute(noted.update().where(noted.c.id == prediction_id).values(note=body.note))
        await connection.execute(
            insert(note_changes).values(prediction_id=prediction_id, note=body.note, author=request.state.client)
        )
        return await _note(connection, match_id, prediction_id)


async def _latest(connection: AsyncConnection, match_id: int) -> int:
    query = select(predictions.c.id).where(predictions.c.match_id == match_id)
    found: int | None = await connection.scalar(query.order_by(predictions.c.predicted_at.desc()).limit(1))
    if found is None:
        raise HTTPException(404, f"Match {match_id} has no stored prediction.")
    return found


async def _note(connection: AsyncConnection, match_id: int, prediction_id: int) -> Note:
    note = await connection.scalar(select(noted.c.note).where(noted.c.id == prediction_id))
    query = select(note_changes.c.note, note_changes.c.author, note_changes.c.changed_at)
    rows = await connection.execute(
        query.where(note_changes.c.prediction_id == prediction_id).order_by(note_changes.c.id.desc())
    )
    return Note(match_id=match_id, note=note, changes=[NoteChange(**row._mapping) for row in rows])
