"""Around every request: its id, its metrics, its log line, and an orderly answer when the code fails."""

from __future__ import annotations

import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from football.logs import request_id
from football.metrics import DURATION, IN_FLIGHT, REQUESTS

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_WELL_FORMED = re.compile(r"[A-Za-z0-9._:-]{1,128}")

access = logging.getLogger("football.access")
log = logging.getLogger(__name__)


def error_answer(status: int, message: str, path: str) -> JSONResponse:
    """Return the one shape that every error of this application has."""
    return JSONResponse({"error": True, "status_code": status, "message": message, "path": path}, status)


class Observe:
    """ASGI middleware; pure, because Starlette's base class costs every request a task of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("X-Request-ID", "")
        identity = given if _WELL_FORMED.fullmatch(given) else uuid4().hex
        token = request_id.set(identity)
        status = 0
        started = perf_counter()

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = identity
            await send(message)

        IN_FLIGHT.inc()
        try:
            await self._app(scope, receive, answer)
        except Exception:
            log.exception("A request failed.")
            if status:  # too late for another answer: uvicorn has to cut the connection
                raise
            await error_answer(500, "Internal error.", scope["path"])(scope, receive, answer)
        finally:
            IN_FLIGHT.dec()
            _record(scope, status, perf_counter() - started)
            request_id.reset(token)


def _record(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = getattr(scope.get("route"), "path", "unmatched")
    REQUESTS.labels(method, route, status).inc()
    DURATION.labels(method, route).observe(seconds)
    fields = {"method": method, "route": route, "status": status, "duration_ms": round(seconds * 1000, 2)}
    access.info("%s %s %s", method, route, status, extra={"fields": fields})
