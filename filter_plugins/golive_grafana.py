"""Filters for what Grafana and Prometheus show of a run."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import dashboards, record, run_report

ROOT = Path(__file__).parents[1]
EARLIER = 100  # runs that are looked at, at most, for gates that this one has not measured
WHOLE = set(record.PHASES) - {"evidence", "record"}  # what a run that measures all there is has gates of


def _events(directory: Path) -> list[dict[str, Any]]:
    try:
        return record.read_events(directory)
    except (record.BrokenChain, OSError):
        return []  # for the end of the run to say, which reads it again


def run_report_of(directory: str, release: str, phase: str) -> str:
    """Return the metrics of the run whose record is in a directory; only its phase when it cannot be read.

    A run of some phases (--tags) or of one gate says nothing of the other gates, and takes nothing away from them.
    """
    run = Path(directory)
    earlier = sorted((path for path in run.parent.glob("*") if path.is_dir() and path.name < run.name), reverse=True)
    known: list[dict[str, Any]] = []
    for path in earlier[:EARLIER]:
        gates = [event for event in _events(path) if event["kind"] == "gate"]
        known = gates + known
        if {event["data"]["gate"].partition(".")[0] for event in gates} >= WHOLE:
            break
    return run_report.metrics([*known, *_events(run)], release, phase)


def digest(path: str) -> str:
    """Return the beginning of the SHA-256 of a file on the controller; empty when it is none."""
    if not path or not Path(path).is_file():
        return ""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _load(path: str) -> tuple[str, dict[str, Any], str]:
    """Return text and content of a dashboard's file, and what is wrong with it. A relative path begins at the clone."""
    try:
        text = (ROOT / path).read_text(encoding="utf-8")
        content = json.loads(text)
    except OSError as error:
        return "", {}, f"The dashboard {path} cannot be read: {error.strerror}. Correct grafana_app_dashboards."
    except ValueError as error:
        return "", {}, f"The dashboard {path} is no JSON: {error}. Export it again."
    if not isinstance(content, dict) or not content.get("uid") or not content.get("title"):
        return "", {}, f"The dashboard {path} has no uid or no title. Give it both."
    return text, content, ""


def dashboard_files(paths: Sequence[str], default_folder: str = "application") -> dict[str, Any]:
    """Return dashboards as role grafana writes them.

    :returns: `files`, path to text, `folders` that they are for, `titles` by uid, and `problems`, a sentence each
    """
    found: dict[str, Any] = {"files": {}, "folders": [], "titles": {}, "problems": []}
    for path in paths:
        text, content, problem = _load(path)
        if problem:
            found["problems"].append(problem)
        elif content["uid"] in found["titles"]:
            found["problems"].append(
                f"The dashboard {path} has the uid {content['uid']} of another one. Give it its own."
            )
        else:
            folder = dashboards.tagged(content, "folder") or default_folder
            found["files"][f"dashboards/{folder}/{content['uid']}.json"] = text
            found["titles"][content["uid"]] = content["title"]
            if folder not in found["folders"]:
                found["folders"].append(folder)
    return found


def panel_queries(paths: Iterable[str], after: str, groups: Mapping[str, Sequence[str]]) -> list[dashboards.Query]:
    """Return what the panels of dashboards ask for, of those that must have data from a phase on in this inventory.

    A file that cannot be read is told as a query that no Prometheus answers, so that it is missed.
    """
    loaded = [_load(path) for path in paths]
    lost = [dashboards.Query(panel=problem, expr="") for _, _, problem in loaded if problem]
    return lost + dashboards.asked(
        (content for _, content, _ in loaded), after, {name for name in groups if groups[name]}
    )


class FilterModule:
    """The names in templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return name to function."""
        return {
            "golive_dashboards": dashboard_files,
            "golive_digest": digest,
            "golive_panel_queries": panel_queries,
            "golive_run_report": run_report_of,
        }
