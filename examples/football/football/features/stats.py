"""Accuracy by team."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import func, or_, select

from football.api import PREFIX
from football.services import Use
from football.tables import accuracy, matches, predictions, teams

router = APIRouter(prefix=PREFIX, tags=["stats"])


class TeamAccuracy(BaseModel):
    """How often the verified predictions of a team's matches were right."""

    team: str
    verified: int
    accuracy: float


@router.get("/stats")
async def stats(services: Use) -> list[TeamAccuracy]:
    """Return the accuracy by team, best first; teams without a verified prediction are left out."""
    query = (
        select(teams.c.name.label("team"), func.count().label("verified"), accuracy.label("accuracy"))
        .join(matches, or_(matches.c.home_team_id == teams.c.id, matches.c.away_team_id == teams.c.id))
        .join(predictions, predictions.c.match_id == matches.c.id)
        .where(predictions.c.verified_at.is_not(None))
        .group_by(teams.c.name)
        .order_by(accuracy.desc(), teams.c.name)
    )
    async with services.engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    return [TeamAccuracy(**row._mapping) for row in rows]
