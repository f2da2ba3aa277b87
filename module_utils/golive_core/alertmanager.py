"""Alertmanager's configuration, from the receivers of a site (prometheus.io/docs/alerting/latest/configuration)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from . import notify
from .notify import Receiver

NOBODY = "nobody"
PROBE = "golive-probe"
WATCHDOG = "golive-watchdog"
HOURS = "business-hours"
# All summaries of a group, with where to read on, as Alertmanager's templates say it.
_LINES = (
    "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}"
    "{{ if .Annotations.runbook_url }} ({{ .Annotations.runbook_url }}){{ end }}\n{{ end }}"
)
# Not GroupLabels: an alert may be grouped by something else, as the synthetic one is.
_HEAD = "[{{ .CommonLabels.severity }}] {{ .CommonLabels.alertname }}: {{ .Status }} ({{ .Alerts | len }})"


def configuration(
    receivers: Sequence[Receiver],
    routes: Mapping[str, Mapping[str, str]],
    *,
    relay: str,
    group_by: Sequence[str],
    inhibit: Sequence[Mapping[str, Any]],
    hours: Sequence[Mapping[str, Any]],
    watchdog: str,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the whole configuration.

    :param receivers: entries of `golive_receivers`
    :param routes: severity to group_wait, group_interval, repeat_interval and `hours` (always, business)
    :param relay: base URL of the relay, for receivers that Alertmanager does not speak to
    :param hours: business hours, as time intervals of Alertmanager
    :param watchdog: URL that the alert that always fires is posted to; empty for none
    :param settings: the part `global`
    """
    told = [receiver for receiver in receivers if "alert" in (receiver.get("events") or notify.EVENTS)]
    rows = [row for receiver in told for row in _routes(receiver, routes)]
    proof = _merged(
        [{"webhook_configs": [_webhook(f"{relay}/probe")]}, *(_contact(one, relay) for one in probed(told))]
    )
    built: dict[str, Any] = {
        "global": dict(settings),
        "route": {
            "receiver": NOBODY,
            "group_by": list(group_by),
            "routes": [
                {
                    "matchers": [f'alertname="{notify.PROBE}"'],
                    "receiver": PROBE,
                    "group_by": ["probe"],
                    "group_wait": "0s",
                    "group_interval": "5m",
                    "repeat_interval": "24h",
                },
                {
                    "matchers": ['alertname="Watchdog"'],
                    "receiver": WATCHDOG if watchdog else NOBODY,
                    "group_wait": "0s",
                    "group_interval": "1m",
                    "repeat_interval": "1m",
                },
                *rows,
            ],
        },
        "inhibit_rules": [dict(rule) for rule in inhibit],
        "receivers": [
            {"name": NOBODY},
            {"name": PROBE, **_silent_when_over(proof)},
            *([{"name": WATCHDOG, "webhook_configs": [_webhook(watchdog)]}] if watchdog else []),
            *({"name": receiver["name"], **_contact(receiver, relay)} for receiver in told),
        ],
    }
    if any("active_time_intervals" in row for row in rows):
        built["time_intervals"] = [{"name": HOURS, "time_intervals": list(hours)}]
    return built


def probed(receivers: Iterable[Receiver]) -> list[Receiver]:
    """Return the receivers that the synthetic alert goes to: those of alerts that do not say otherwise."""
    return [
        receiver
        for receiver in receivers
        if receiver.get("probe", True) and "alert" in (receiver.get("events") or notify.EVENTS)
    ]


def _routes(receiver: Receiver, routes: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return one route for each severity that a receiver is told of. Others follow: an alert may concern several."""
    built = []
    for severity in receiver.get("severities") or notify.SEVERITIES:
        how = routes[severity]
        # An alert without a severity is a general one.
        matchers = ['severity=~"general|"' if severity == "general" else f'severity="{severity}"']
        if receiver.get("owners"):
            matchers.append(f'owner=~"{"|".join(receiver["owners"])}"')
        row: dict[str, Any] = {"matchers": matchers, "receiver": receiver["name"], "continue": True}
        row |= {key: how[key] for key in ("group_wait", "group_interval", "repeat_interval")}
        if how.get("hours", "always") == "business":
            row["active_time_intervals"] = [HOURS]
        built.append(row)
    return built


def _contact(receiver: Receiver, relay: str) -> dict[str, Any]:
    """Return how a receiver is told, in Alertmanager's form."""
    kind = receiver["kind"]
    if kind == "alertmanager":
        return dict(receiver["config"])
    if kind not in notify.NATIVE:
        return {"webhook_configs": [_webhook(f"{relay}/alerts/{receiver['name']}")]}
    tls = {"ca_file": receiver["ca_file"]} if receiver.get("ca_file") else {}
    http: dict[str, Any] = {"tls_config": tls} if tls else {}
    if receiver.get("bearer"):
        http["authorization"] = {"type": "Bearer", "credentials": receiver["bearer"]}
    more = {"http_config": http} if http else {}
    if kind == "webhook":
        return {"webhook_configs": [{**_webhook(receiver["url"]), **more}]}
    if kind == "slack":
        said = {"title": _HEAD, "text": _LINES}
        return {"slack_configs": [{"api_url": receiver["url"], "send_resolved": True, **said, **more}]}
    if kind == "wecom_app":
        app = {
            "api_url": (receiver.get("api_url") or notify.WECOM).rstrip("/") + "/",
            "api_secret": receiver["secret"],
            "corp_id": receiver["corp_id"],
            "agent_id": str(receiver["agent_id"]),
            "to_user": receiver.get("to_user") or "@all",
        }
        return {"wechat_configs": [{**app, "send_resolved": True, "message": f"{_HEAD}\n{_LINES}", **more}]}
    mail: dict[str, Any] = {
        "to": ", ".join(receiver["to"]),
        "from": receiver["from"],
        "smarthost": receiver["server"],
        "require_tls": bool(receiver.get("tls", True)),
        "send_resolved": True,
        "headers": {"Subject": _HEAD},
        "html": "",
        "text": _LINES,
    }
    if receiver.get("user"):
        mail |= {"auth_username": receiver["user"], "auth_password": str(receiver.get("password") or "")}
    return {"email_configs": [mail | ({"tls_config": tls} if tls else {})]}


def _webhook(url: str) -> dict[str, Any]:
    return {"url": url, "send_resolved": True}


def _merged(contacts: Iterable[Mapping[str, Sequence[Any]]]) -> dict[str, list[Any]]:
    merged: dict[str, list[Any]] = {}
    for contact in contacts:
        for key, rows in contact.items():
            merged.setdefault(key, []).extend(rows)
    return merged


def _silent_when_over(contact: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Any]]:
    """Return a contact that is not told when an alert is over: the synthetic one ends by itself."""
    return {key: [{**row, "send_resolved": False} for row in rows] for key, rows in contact.items()}
