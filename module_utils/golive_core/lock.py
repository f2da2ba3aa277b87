"""Who may take a deployment lock that is already there."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple


class Claim(NamedTuple):
    """Outcome of asking for the lock; `reason` says why it was refused or taken over (empty when it was free)."""

    granted: bool
    reason: str


def claim(holder: Mapping[str, Any] | None, owner: str, controller: str, alive: Collection[str], now: float) -> Claim:
    """Decide whether `owner` may take the lock.

    :param holder: what the lock says: owner, who, controller, process ("pid:start"), since and expires (epoch seconds);
        or None
    :param owner: id of the asking run
    :param controller: id of the machine that asks
    :param alive: processes ("pid:start") that run on that machine now
    :param now: epoch seconds on the host that keeps the lock
    """
    if holder is None or holder.get("owner") == owner:
        return Claim(True, "")
    who = f"{holder.get('who', 'unknown')} (run {holder.get('owner', 'unknown')})"
    left = float(holder.get("expires", 0)) - now
    if left <= 0:
        return Claim(True, f"taken over from {who}: its lease ended {-left:.0f} s ago")
    if holder.get("controller") == controller and holder.get("process") not in alive:
        return Claim(True, f"taken over from {who}: its process on this controller is dead")
    return Claim(
        False,
        f"{who} holds the lock{_since(holder, now)}, for another {left:.0f} s at least; wait for it to end "
        "(-e lock_wait=SECONDS does), or let it expire if that run is lost",
    )


def _since(holder: Mapping[str, Any], now: float) -> str:
    """Return since when; nothing where the lock of an older golive does not say."""
    since = holder.get("since")
    if not isinstance(since, int | float):
        return ""
    return f" since {time.strftime('%H:%M:%S', time.gmtime(since))} UTC ({now - since:.0f} s)"
