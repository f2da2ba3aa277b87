"""An alert that is fired on purpose: through Prometheus and Alertmanager to every receiver, and how long it took.

The relay shows a metric while the alert is to fire (relay.py). Alertmanager tells the relay and every receiver; those
that go through the relay are looked up in its deliveries, the others in Alertmanager's counters of each integration.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import notify
from .measurement import Measurement, measurement, summarise, utc_now
from .prometheus import Unanswered, fetch

PAUSE = 0.25  # seconds between two looks
INTEGRATIONS = {"email": "email", "webhook": "webhook", "slack": "slack", "wecom_app": "wechat"}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_COUNTER = re.compile(r'^alertmanager_notification_requests(_failed)?_total\{.*?integration="(\w+)".*?\} (\S+)$', re.M)


@dataclass(frozen=True)
class Check:
    """One entry of the module's `checks`. `receivers`: names and kinds of those that the synthetic alert goes to."""

    id: str
    receivers: Sequence[Mapping[str, str]] = ()
    relay: str = "http://127.0.0.1:9096"
    alertmanager: str = ""
    within_seconds: float = 30.0
    timeout_seconds: float = 5.0


@dataclass(frozen=True)
class Look:
    """What was seen at one moment: deliveries of the relay, and tries and failures of each integration."""

    deliveries: Sequence[Mapping[str, Any]] = ()
    tries: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, float] = field(default_factory=dict)


def counters(metrics: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return how many notifications Alertmanager tried by integration, and how many tries failed.

    :param metrics: its own metrics, in the text format
    """
    tries: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for row in _COUNTER.finditer(metrics):
        (failed if row[1] else tries)[row[2]] += float(row[3])  # type: ignore[assignment]  # a Counter of floats
    return dict(tries), dict(failed)


def state(check: Check, probe: str, before: Look, now: Look) -> dict[str, str]:
    """Return for the alert itself ("") and every receiver what is wrong with it; an empty text when it has arrived.

    :param probe: id of the synthetic alert
    :param before: what was seen before it was fired
    """
    mine = [row for row in now.deliveries if probe in row.get("probes", [])]
    arrived = any(row["receiver"] == "probe" for row in mine)
    wrong = {"": "" if arrived else "Alertmanager told nobody of it"}
    natives = Counter(INTEGRATIONS[row["kind"]] for row in check.receivers if row["kind"] in INTEGRATIONS)
    natives["webhook"] += 1 + sum(row["kind"] not in INTEGRATIONS for row in check.receivers)  # those to the relay
    for receiver in check.receivers:
        name, kind = receiver["name"], receiver["kind"]
        if kind in INTEGRATIONS:
            wrong[name] = _native(INTEGRATIONS[kind], natives[INTEGRATIONS[kind]], before, now)
            continue
        rows = [row for row in mine if row["receiver"] == name]
        if any(row["state"] == "sent" for row in rows):
            wrong[name] = ""
        else:
            said = rows[-1]["why"] if rows else "the relay got nothing for it"
            wrong[name] = said or "not told yet"
    return wrong


def _native(integration: str, wanted: int, before: Look, now: Look) -> str:
    tries = now.tries.get(integration, 0) - before.tries.get(integration, 0)
    failed = now.failed.get(integration, 0) - before.failed.get(integration, 0)
    if failed > 0:
        return (
            f"{failed:.0f} of {tries:.0f} tries by {integration} failed; "
            "`journalctl -u prometheus-alertmanager` says why"
        )
    return "" if tries >= wanted else f"Alertmanager made {tries:.0f} of {wanted} tries by {integration}"


def look(check: Check) -> Look:
    """Ask the relay and Alertmanager.

    :raises Unanswered: when one of them does not answer
    """
    try:
        deliveries = json.loads(fetch(f"{check.relay}/deliveries", check.timeout_seconds))
    except ValueError as error:
        raise Unanswered(f"{check.relay} answered something else than the relay does") from error
    tries, failed = counters(fetch(f"{check.alertmanager}/metrics", check.timeout_seconds))
    return Look(deliveries, tries, failed)


def switch(check: Check, probe: str, seconds: float) -> None:
    """Have the synthetic alert fire.

    :raises Unanswered: when the relay does not do it
    """
    url = f"{check.relay}/switch?id={probe}&seconds={seconds:.0f}"
    try:
        _OPENER.open(urllib.request.Request(url, b"", method="POST"), timeout=check.timeout_seconds).close()
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(f"{check.relay} gave no answer: {getattr(error, 'reason', error)}") from error


def measure(
    check: Check,
    *,
    fire: bool,
    look: Callable[[Check], Look] = look,
    switch: Callable[[Check, str, float], None] = switch,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Measurement:
    """Fire the alert, and measure the seconds until it has arrived everywhere.

    :param fire: whether to fire it at all; without, there is no evidence
    """
    probe, started, begin = f"p{uuid.uuid4().hex[:12]}", utc_now(), clock()
    expected = f"it arrives at {', '.join(row['name'] for row in check.receivers) or 'a receiver'}"

    def nothing(why: str) -> Measurement:
        return measurement(
            check.id, n=0, observed=why, expected=expected, invalid=why, started=started, seconds=clock() - begin
        )

    if not check.receivers:
        return nothing("nobody is told of an alert: golive_receivers has no receiver of alerts with probe: true")
    if not fire:
        return nothing("no alert was fired in check mode")
    wrong = {"": "it was not fired"}
    took, fired = 0.0, False
    try:
        before = look(check)
        switch(check, probe, check.within_seconds + 5)
        fired = True
        while True:
            wrong = state(check, probe, before, look(check))
            took = clock() - begin
            if not any(wrong.values()) or took + PAUSE > check.within_seconds:
                break
            sleep(PAUSE)
    except Unanswered as error:
        return nothing(str(error))
    finally:
        if fired:
            _end(check, probe, switch)
    bad = [f"{name or notify.PROBE}: {why}" for name, why in wrong.items() if why]
    where = ", ".join(row["name"] for row in check.receivers)
    return measurement(
        check.id,
        n=len(wrong),
        failures=len(bad),
        samples=(took,),
        value=took,
        unit="s",
        observed=f"after {took:.1f} s: {summarise(bad)}" if bad else f"arrived at {where} after {took:.1f} s",
        expected=expected,
        started=started,
        seconds=clock() - begin,
    )


def _end(check: Check, probe: str, switch: Callable[[Check, str, float], None]) -> None:
    try:
        switch(check, probe, 0)
    except Unanswered:
        return  # it ends by itself
