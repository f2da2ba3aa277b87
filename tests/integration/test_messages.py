"""Messages over real connections: told once, kept when a receiver is away, told later, and noted in the record."""

from __future__ import annotations

import http.server
import json
import socketserver
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from golive_core import delivery, record, relay
from golive_core.notify import Message

NEWS = Message("run:verdict", "verdict", "urgent", {"en": "It broke", "zh": "出错"}, ["why"])


class Sink:
    """A web server that notes what is posted to it, and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.answers: list[tuple[int, bytes]] = []
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.seen.append({"path": self.path, "headers": dict(self.headers), "body": json.loads(body)})
                status, answer = sink.answers.pop(0) if sink.answers else (200, b'{"errcode":0,"code":0}')
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


class Mailbox(socketserver.StreamRequestHandler):
    """The least of an SMTP server: takes one mail, or refuses the account."""

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        for raw in self.rfile:
            line = raw.decode().strip()
            word = line.split(" ")[0].upper()
            if word == "EHLO":
                self.wfile.write(b"250-sink\r\n250 AUTH PLAIN\r\n")
            elif word == "AUTH":
                self.wfile.write(b"535 authentication failed\r\n")
            elif word == "DATA":
                self.wfile.write(b"354 go on\r\n")
                mail = []
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    mail.append(part.decode())
                self.server.mails.append("".join(mail))  # type: ignore[attr-defined]
                self.wfile.write(b"250 taken\r\n")
            elif word == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Any]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
    server.mails = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def tell(receiver: dict[str, Any], spool: delivery.Spool, message: Message = NEWS) -> delivery.Outcome:
    (outcome,) = delivery.tell([{"name": "r", **receiver}], message, spool, "en", delivery.Policy(2, 0.0, 2.0))
    return outcome


# --- one receiver


@pytest.mark.parametrize("kind", ["webhook", "slack", "wecom_robot", "dingtalk", "feishu"])
def test_a_message_is_told_once(sink, tmp_path, kind):
    spool = delivery.Spool(tmp_path)
    assert tell({"kind": kind, "url": f"{sink.url}/hook"}, spool).state == "sent"
    assert tell({"kind": kind, "url": f"{sink.url}/hook"}, spool).state == "again"
    assert len(sink.seen) == 1
    assert "It broke" in json.dumps(sink.seen[0]["body"])


def test_a_second_try_can_succeed(sink, tmp_path):
    sink.answers = [(503, b"")]
    outcome = tell({"kind": "slack", "url": sink.url}, delivery.Spool(tmp_path))
    assert (outcome.state, outcome.tries) == ("sent", 2)


def test_what_fails_is_kept_without_the_token_and_told_later(sink, tmp_path):
    sink.answers = [(200, b'{"errcode":310000,"errmsg":"sign not match"}')] * 2
    spool = delivery.Spool(tmp_path)
    receiver = {"name": "r", "kind": "dingtalk", "url": f"{sink.url}/send?access_token=TOKEN"}
    outcome = tell(receiver, spool)
    assert outcome.state == "kept"
    assert "sign not match" in outcome.why
    assert "TOKEN" not in outcome.why
    (kept,) = spool.waiting.glob("*.json")
    assert "TOKEN" not in kept.read_text("utf-8")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [row.state for row in delivery.tell_waiting([receiver], spool, "en")] == ["sent"]
    assert delivery.tell_waiting([receiver], spool, "en") == []


def test_a_receiver_that_is_gone_holds_nothing_up(sink, tmp_path):
    spool = delivery.Spool(tmp_path)
    spool.put("gone", NEWS, "")
    spool.put("r", NEWS, "")
    rows = delivery.tell_waiting([{"name": "r", "kind": "slack", "url": sink.url}], spool, "en")
    assert [(row.receiver, row.state) for row in rows] == [("r", "sent")]


def test_nobody_listens(tmp_path):
    outcome = tell({"kind": "slack", "url": "http://127.0.0.1:1/T0KEN"}, delivery.Spool(tmp_path))
    assert outcome.state == "kept"
    assert "127.0.0.1:1 refused the connection" in outcome.why
    assert "T0KEN" not in outcome.why


def test_mail_arrives(mailbox, tmp_path):
    server = f"127.0.0.1:{mailbox.server_address[1]}"
    receiver = {"kind": "email", "server": server, "from": "golive@x.test", "to": ["ops@x.test"], "tls": False}
    assert tell(receiver, delivery.Spool(tmp_path)).state == "sent"
    assert "Subject: [urgent] It broke" in mailbox.mails[0]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tls": False, "user": "golive", "password": "wrong"}, "answered 535 authentication failed"),
        ({}, "starttls"),
    ],
)
def test_mail_that_is_refused_says_why(mailbox, tmp_path, more, says):
    server = f"127.0.0.1:{mailbox.server_address[1]}"
    outcome = tell({"kind": "email", "server": server, "from": "g@x", "to": ["o@x"], **more}, delivery.Spool(tmp_path))
    assert outcome.state == "kept"
    assert says in outcome.why.lower()
    assert mailbox.mails == []


def test_a_file_is_its_owners(tmp_path):
    assert tell({"kind": "file"}, delivery.Spool(tmp_path)).state == "sent"
    file = tmp_path / "messages.jsonl"
    assert json.loads(file.read_text("utf-8"))["subject"] == "[urgent] It broke"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_old_news_is_dropped(tmp_path, monkeypatch):
    spool = delivery.Spool(tmp_path)
    spool.put("r", NEWS, "")
    real = time.time
    monkeypatch.setattr(delivery.time, "time", lambda: real() + delivery.KEEP_SECONDS + 1)
    assert spool.rows() == []
    assert list(spool.waiting.glob("*.json")) == []


# --- the module


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "20261128T040000Z-1.1.0"
    directory.mkdir()
    started = {
        "id": directory.name,
        "app": "football",
        "release": "1.1.0",
        "kind": "golive",
        "who": "ada",
        "where": "d",
    }
    record.append(directory, [("run.started", started)])
    return directory


def test_the_record_says_who_was_told_and_who_was_not(run_module, sink, run, tmp_path):
    receivers = [
        {"name": "team", "kind": "slack", "url": f"{sink.url}/T0KEN"},
        {"name": "away", "kind": "slack", "url": "http://127.0.0.1:1/T0KEN"},
    ]
    spool = {"spool": str(tmp_path / "spool"), "record": str(run), "tries": 1}
    result = run_module("golive_notify", {"event": "verdict", "receivers": receivers, **spool})
    assert result["changed"] is False
    (event,) = [event for event in record.read_events(run) if event["kind"] == "message"]
    states = {row["receiver"]: row["state"] for row in event["data"]["outcomes"]}
    assert states == {"team": "sent", "away": "kept"}
    assert "T0KEN" not in (run / record.EVENTS).read_text("utf-8")
    assert "NOT LIVE" in sink.seen[0]["body"]["text"]
    receivers[1]["url"] = f"{sink.url}/back"
    result = run_module("golive_notify", {"event": "waiting", "receivers": receivers, **spool})
    assert [row["state"] for row in result["waiting"]] == ["sent"]


def test_nobody_to_tell_is_said_and_never_counted_as_told(run_module, run, tmp_path):
    result = run_module("golive_notify", {"event": "start", "record": str(run), "spool": str(tmp_path / "spool")})
    assert "nobody was told" in result["sentence"]
    told = record.tell(record.read_events(run))
    assert told["messages"][0]["outcomes"] == []


def test_what_a_person_says_is_told_and_needs_no_record(run_module, sink, tmp_path):
    params = {"event": "said", "said": {"app": "football", "text": "back at 10:00"}, "spool": str(tmp_path / "spool")}
    params["receivers"] = [{"name": "t", "kind": "slack", "url": sink.url, "events": ["verdict"]}]
    assert run_module("golive_notify", params)["sentence"] == "said: told t"
    assert "football: back at 10:00" in sink.seen[0]["body"]["text"]


def test_check_mode_tells_nobody(run_module, sink, run, tmp_path):
    params = {"event": "start", "record": str(run), "spool": str(tmp_path / "spool")}
    params["receivers"] = [{"name": "t", "kind": "slack", "url": sink.url}]
    run_module("golive_notify", params, check_mode=True)
    assert sink.seen == []
    assert not (tmp_path / "spool").exists()


def test_the_program_of_the_relay_is_whole_and_the_same_each_time(run_module, tmp_path):
    dest = tmp_path / "relay.pyz"
    assert run_module("golive_relay", {"dest": str(dest)}, check_mode=True, changes=True)["changed"] is True
    assert not dest.exists()
    first = run_module("golive_relay", {"dest": str(dest)}, changes=True)
    assert first["changed"] is True
    assert {"__main__.py", "golive_core/relay.py", "golive_core/http.py", "golive_core/texts.py"} <= set(
        first["modules"]
    )
    assert run_module("golive_relay", {"dest": str(dest)})["changed"] is False


# --- the relay


def payload(probe: str = "", status: str = "firing") -> bytes:
    labels = {"alertname": "GoliveProbe" if probe else "HostDown", "severity": "urgent", "probe": probe}
    alert = {"status": status, "fingerprint": f"f{probe}", "startsAt": "t", "labels": labels, "annotations": {}}
    return json.dumps({"groupKey": "k", "groupLabels": labels, "commonLabels": labels, "alerts": [alert]}).encode()


@pytest.fixture
def relayed(sink, tmp_path) -> Iterator[tuple[relay.Relay, Callable[..., tuple[int, str]]]]:
    """A relay with one robot, and a way to ask it."""
    made = relay.Relay(
        {
            "state": str(tmp_path),
            "language": "zh",
            "receivers": [{"name": "robot", "kind": "wecom_robot", "url": f"{sink.url}/send?key=T0KEN"}],
        }
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), relay.handler(made))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(path: str, body: bytes | None = None) -> tuple[int, str]:
        from golive_core import http as web

        aim = web.target(f"http://127.0.0.1:{server.server_address[1]}{path}")
        answer = web.fetch(aim, method="GET" if body is None else "POST", body=None if body is None else body.decode())
        return answer.status, answer.body.decode()

    yield made, ask
    server.shutdown()
    server.server_close()


def test_an_alert_is_on_disk_before_alertmanager_hears_that_it_was_taken(relayed, sink):
    made, ask = relayed
    assert ask("/alerts/robot", payload())[0] == 200
    assert len(made.spool.rows()) == 1
    made.work()
    assert made.spool.rows() == []
    assert "HostDown" in sink.seen[0]["body"]["markdown"]["content"]


def test_alertmanager_that_asks_again_tells_nobody_twice(relayed, sink):
    made, ask = relayed
    for _ in range(2):
        ask("/alerts/robot", payload())
        made.work()
    assert len(sink.seen) == 1


def test_a_robot_that_refuses_is_tried_again_later_and_the_deliveries_say_why(relayed, sink):
    made, ask = relayed
    sink.answers = [(200, b'{"errcode":93000,"errmsg":"invalid webhook url"}')]
    ask("/alerts/robot", payload("p1"))
    assert 1 < made.work() <= relay.FIRST_PAUSE
    row = json.loads(ask("/deliveries")[1])[-1]
    assert (row["receiver"], row["state"], row["probes"]) == ("robot", "failed", ["p1"])
    assert "invalid webhook url" in row["why"]
    assert "T0KEN" not in row["why"]
    assert 'golive_relay_waiting{receiver="robot"} 1' in ask("/metrics")[1]
    made.due = dict.fromkeys(made.due, (0.0, 2.0))
    made.work()
    assert 'golive_relay_waiting{receiver="robot"} 0' in ask("/metrics")[1]


def test_the_switch_shows_a_metric_and_ends_by_itself(relayed):
    _, ask = relayed
    assert ask("/switch?id=p1&seconds=60", b"")[0] == 200
    assert 'golive_probe{probe="p1"} 1' in ask("/metrics")[1]
    ask("/switch?id=p1&seconds=0", b"")
    assert "p1" not in ask("/metrics")[1]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/alerts/nobody", payload(), 404),
        ("/alerts/robot", b"{}", 400),
        ("/alerts/robot", b"tea", 400),
        ("/switch?id=../x", b"", 400),
        ("/tea", b"", 404),
    ],
)
def test_what_makes_no_sense_is_refused(relayed, path, body, status):
    assert relayed[1](path, body)[0] == status
