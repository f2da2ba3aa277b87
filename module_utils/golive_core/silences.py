"""Silences of a go-live: for the alerts that it causes by itself, with an end, and of nobody else's.

The shapes are those of Alertmanager's HTTP API, version 2 (prometheus.io/docs/alerting/latest/management_api).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from . import notes
from .prometheus import Unanswered, fetch

CREATOR = "golive"
_PATH = "/api/v2/silence"
Rule = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """Where, for which application and run, and for how many seconds at most."""

    url: str
    app: str
    run: str
    seconds: float
    timeout: float = 5.0


def explained(rules: Iterable[Rule]) -> list[Rule]:
    """Return the rules of a catalogue that say which of their alerts a go-live causes by itself."""
    return [rule for rule in rules if rule.get("explained_by_golive")]


def _utc(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def body(rule: Rule, app: str, run: str, begin: float, seconds: float) -> dict[str, Any]:
    """Return the silence for the alerts of one rule.

    :param rule: with `explained_by_golive`, label to a regular expression that its value matches as a whole
    :param begin: seconds since 1970
    """
    labels: Mapping[str, str] = rule["explained_by_golive"]
    return {
        "matchers": [
            {"name": "alertname", "value": rule["name"], "isRegex": False, "isEqual": True},
            *({"name": name, "value": value, "isRegex": True, "isEqual": True} for name, value in labels.items()),
        ],
        "startsAt": _utc(begin),
        "endsAt": _utc(begin + seconds),
        "createdBy": CREATOR,
        "comment": f"{app}: {run}",
    }


def begin(asked: Asked, rules: Iterable[Rule], now: float) -> list[dict[str, Any]]:
    """Make the silences of a run: all of them, or none.

    Those of a run that was killed are ended first: one run of an application holds the lock.

    :returns: alert, labels and id of each
    :raises Unanswered: when Alertmanager does not answer, or refuses one
    """
    end(asked)
    made = []
    try:
        for rule in explained(rules):
            silence = body(rule, asked.app, asked.run, now, asked.seconds)
            said = fetch(f"{asked.url}{_PATH}s", asked.timeout, body=json.dumps(silence).encode())
            made.append(
                {
                    "alert": rule["name"],
                    "labels": dict(rule["explained_by_golive"]),
                    "id": json.loads(said)["silenceID"],
                }
            )
    except (Unanswered, ValueError, KeyError, TypeError) as error:
        with suppress(Unanswered):
            end(asked)
        if isinstance(error, Unanswered):
            raise
        raise Unanswered(f"{asked.url} answered something else than Alertmanager does") from error
    return made


def end(asked: Asked) -> list[str]:
    """End every silence of golive for the application that is not over; return their ids.

    :raises Unanswered: when Alertmanager does not answer
    """
    try:
        known = json.loads(fetch(f"{asked.url}{_PATH}s", asked.timeout))
        mine = [
            str(one["id"])
            for one in known
            if one["createdBy"] == CREATOR
            and one["comment"].startswith(f"{asked.app}: ")
            and one["status"]["state"] != "expired"
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise Unanswered(f"{asked.url} answered something else than Alertmanager does") from error
    for name in mine:
        fetch(f"{asked.url}{_PATH}/{name}", asked.timeout, method="DELETE")
    return mine


# --- what the record tells: notes of notes.py


def _note(name: str, **values: Any) -> dict[str, Any]:
    return notes.complete({"note": name, "values": values})


def _named(one: Mapping[str, Any]) -> str:
    labels = ", ".join(f"{name} {value}" for name, value in one["labels"].items())
    return f"{one['alert']} of {labels} (silence {one['id']})"


def begun(host: str, made: Sequence[Mapping[str, Any]], until: float) -> dict[str, Any]:
    """Say which alerts are kept quiet on a host, and until when."""
    return _note("silence.begun", host=host, until=_utc(until), alerts=list(map(_named, made)))


def not_begun(host: str, why: str, rules: Iterable[Rule]) -> dict[str, Any]:
    """Say that nothing is kept quiet."""
    return _note("silence.not_begun", host=host, why=why, alerts=[rule["name"] for rule in explained(rules)])


def ended(host: str, ids: Sequence[str]) -> dict[str, Any]:
    """Say which silences are over."""
    none = {"en": "no silence stood, none", "zh": "无"}
    return _note("silence.ended", host=host, silences=list(ids) or none)


def not_ended(host: str, why: str) -> dict[str, Any]:
    """Say that silences may stand."""
    return _note("silence.not_ended", host=host, why=why)
