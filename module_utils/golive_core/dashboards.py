"""What dashboards ask for, read from their JSON model."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypedDict

# What a reader may choose in a dashboard; a query is asked as for all of them.
VARIABLES = {"$host": ".+"}


class Query(TypedDict):
    """One query of a panel: where it stands, and its PromQL."""

    panel: str
    expr: str


def tagged(dashboard: Mapping[str, Any], name: str) -> str:
    """Return the value of a tag `name:value` of a dashboard; empty when it has none."""
    found = (str(tag) for tag in dashboard.get("tags", []) if str(tag).startswith(f"{name}:"))
    return next(found, "").partition(":")[2]


def queries(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return every query of a dashboard's panels, those in rows included. An annotation may have nothing to show."""
    found: list[Query] = []
    panels = list(dashboard.get("panels", []))
    while panels:
        panel = panels.pop(0)
        panels[:0] = panel.get("panels", [])
        where = f"{dashboard.get('title', '')} / {panel.get('title', '')}"
        found += [
            Query(panel=where, expr=_chosen(str(target["expr"])))
            for target in panel.get("targets", [])
            if target.get("expr")
        ]
    return found


def _chosen(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def asked(dashboards: Iterable[Mapping[str, Any]], after: str, groups: Collection[str]) -> list[Query]:
    """Return the queries of the dashboards that must have data from a phase on.

    :param after: that phase, as their tag `after` says; a dashboard without it has data once the application serves
    :param groups: inventory groups that have hosts; one whose tag `needs` names another has nothing to show here
    """
    return [
        query
        for dashboard in dashboards
        if (tagged(dashboard, "after") or "watch") == after and (tagged(dashboard, "needs") or "app") in groups
        for query in queries(dashboard)
    ]
