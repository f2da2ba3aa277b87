"""What a go-live explains is kept quiet, and nothing else."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from golive_core import silences
from golive_core.prometheus import Unanswered

NOW = 1_795_474_800.0
TARGET = {"name": "TargetDown", "explained_by_golive": {"job": "app"}}
CPU = {"name": "HostCpuHigh", "explained_by_golive": {"host": "app1|app2"}}
RULES = [{"name": "HostDown", "expr": "up == 0"}, TARGET, CPU]


class Alertmanager:
    """As much of its API as silences need, in the shapes of version 2."""

    def __init__(self) -> None:
        self.silences: dict[str, dict[str, Any]] = {}
        self.fails_after = 99
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, said: Any, status: int = 200) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(said).encode())

            def do_GET(self) -> None:
                self.answer(list(double.silences.values()))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if len(double.silences) >= double.fails_after:
                    self.answer({"error": "no room"}, 500)
                    return
                name = f"id-{len(double.silences) + 1}"
                double.silences[name] = {"id": name, "status": {"state": "active"}, **body}
                self.answer({"silenceID": name})

            def do_DELETE(self) -> None:
                double.silences[self.path.rpartition("/")[2]]["status"]["state"] = "expired"
                self.answer({})

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def active(self) -> list[str]:
        return [name for name, row in self.silences.items() if row["status"]["state"] == "active"]


@pytest.fixture
def alertmanager() -> Iterator[Alertmanager]:
    made = Alertmanager()
    yield made
    made.server.shutdown()
    made.server.server_close()


def asked(url: str, run: str = "run-1") -> silences.Asked:
    return silences.Asked(url, "football", run, 600, timeout=5)


def test_only_rules_that_say_so_are_kept_quiet() -> None:
    assert [rule["name"] for rule in silences.explained(RULES)] == ["TargetDown", "HostCpuHigh"]


def test_a_silence_is_for_one_alert_with_its_labels_and_has_an_end() -> None:
    body = silences.body(TARGET, "football", "run-1", NOW, 600)
    assert body["matchers"] == [
        {"name": "alertname", "value": "TargetDown", "isRegex": False, "isEqual": True},
        {"name": "job", "value": "app", "isRegex": True, "isEqual": True},
    ]
    assert (body["startsAt"], body["endsAt"]) == ("2026-11-23T23:00:00Z", "2026-11-23T23:10:00Z")
    assert body["createdBy"] == "golive"
    assert body["comment"] == "football: run-1"


def test_they_stand_for_the_run_and_are_gone_after_it(alertmanager: Alertmanager) -> None:
    made = silences.begin(asked(alertmanager.url), RULES, NOW)
    assert [one["alert"] for one in made] == ["TargetDown", "HostCpuHigh"]
    assert alertmanager.active == [one["id"] for one in made]
    assert silences.end(asked(alertmanager.url)) == list(alertmanager.silences)
    assert alertmanager.active == []


def test_those_of_a_run_that_was_killed_go_when_the_next_begins(alertmanager: Alertmanager) -> None:
    silences.begin(asked(alertmanager.url, "killed"), RULES, NOW)
    silences.begin(asked(alertmanager.url, "next"), RULES, NOW)
    assert {alertmanager.silences[name]["comment"] for name in alertmanager.active} == {"football: next"}


@pytest.mark.parametrize(
    "other", [{"createdBy": "an operator", "comment": "football: disk"}, {"createdBy": "golive", "comment": "shop: r"}]
)
def test_what_others_have_silenced_stays(alertmanager: Alertmanager, other: dict[str, str]) -> None:
    alertmanager.silences["theirs"] = {"id": "theirs", "status": {"state": "active"}, **other}
    silences.begin(asked(alertmanager.url), RULES, NOW)
    silences.end(asked(alertmanager.url))
    assert alertmanager.active == ["theirs"]


def test_where_one_is_refused_none_is_left(alertmanager: Alertmanager) -> None:
    alertmanager.fails_after = 1
    with pytest.raises(Unanswered, match="no room"):
        silences.begin(asked(alertmanager.url), RULES, NOW)
    assert alertmanager.active == []


def test_no_answer_is_said() -> None:
    with pytest.raises(Unanswered, match="gave no answer"):
        silences.begin(asked("http://127.0.0.1:9"), RULES, NOW)


def test_what_is_told_names_alerts_silences_and_the_end() -> None:
    made = [{"alert": "TargetDown", "labels": {"job": "app"}, "id": "id-1"}]
    told = silences.begun("ops1", made, NOW + 600)
    assert told["message"] == (
        "Alertmanager on ops1 keeps quiet what this run explains, until 2026-11-23T23:10:00Z at the latest: "
        "TargetDown of job app (silence id-1). Every other alert arrives."
    )
