"""Fills the database with the synthetic season, and with verified predictions for its latest finished rounds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from football import season
from football.forecast import Forecast
from football.model import Result, fit, outcome_of
from football.tables import data_syncs, matches, predictions, teams

PREDICTED_ROUNDS = 5  # so that the accuracy is known from the start
VERSION = "poisson-seed"
_LOCK = 0x73656564  # "seed"


async def seed(engine: AsyncEngine) -> int:
    """Bring teams, matches and the seeded predictions up to date; return how many rows that took."""
    played = season.matches()
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        changed = await _upsert(
            connection, teams, [{"id": number, "name": name} for number, name in enumerate(season.TEAMS, 1)]
        )
        changed += await _upsert(connection, matches, [_match_row(match) for match in played])
        changed += await _predict(connection, played)
        # A run that finds nothing new has still looked: the age of the data is counted from here.
        sync = insert(data_syncs).values(source=season.SOURCE, finished_at=func.now())
        await connection.execute(
            sync.on_conflict_do_update(index_elements=[data_syncs.c.source], set_={"finished_at": func.now()})
        )
    return changed


def _match_row(match: season.Match) -> dict[str, Any]:
    return {
        "id": match.id,
        "season": season.SEASON,
        "kickoff_at": match.kickoff_at,
        "home_team_id": match.home,
        "away_team_id": match.away,
        "home_goals": match.home_goals,
        "away_goals": match.away_goals,
        "source": season.SOURCE,
    }


async def _upsert(connection: AsyncConnection, table: Any, rows: list[dict[str, Any]]) -> int:
    """Insert the rows or correct those that differ; return how many it touched."""
    statement = insert(table).values(rows)
    wanted: dict[str, Any] = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    differs = or_(*(table.c[name].is_distinct_from(value) for name, value in wanted.items()))
    if "updated_at" in table.c:
        wanted["updated_at"] = func.now()
    statement = statement.on_conflict_do_update(index_elements=[table.c.id], set_=wanted, where=differs)
    return len((await connection.execute(statement.returning(table.c.id))).all())


async def _predict(connection: AsyncConnection, played: list[season.Match]) -> int:
    """Store what a model of the earlier rounds says about the latest finished ones, verified against their scores."""
    present = set(
        await connection.scalars(select(predictions.c.match_id).where(predictions.c.model_version == VERSION))
    )
    first = season.FINISHED_ROUNDS - PREDICTED_ROUNDS + 1
    if all(match.id in present for match in played if first <= match.round <= season.FINISHED_ROUNDS):
        return 0  # the model is the costly part
    finished = [
        (match, Result(match.home, match.away, match.home_goals, match.away_goals))
        for match in played
        if match.home_goals is not None and match.away_goals is not None
    ]
    model = fit([result for match, result in finished if match.round < first])
    forecast = Forecast(model, VERSION, {match.id: (match.home, match.away) for match, _ in finished})
    rows = []
    for match, result in finished:
        if match.round < first or match.id in present:
            continue
        prediction = forecast.predict(match.id, at=match.kickoff_at - timedelta(days=1))
        actual = outcome_of(result.home_goals, result.away_goals)
        rows.append(
            prediction.model_dump()
            | {
                "actual_result": actual,
                "is_correct": prediction.predicted_outcome == actual,
                "verified_at": match.kickoff_at + timedelta(hours=2),
            }
        )
    if rows:
        await connection.execute(insert(predictions), rows)
    return len(rows)
