"""What a worker keeps open for its requests."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from football import cache, database
from football.cache import PredictionCache
from football.database import create_engine
from football.forecast import Forecaster, NothingToLearnFrom
from football.keys import KeyRing
from football.settings import Server

WARM_SECONDS = 2.0

log = logging.getLogger(__name__)


class Services:
    """Connections and caches of one worker."""

    def __init__(self, settings: Server) -> None:
        self.settings = settings
        self.engine: AsyncEngine = create_engine(settings.database)
        self.cache = PredictionCache(settings.cache)
        self.keys = KeyRing(self.engine)
        self.forecaster = Forecaster(self.engine)

    async def warm(self) -> None:
        """Connect and fit before the first request has to wait for it; what is down now may be up by then."""
        try:
            async with asyncio.timeout(WARM_SECONDS):
                await self.cache.ping()
                await self.forecaster.current()
        except (*cache.ERRORS, *database.ERRORS, NothingToLearnFrom) as error:
            log.warning("Starting cold: %s", database.reason(error))

    async def close(self) -> None:
        await self.cache.close()
        await self.engine.dispose()


async def _of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Use = Annotated[Services, Depends(_of)]
