"""The four figures of DORA (deployment frequency, lead time, change failure share, recovery time), from records alone.

A deployment is a go-live that gave the traffic to a release, whatever became of it. It failed when the traffic was
given back: in the same run, or by a rollback on request, before the next deployment. What the records do not say is
None.
Source: dora.dev, "DORA's software delivery metrics".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

DAY = 86_400.0


@dataclass(frozen=True)
class Deployment:
    """One switch of a go-live.

    `lead_seconds` is the time from the commit to the switch, `recovery_seconds` from the switch to the moment at which
    the traffic was given back; each None when it is not known or there was none.
    """

    run_id: str
    release: str
    at: datetime
    failed: bool
    lead_seconds: float | None
    recovery_seconds: float | None


def _time(text: Any) -> datetime | None:
    """Return a time with its zone; None for anything else."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _switches(told: Mapping[str, Any], kind: str) -> list[datetime]:
    times = (_time(row.get("time")) for row in told.get("switches", []) if row.get("kind") == kind)
    return [time for time in times if time]


def deployments(records: Iterable[Mapping[str, Any]]) -> list[Deployment]:
    """Return the deployments, oldest first.

    :param records: contents of record.json, of one application, in any order
    """
    rows = [(times[0], told) for told in records if (times := _switches(told, "switch"))]
    rows.sort(key=lambda row: row[0])
    found: list[Deployment] = []
    for place, (at, told) in enumerate(rows):
        run = told["run"]
        if run.get("kind", "golive") != "golive":
            continue  # a rollback is how a deployment ends, a rotation brings no change
        back = _switches(told, "flip_back")
        recovered = back[0] if back else _rolled_back(rows[place + 1 :])
        committed = _time(run.get("manifest", {}).get("committed_at"))
        found.append(
            Deployment(
                run_id=str(run.get("id", "")),
                release=str(run.get("release", "")),
                at=at,
                failed=bool(recovered) or told["verdict"] == "UNPROVEN",
                lead_seconds=(at - committed).total_seconds() if committed and committed <= at else None,
                recovery_seconds=(recovered - at).total_seconds() if recovered else None,
            )
        )
    return found


def _rolled_back(later: Sequence[tuple[datetime, Mapping[str, Any]]]) -> datetime | None:
    """Return when a rollback on request gave the traffic back, if that came before the next deployment."""
    for at, told in later:
        kind = told["run"].get("kind", "golive")
        if kind == "golive":
            return None
        if kind == "rollback" and told["verdict"] == "LIVE":
            return at
    return None


def figures(found: Sequence[Deployment]) -> dict[str, Any]:
    """Return the four figures, and of how many deployments each one speaks.

    ``per_day`` from the first to the last deployment, which takes two; ``lead_seconds`` and ``recovery_seconds`` are
    medians; ``failure_share`` is a share of all deployments.
    """
    leads = [each.lead_seconds for each in found if each.lead_seconds is not None]
    recoveries = [each.recovery_seconds for each in found if each.recovery_seconds is not None]
    failed = sum(each.failed for each in found)
    span = (found[-1].at - found[0].at).total_seconds() / DAY if len(found) > 1 else 0.0
    return {
        "deployments": len(found),
        "first": found[0].at.isoformat() if found else None,
        "last": found[-1].at.isoformat() if found else None,
        "per_day": (len(found) - 1) / span if span else None,
        "lead_seconds": median(leads) if leads else None,
        "lead_known": len(leads),
        "failed": failed,
        "failure_share": failed / len(found) if found else None,
        "recovery_seconds": median(recoveries) if recoveries else None,
        "recovered": len(recoveries),
    }
