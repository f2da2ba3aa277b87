"""What the colour that gave over is told as, and when its host stops it."""

from __future__ import annotations

import json
import runpy
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from golive_core import warmth

ROOT = Path(__file__).parents[2]


def test_it_is_warm_while_it_runs_and_says_for_how_long() -> None:
    note = {"colour": "blue", "release": "1.0.0", "until": 1000.0}
    assert warmth.told(note, True, 400.0) == note | {"left_seconds": 600, "warm": True}
    assert warmth.told(note, False, 2000.0) == note | {"left_seconds": 0, "warm": False}
    assert warmth.told(None, False, 0) == {}


def test_the_timer_names_one_moment_in_utc_and_makes_up_for_a_host_that_was_off() -> None:
    text = warmth.timer("football", 1_780_000_000)
    assert "OnCalendar=2026-05-28 20:26:40 UTC" in text
    assert "Persistent=true" in text


@pytest.fixture
def edge() -> Iterator[tuple[str, dict[str, Any]]]:
    """An edge over HTTP that says which release serves."""
    said: dict[str, Any] = {"status": 200, "body": {"release": "1.1.0"}}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(said["status"])
            self.end_headers()
            self.wfile.write(json.dumps(said["body"]).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", said
    server.shutdown()
    server.server_close()


@pytest.fixture
def cool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edge) -> Any:
    """Run the program on a note; docker is a double that says what runs and notes what is stopped."""
    stopped = tmp_path / "stopped"
    docker = tmp_path / "docker"
    docker.write_text(f"""#!/bin/sh
case "$1" in
  stop) echo "$2" >>{stopped} ;;
  stack) echo "$@" >>{stopped} ;;
  info) cat {tmp_path}/manages ;;
  *) cat {tmp_path}/runs ;;
esac
""")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def run(
        until: float = 0, runs: str = "1.0.0", edges: list[str] | None = None, manages: bool | None = None
    ) -> tuple[int, str]:
        (tmp_path / "runs").write_text(runs)
        (tmp_path / "manages").write_text(str(bool(manages)).lower())
        note = {
            "colour": "blue", "release": "1.0.0", "container": "football-blue", "until": until, "ca_file": "",
            "public_name": "football.test", "version_path": "/version", "version_key": "release",
            "edges": [edge[0]] if edges is None else edges,
            "engine": "compose" if manages is None else "swarm",
        }  # fmt: skip
        (tmp_path / "warm.json").write_text(json.dumps(note))
        monkeypatch.setattr(sys, "argv", ["cool_colour.py", str(tmp_path / "warm.json")])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "roles/release/files/cool_colour.py"), run_name="__main__")
        return int(ended.value.code or 0), stopped.read_text().strip() if stopped.exists() else ""

    return run


def test_it_is_stopped_when_its_window_has_passed(cool) -> None:
    assert cool() == (0, "football-blue")


def test_it_is_not_stopped_before(cool) -> None:
    assert cool(until=time.time() + 60) == (0, "")


def test_it_is_not_stopped_when_it_serves_again(cool, edge) -> None:
    edge[1]["body"] = {"release": "1.0.0"}
    assert cool() == (0, "")


@pytest.mark.parametrize("answer", [{"status": 503}, {"body": {}}, {"body": [1]}])
def test_while_no_edge_says_what_serves_it_stays_up_and_is_asked_for_again(cool, edge, answer) -> None:
    edge[1].update(answer)
    assert cool() == (1, "")
    assert cool(edges=["127.0.0.1:1"]) == (1, "")


def test_another_release_in_its_place_is_left_alone(cool) -> None:
    assert cool(runs="1.2.0") == (0, "")
    assert cool(runs="") == (0, "")


def test_of_a_swarm_the_host_that_manages_it_removes_the_stack_and_the_others_leave_it_alone(cool) -> None:
    assert cool(manages=False) == (0, "")
    assert cool(manages=True, runs="1.0.0\n1.0.0\n") == (0, "stack rm football-blue")


def test_a_stack_of_a_swarm_that_serves_again_is_left_alone(cool, edge) -> None:
    edge[1]["body"] = {"release": "1.0.0"}
    assert cool(manages=True) == (0, "")
    assert cool(manages=True, runs="1.2.0") == (0, "")
