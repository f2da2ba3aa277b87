"""Planted faults: how a test makes a healthy release go bad. Set at start-up only, all off by default."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException


@dataclass(frozen=True)
class Faults:
    """What to get wrong; `FOOTBALL_FAULT_*` sets the field of the same name."""

    error_share: float = 0.0
    latency_seconds: float = 0.0
    latency_share: float = 1.0
    memory_mb_per_request: float = 0.0
    health_failing: bool = False
    accuracy: float | None = None
    start_refused: bool = False
    _ballast: list[bytes] = field(default_factory=list, repr=False, compare=False)

    async def disturb(self) -> None:
        """Do to one API request what was planted."""
        if self.memory_mb_per_request:
            self._ballast.append(b"x" * int(self.memory_mb_per_request * 1024 * 1024))  # zeros would stay unmapped
        if self.latency_seconds and random.random() < self.latency_share:
            await asyncio.sleep(self.latency_seconds)
        if self.error_share and random.random() < self.error_share:
            raise HTTPException(500, "Planted fault FOOTBALL_FAULT_ERROR_SHARE.")
