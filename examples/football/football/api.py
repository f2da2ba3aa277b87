"""The predictions API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response, Security
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field
from sqlalchemy import Row, func, insert, select, update
from starlette.requests import Request

from football.forecast import PredictionResult, UnknownMatch
from football.keys import READ, WRITE
from football.metrics import PREDICTIONS
from football.model import Outcome
from football.services import Services, Use
from football.tables import accuracy, predictions

MatchId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Query(ge=1, le=100)]
PREFIX = "/api/v1/predictions"

_header = APIKeyHeader(name="X-API-Key", auto_error=False)


async def require_key(request: Request, services: Use, key: Annotated[str | None, Security(_header)]) -> None:
    """Let a request with a valid key pass and note whose it is."""
    if not key:
        raise HTTPException(401, "The header X-API-Key is missing.")
    found = await services.keys.find(key)
    if found is None:
        raise HTTPException(401, "The API key is unknown.")
    if found.closed:
        raise HTTPException(403, f"The API key has {'expired' if found.closed == 'expired' else 'been revoked'}.")
    request.state.client = found.name
    request.state.scopes = found.scopes
    allow(request, READ)


def allow(request: Request, scope: str) -> None:
    """Refuse a key that was not given a scope."""
    if scope not in request.state.scopes:
        raise HTTPException(403, f"The API key lacks the scope {scope}.")


async def may_write(request: Request) -> None:
    allow(request, WRITE)


async def disturb(services: Use) -> None:
    await services.settings.faults.disturb()


guards: Sequence[Any] = (Depends(require_key), Depends(disturb))
writing: Sequence[Any] = (Depends(may_write),)  # after the guards, which know the key
router = APIRouter(prefix=PREFIX, tags=["predictions"])


class StoredPrediction(PredictionResult):
    """A prediction that was stored, with what became of it."""

    actual_result: Outcome | None
    is_correct: bool | None


class History(BaseModel):
    """Stored predictions, newest first."""

    total: int
    predictions: list[StoredPrediction]


class BatchRequest(BaseModel):
    """Matches to predict in one call."""

    match_ids: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] = Field(min_length=1, max_length=100)


class BatchResult(BaseModel):
    """Predictions in the order asked for; unknown matches are listed as failed."""

    predictions: list[PredictionResult]
    total: int
    success_count: int
    failed_count: int
    failed_match_ids: list[int]


class Verification(BaseModel):
    """The latest prediction of a match against its result."""

    match_id: int
    prediction: Outcome
    actual_result: Outcome
    is_correct: bool
    accuracy_score: float = Field(description="Share of all verified predictions that were right, these included.")


# Routes with a fixed last part come before /{match_id}, which would take "recent" for a match.
@router.get("/recent")
async def recent(services: Use, limit: Limit = 20, hours: Annotated[int, Query(ge=1, le=168)] = 24) -> History:
    """Return the predictions stored in the last hours."""
    since = datetime.now(UTC) - timedelta(hours=hours)
    return await _stored(services, predictions.c.predicted_at >= since, limit)


@router.post("/batch")
async def batch(services: Use, request: BatchRequest) -> BatchResult:
    """Predict several matches without storing the predictions."""
    forecast = await services.forecaster.current()
    known = [match_id for match_id in request.match_ids if match_id in forecast.teams]
    failed = [match_id for match_id in request.match_ids if match_id not in forecast.teams]
    PREDICTIONS.inc(len(known))
    return BatchResult(
        predictions=[forecast.predict(match_id) for match_id in known],
        total=len(request.match_ids),
        success_count=len(known),
        failed_count=len(failed),
        failed_match_ids=failed,
    )


@router.get("/history/{match_id}")
async def history(services: Use, match_id: MatchId, limit: Limit = 20) -> History:
    """Return the stored predictions of a match."""
    if match_id not in (await services.forecaster.current()).teams:
        raise UnknownMatch(f"Match {match_id} is unknown.")
    return await _stored(services, predictions.c.match_id == match_id, limit)


@router.get("/{match_id}", response_model=PredictionResult)
async def get(services: Use, match_id: MatchId) -> Response:
    """Predict a match; the answer may be a few minutes old while the results it rests on are the same."""
    forecast = await services.forecaster.current()
    answer = await services.cache.get(match_id, forecast.version)
    if answer is None:
        answer = forecast.predict(match_id).model_dump_json().encode()
        await services.cache.put(match_id, forecast.version, answer)
    PREDICTIONS.inc()
    return Response(answer, media_type="application/json")


@router.post("/{match_id}/predict", status_code=201, dependencies=writing)
async def predict(services: Use, match_id: MatchId) -> PredictionResult:
    """Predict a match anew and store the prediction."""
    forecast = await services.forecaster.current()
    result = forecast.predict(match_id)
    async with services.engine.begin() as connection:
        await connection.execute(insert(predictions).values(**result.model_dump()))
    PREDICTIONS.inc()
    return result


@router.post("/{match_id}/verify", dependencies=writing)
async def verify(services: Use, match_id: MatchId, actual_result: Outcome) -> Verification:
    """Note the result of a match on all its stored predictions."""
    statement = (
        update(predictions)
        .where(predictions.c.match_id == match_id)
        .values(
            actual_result=actual_result,
            is_correct=predictions.c.predicted_outcome == actual_result,
            verified_at=func.now(),
        )
        .returning(predictions.c.predicted_at, predictions.c.predicted_outcome, predictions.c.is_correct)
    )
    async with services.engine.begin() as connection:
        rows = (await connection.execute(statement)).all()
        if not rows:
            raise HTTPException(404, f"Match {match_id} has no stored prediction.")
        share: float = (await connection.execute(select(accuracy))).scalar_one()
    latest = max(rows, key=lambda row: row.predicted_at)
    return Verification(
        match_id=match_id,
        prediction=latest.predicted_outcome,
        actual_result=actual_result,
        is_correct=latest.is_correct,
        accuracy_score=share,
    )


async def _stored(services: Services, condition: Any, limit: int) -> History:
    columns = [predictions.c[name] for name in StoredPrediction.model_fields]
    query = select(*columns).where(condition).order_by(predictions.c.predicted_at.desc()).limit(limit)
    async with services.engine.connect() as connection:
        rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return History(total=len(rows), predictions=[StoredPrediction(**row._mapping) for row in rows])
