"""Grafana's dashboards, written from a catalogue of what they show (dashboards.yml).

The form is that of Grafana 7.5, schema version 27, which every later version loads and brings up to date by itself: the
data source by its name, every query with a refId, panels of types that 7.5 has
(grafana.com/docs/grafana/v7.5/dashboards/json-model). Limits are no part of the files: they are read from Prometheus
like everything else (golive_limit), so a limit that the inventory changes is the one that is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from .lab import ROOT

CATALOGUES = (
    ROOT / "roles" / "grafana" / "files" / "dashboards.yml",
    ROOT / "examples" / "football" / "dashboards.yml",
)
SOURCE = "golive"  # name of the data source, as role grafana provisions it
SCHEMA = 27
COLUMNS = 24
WIDTH, HEIGHT = 12, 8
LIMIT = "limit"
REFERENCES = "ABCDEFGHIJ"

# A colour begins or ends to be read at the switch. A release that was read before is gone back to.
_LIVE = 'count by (release, colour) (up{job="app"})'
_SWITCHED = f'{_LIVE} unless count by (release, colour) (up{{job="app"}} offset 1m)'
_BEFORE = 'count by (release) (count_over_time(up{job="app"}[7d] offset 2m))'
ANNOTATIONS = (
    {
        "name": "Switch · 切换",
        "expr": f"({_SWITCHED}) unless on (release) {_BEFORE}",
        "titleFormat": "{{release}} serves ({{colour}})",
        "iconColor": "rgb(50, 116, 217)",
    },
    {
        "name": "Rollback · 回滚",
        "expr": f"({_SWITCHED}) and on (release) {_BEFORE}",
        "titleFormat": "back to {{release}} ({{colour}})",
        "iconColor": "rgb(224, 47, 68)",
    },
)


def pages() -> dict[Path, str]:
    """Return the files that are written, and their text."""
    return {
        file.parent / "dashboards" / f"{entry['uid']}.json": text(entry)
        for file in CATALOGUES
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))
    }


def text(entry: Mapping[str, Any]) -> str:
    """Return a dashboard as the text of its file."""
    return json.dumps(dashboard(entry), ensure_ascii=False, indent=1) + "\n"


def dashboard(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON model of a dashboard.

    :param entry: one of the catalogue, whose first lines describe the keys
    """
    return {
        "uid": entry["uid"],
        "title": _both(entry["title"]),
        # What the gates go by: whose hosts it shows, from which phase it has data, and where role grafana puts it.
        "tags": ["golive", f"needs:{entry['needs']}", f"after:{entry['after']}", f"folder:{entry['folder']}"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_hosts()] if entry.get("hosts") else []},
        "annotations": {"list": [_annotation(mark) for mark in ANNOTATIONS]},
        "panels": list(_placed(entry["panels"])),
    }


def _both(title: Mapping[str, str]) -> str:
    """Return a text in both languages, once where they do not differ."""
    return " · ".join(dict.fromkeys((title["en"], title["zh"])))


def _hosts() -> dict[str, Any]:
    return {
        "name": "host",
        "label": "Host · 主机",
        "type": "query",
        "datasource": SOURCE,
        "query": 'label_values(up{job="node"}, host)',
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _annotation(mark: Mapping[str, str]) -> dict[str, Any]:
    fixed = {"datasource": SOURCE, "enable": True, "hide": False, "step": "15s", "tagKeys": "release,colour"}
    return {**mark, **fixed}


def _placed(panels: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Return the panels from left to right, in rows as high as their highest panel."""
    x = y = row = 0
    for number, panel in zip(count(1), panels):
        width, height = panel.get("width", WIDTH), panel.get("height", HEIGHT)
        if x + width > COLUMNS:
            x, y, row = 0, y + row, 0
        yield {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **_panel(panel)}
        x, row = x + width, max(row, height)


def _panel(panel: Mapping[str, Any]) -> dict[str, Any]:
    kind = panel["type"]
    return {
        "title": _both(panel["title"]),
        "description": _both(panel["help"]) if "help" in panel else "",
        "datasource": SOURCE,
        "targets": list(_targets(panel)),
        **{"graph": _graph, "stat": _stat, "names": _names, "table": _table}[kind](panel),
    }


def _targets(panel: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    queries = list(panel["queries"])
    if "limit" in panel:
        queries.append({"expr": f'max(golive_limit{{limit="{panel["limit"]}"}})', "legend": LIMIT})
    for letter, query in zip(REFERENCES, queries, strict=False):
        target = {"refId": letter, "expr": query["expr"], "legendFormat": query.get("legend", "")}
        # Only a graph shows the past; asking for it elsewhere shows series that are gone.
        yield target if panel["type"] == "graph" else {**target, "instant": True, "format": _format(panel)}


def _format(panel: Mapping[str, Any]) -> str:
    return "table" if panel["type"] == "table" else "time_series"


def _graph(panel: Mapping[str, Any]) -> dict[str, Any]:
    unit = panel.get("unit", "short")
    line = {"alias": LIMIT, "color": "#E02F44", "dashes": True, "fill": 0, "linewidth": 1, "legend": False}
    return {
        "type": "graph",
        "renderer": "flot",
        "lines": True,
        "linewidth": 1,
        "fill": 1,
        "nullPointMode": "null",
        "legend": {"show": True, "values": True, "current": True, "max": True, "alignAsTable": True},
        "tooltip": {"shared": True, "sort": 2, "value_type": "individual"},
        "xaxis": {"mode": "time", "show": True},
        "yaxes": [{"format": unit, "min": "0", "show": True, "logBase": 1}, {"format": "short", "show": False}],
        "seriesOverrides": [line] if "limit" in panel else [],
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
    }


def _stat(panel: Mapping[str, Any], shown: str = "auto") -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green" if "red_above" in panel else "blue", "value": None}]
    if "red_above" in panel:
        # A threshold holds from its value on; these are counts.
        steps.append({"color": "red", "value": panel["red_above"] + 1})
    return {
        "type": "stat",
        "options": {
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": shown,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        "fieldConfig": {
            "defaults": {
                "unit": panel.get("unit", "short"),
                "thresholds": {"mode": "absolute", "steps": steps},
                "mappings": [],
            },
            "overrides": [],
        },
    }


def _names(panel: Mapping[str, Any]) -> dict[str, Any]:
    return _stat(panel, shown="name")


def _table(panel: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "table",
        "options": {"showHeader": True},
        "fieldConfig": {"defaults": {"unit": panel.get("unit", "short"), "custom": {"align": "auto"}}, "overrides": []},
        "transformations": [{"id": "organize", "options": {"excludeByName": {"Time": True}}}],
    }
