"""What operators and the edge ask: health, version, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from time import perf_counter
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from football.database import reason
from football.metrics import exposition
from football.services import Services, Use

CHECK_SECONDS = 1.0

router = APIRouter(tags=["operations"])
_given_up: set[asyncio.Task[None]] = set()  # the event loop itself holds tasks only weakly


@router.get("/health/")
async def health(services: Use) -> JSONResponse:
    """Ask everything that the application uses."""
    database, cache = await asyncio.gather(
        _timed(services, _ask_database(services)), _timed(services, services.cache.ping())
    )
    healthy = database["status"] == cache["status"] == "healthy"
    return JSONResponse(
        {
            "status": "healthy" if healthy else "unhealthy",
            "checks": {"database": database, "cache": cache},
            "release": services.settings.release,
        },
        200 if healthy else 503,
    )


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Say that the process answers; a restart would help only when it does not."""
    return {"status": "alive"}


@router.get("/health/ready")
async def ready(services: Use) -> JSONResponse:
    """Say whether requests can be answered. They can without the cache, so it has no say here: losing it must not
    take every backend out of the edge."""
    database = await _timed(services, _ask_database(services))
    is_ready = database["status"] == "healthy"
    return JSONResponse(
        {"status": "ready" if is_ready else "not_ready", "checks": {"database": database}}, 200 if is_ready else 503
    )


@router.get("/version")
async def version(services: Use) -> dict[str, str]:
    settings = services.settings
    return {
        "release": settings.release,
        "commit": settings.commit,
        "image": settings.image,
        "colour": settings.colour,
    }


@router.get("/metrics")
async def metrics(services: Use) -> Response:
    return Response(await exposition(services), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _forget(task: asyncio.Task[None]) -> None:
    _given_up.discard(task)
    if not task.cancelled():
        task.exception()  # seen, so that asyncio does not report it as lost


async def _ask_database(services: Services) -> None:
    async with services.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def _timed(services: Services, question: Coroutine[Any, Any, None]) -> dict[str, Any]:
    """Answer how a check went; whatever goes wrong in it is the check's result, not an error of the health path."""
    started = perf_counter()
    task = asyncio.create_task(question)
    await asyncio.wait({task}, timeout=CHECK_SECONDS)
    error = ""
    if not task.done():
        error = f"no answer within {CHECK_SECONDS:g} s"
        _given_up.add(task)
        task.add_done_callback(_forget)
        task.cancel()  # not awaited: the driver takes its time to close a connection that hangs
    elif caught := task.exception():
        error = reason(caught)
    if services.settings.faults.health_failing:
        error = "planted fault FOOTBALL_FAULT_HEALTH"
    answer = {
        "status": "unhealthy" if error else "healthy",
        "latency_ms": round((perf_counter() - started) * 1000, 2),
    }
    return answer | ({"error": error} if error else {})
