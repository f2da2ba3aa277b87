"""Prometheus metrics of all workers together.

Counters live in files that the workers share (PROMETHEUS_MULTIPROC_DIR, set by `serve` before this module is imported);
what the database knows is asked at the scrape, and left out when it cannot be asked: an old figure would look healthy.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from football.database import ERRORS, reason
from football.services import Services
from football.tables import accuracy, api_keys, data_syncs, key_closed

log = logging.getLogger(__name__)

REQUESTS = Counter("http_requests", "Answered requests.", ["method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from request to answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
IN_FLIGHT = Gauge("http_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum")
PREDICTIONS = Counter("football_predictions", "Predictions answered, one for each match asked for.")


class _Figures(Collector):
    """Gauges of one scrape. A Gauge of the library would keep its value in the shared files."""

    def __init__(self, gauges: Iterable[Metric]) -> None:
        self._gauges = list(gauges)

    def collect(self) -> Iterable[Metric]:
        return self._gauges


async def exposition(services: Services) -> bytes:
    """Return every metric in the text format."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Figures([_build_info(services), *await _from_database(services)]))
    return generate_latest(registry)


def _build_info(services: Services) -> Metric:
    settings = services.settings
    gauge = GaugeMetricFamily("football_build_info", "Which build this is.", labels=["release", "commit", "colour"])
    gauge.add_metric([settings.release, settings.commit, settings.colour], 1)
    return gauge


async def _from_database(services: Services) -> list[Metric]:
    query = select(
        select(accuracy).scalar_subquery(),
        select(func.extract("epoch", func.now() - func.max(data_syncs.c.finished_at))).scalar_subquery(),
        select(func.count()).select_from(api_keys).where(key_closed == "").scalar_subquery(),
    )
    try:
        async with services.engine.connect() as connection:
            share, age, keys = (await connection.execute(query)).one()
    except ERRORS as error:
        log.warning("The figures from the database are left out of the metrics: %s", reason(error))
        share = age = keys = None
    planted = services.settings.faults.accuracy
    figures = (
        (
            "football_prediction_accuracy",
            "Share of verified predictions that were right.",
            share if planted is None else planted,
        ),
        ("football_data_sync_age_seconds", "Time since the matches were last brought up to date.", age),
        ("football_active_api_keys", "API keys that are neither revoked nor expired.", keys),
    )
    return [GaugeMetricFamily(name, text, float(value)) for name, text, value in figures if value is not None]


def forget_dead_workers() -> None:
    """Drop the live gauges of workers that died without saying so; called when a worker starts in their place."""
    for file in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob("gauge_live*_*.db"):
        pid = int(file.stem.rsplit("_", 1)[1])
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(pid)  # type: ignore[no-untyped-call]
