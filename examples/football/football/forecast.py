"""The model of the finished matches in the database, and what it says about a match."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from time import monotonic

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from football.model import Model, Outcome, Result, fit
from football.tables import matches

CHECK_SECONDS = 5.0


class PredictionResult(BaseModel):
    """A prediction as the API answers it."""

    match_id: int
    home_win_prob: float
    draw_prob: float
    away_win_prob: float
    predicted_outcome: Outcome
    confidence: float
    model_version: str
    predicted_at: datetime


class UnknownMatch(Exception):
    """There is no match of this number; the text is a sentence."""


class NothingToLearnFrom(Exception):
    """The database has no finished match."""

    def __str__(self) -> str:
        return "no finished match to learn from: run the seed command"


@dataclass(frozen=True)
class Forecast:
    """A model, the name of the data that it was fitted to, and the two teams of every match."""

    model: Model
    version: str
    teams: Mapping[int, tuple[int, int]]

    def predict(self, match_id: int, at: datetime | None = None) -> PredictionResult:
        """Return the prediction of a match.

        :raises UnknownMatch: when there is none of this number
        """
        if match_id not in self.teams:
            raise UnknownMatch(f"Match {match_id} is unknown.")
        chances = self.model.predict(*self.teams[match_id])
        return PredictionResult(
            match_id=match_id,
            home_win_prob=chances.home,
            draw_prob=chances.draw,
            away_win_prob=chances.away,
            predicted_outcome=chances.outcome,
            confidence=max(chances),
            model_version=self.version,
            predicted_at=at or datetime.now(UTC),
        )


class Forecaster:
    """Keeps the forecast, looks every CHECK_SECONDS whether the matches have changed, and then makes it anew.

    A prediction itself needs no database, so losing the cache does not put the load on the database instead.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._forecast: Forecast | None = None
        self._checked = 0.0
        self._lock = asyncio.Lock()

    async def current(self) -> Forecast:
        """Return the forecast of the present matches.

        :raises NothingToLearnFrom: when no match is finished
        """
        if self._forecast and monotonic() < self._checked + CHECK_SECONDS:
            return self._forecast
        async with self._lock:
            if not self._forecast or monotonic() >= self._checked + CHECK_SECONDS:
                async with self._engine.connect() as connection:
                    version = await _version(connection)
                    if not self._forecast or self._forecast.version != version:
                        self._forecast = await _make(connection, version)
                self._checked = monotonic()
            return self._forecast


async def _version(connection: AsyncConnection) -> str:
    """Name the model by the matches that it rests on: the same data has the same name in every worker and host."""
    query = select(func.count(), func.count(matches.c.home_goals), func.max(matches.c.updated_at))
    count, finished, newest = (await connection.execute(query)).one()
    digest = sha256(f"{count} {finished} {newest and newest.isoformat()}".encode()).hexdigest()
    return f"poisson-{finished}-{digest[:8]}"


async def _make(connection: AsyncConnection, version: str) -> Forecast:
    columns = ("id", "home_team_id", "away_team_id", "home_goals", "away_goals")
    rows = (await connection.execute(select(*(matches.c[name] for name in columns)))).all()
    results = [Result(*row[1:]) for row in rows if row.home_goals is not None]
    if not results:
        raise NothingToLearnFrom
    return Forecast(fit(results), version, {row.id: (row.home_team_id, row.away_team_id) for row in rows})
