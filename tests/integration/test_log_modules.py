"""log_probe and log_find as processes, on a directory as the logs host has it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import Run

from golive import logs
from golive.say import Problem

CHECK = {"id": "monitoring.log_line_found", "kind": "line_found", "within_seconds": 1}
NOW = datetime.now(UTC)


def keep(directory: Path, host: str, message: str, **more: Any) -> None:
    """Put a line of a host where the logs host has it."""
    entry = {"received": NOW.isoformat(), "from": host, "time": NOW.isoformat(), "host": host, "service": "shop"}
    entry |= {"pid": "7", "epoch": "e1", "seq": 1, "message": message, "data": None, **more}
    (directory / host).mkdir(exist_ok=True, parents=True)
    with (directory / host / f"shop.{NOW:%Y-%m-%d}.jsonl").open("a") as target:
        target.write(json.dumps(entry) + "\n")


def probe(run_module: Run, directory: Path, *, arrives: bool) -> dict[str, Any]:
    """Write a line, have it arrive or not, and look for it."""
    written = run_module("log_probe", {"checks": [CHECK], "write": True})["written"]
    if arrives:
        keep(directory, "app1", written[CHECK["id"]]["token"])
    asked = {"checks": [CHECK], "host": "app1", "written": written, "logs": str(directory)}
    return dict(run_module("log_probe", asked)["measurements"][0])


def test_a_line_that_arrived_is_found(run_module: Run, tmp_path: Path) -> None:
    seen = probe(run_module, tmp_path, arrives=True)
    assert (seen["n"], seen["failures"], seen["invalid"]) == (1, 0, "")


def test_a_line_that_did_not_arrive_is_a_failure(run_module: Run, tmp_path: Path) -> None:
    keep(tmp_path, "app1", "another one")
    seen = probe(run_module, tmp_path, arrives=False)
    assert (seen["n"], seen["failures"]) == (1, 1)
    assert "did not arrive within 1 s; its last line came" in seen["observed"]


def test_where_nobody_keeps_logs_nothing_is_proved(run_module: Run, tmp_path: Path) -> None:
    seen = probe(run_module, tmp_path / "none", arrives=False)
    assert seen["n"] == 0
    assert "nobody keeps logs" in seen["invalid"]


def test_a_container_that_is_not_there_proves_nothing(run_module: Run, tmp_path: Path) -> None:
    check = {**CHECK, "kind": "container_line_found", "container": "no-such-container"}
    written = run_module("log_probe", {"checks": [check], "write": True})["written"]
    asked = {"checks": [check], "host": "app1", "written": written, "logs": str(tmp_path)}
    (seen,) = run_module("log_probe", asked)["measurements"]
    assert seen["n"] == 0
    assert "no line could be written on app1" in seen["invalid"]


def trail(run_module: Run, audit: Path) -> dict[str, Any]:
    """Compare the trail that a host has kept with its copy; here nobody keeps what is written meanwhile."""
    check = {"id": "monitoring.audit_trail_same", "kind": "trail_same", "within_seconds": 1}
    written = run_module("log_probe", {"checks": [check], "write": True, "audit": str(audit)})["written"]
    asked = {"checks": [check], "host": "app1", "written": written, "logs": str(audit), "audit": str(audit)}
    return dict(run_module("log_probe", asked)["measurements"][0])


def test_a_trail_is_compared_with_its_copy(run_module: Run, tmp_path: Path) -> None:
    earlier = (NOW - timedelta(minutes=1)).isoformat()
    lines = [{"time": earlier, "host": "app1", "epoch": "e1", "seq": number, "message": "m"} for number in (1, 2, 3)]
    copies = [{"received": earlier, "from": "app1", **entry} for entry in lines]
    copies[1]["message"] = "n"
    for directory, entries in ((tmp_path / "sent", lines), (tmp_path / "received" / "app1", copies)):
        directory.mkdir(parents=True)
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        (directory / f"{NOW:%Y-%m-%d}.jsonl").write_text(text, encoding="utf-8")
    seen = trail(run_module, tmp_path)
    assert (seen["n"], seen["failures"], seen["invalid"]) == (3, 2, "")
    assert "was not kept within 1 s" in seen["observed"]
    assert "app1: line 2 of epoch e1 is not the same on app1 and on the logs host" in seen["observed"]


def test_a_host_that_keeps_no_trail_proves_nothing(run_module: Run, tmp_path: Path) -> None:
    seen = trail(run_module, tmp_path)
    assert seen["n"] == 0
    assert "no audit trail is kept there" in seen["invalid"]


def test_lines_are_found_by_release(run_module: Run, tmp_path: Path) -> None:
    keep(tmp_path, "app1", "old", release="1.0.0")
    keep(tmp_path, "app2", "new", release="1.1.0")
    found = run_module("log_find", {"release": "1.1.0", "logs": str(tmp_path)})
    assert [entry["message"] for entry in found["entries"]] == ["new"]
    assert found["lines"][0].endswith("app2 shop 1.1.0/None: new")


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("", "no host in group logs"),
        (json.dumps({"plays": []}), "no host in group logs"),
        (
            json.dumps({"plays": [{"tasks": [{"hosts": {"ops1": {"failed": True, "msg": "yesterday is no time"}}}]}]}),
            "yesterday is no time",
        ),
    ],
)
def test_the_verb_says_why_it_cannot_tell(output: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        logs.answer(output)
