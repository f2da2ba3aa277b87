"""The worker: brings the matches up to date, again and again, until it is asked to end."""

from __future__ import annotations

import asyncio
import logging
import signal

from sqlalchemy.ext.asyncio import AsyncEngine

from football import RELEASE
from football.database import ERRORS, create_engine, reason
from football.seed import seed
from football.settings import Worker

_log = logging.getLogger("football.importer")


async def run(settings: Worker) -> None:
    """Import at once and then at every interval; SIGTERM lets the import that runs come to its end."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    engine = create_engine(settings.database)
    try:
        while not ended.is_set():
            await _once(engine, settings.colour)
            try:
                await asyncio.wait_for(ended.wait(), settings.seconds)
            except TimeoutError:
                continue
    finally:
        await engine.dispose()


async def _once(engine: AsyncEngine, colour: str) -> None:
    """Import once. A database that is away is no reason to end: the next round tries again."""
    about: dict[str, object] = {"release": RELEASE, "colour": colour}
    try:
        about["changed"] = await seed(engine)
    except ERRORS as error:
        _log.error("import failed: %s", reason(error), extra={"fields": about})
        return
    _log.info("imported", extra={"fields": about})
