"""The application as uvicorn's workers make it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from football import api, features, logs, metrics, operations
from football.database import ERRORS, unavailable
from football.forecast import NothingToLearnFrom, UnknownMatch
from football.observe import Observe, error_answer
from football.services import Services
from football.settings import Environment, Server


def create_app(settings: Server | None = None) -> FastAPI:
    """Return the application, by default with the settings of the environment."""
    logs.configure()
    services = Services(settings or Server.read(Environment(os.environ)))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        metrics.forget_dead_workers()
        await services.warm()
        yield
        await services.close()

    app = FastAPI(
        title="Football predictions",
        version=services.settings.release,
        docs_url=None,  # the pages load scripts from elsewhere; the schema stays at /openapi.json
        redoc_url=None,
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # Observe does it, without an exporter
    )
    app.state.services = services
    app.include_router(operations.router)
    for feature in features.discover():  # first: the core's /{match_id} takes whatever it is offered
        app.include_router(feature, dependencies=api.guards)
    app.include_router(api.router, dependencies=api.guards)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(UnknownMatch)(_unknown_match)
    app.exception_handler(NothingToLearnFrom)(_nothing_to_learn_from)
    for kind in ERRORS:
        app.exception_handler(kind)(_database_error)
    app.add_middleware(Observe)
    return app


async def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    answer = error_answer(error.status_code, error.detail, request.url.path)
    answer.headers.update(error.headers or {})
    return answer


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    problems = [f"{'.'.join(str(part) for part in row['loc'])}: {row['msg']}" for row in error.errors()]
    return error_answer(422, "; ".join(problems), request.url.path)


async def _unknown_match(request: Request, error: UnknownMatch) -> JSONResponse:
    return error_answer(404, str(error), request.url.path)


async def _nothing_to_learn_from(request: Request, error: NothingToLearnFrom) -> JSONResponse:
    return error_answer(503, f"There is {error}.", request.url.path)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    if not unavailable(error):
        raise error
    return error_answer(503, "The database is not available.", request.url.path)
