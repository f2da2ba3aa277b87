"""How a run looks on a terminal."""

from __future__ import annotations

import pytest
from golive_core import record
from golive_core.progress import Before, Progress, Task
from golive_core.terminal import View, bar, clock, cut, pad, width_of

ENDED = {
    "event": "run.finished",
    "told": None,
    "check": False,
    "exit_name": "live",
    "phase": "release",
    "seconds": 161,
    "last_seconds": 185,
    "changed": {"app1": 12, "edge1": 3},
    "lost": {},
    "failures": [],
    "directory": "/x/run",
    "log": "/x/run.log",
}
GATE = {
    "event": "gate",
    "gate": "release.live_health",
    "host": "app2",
    "verdict": "FAIL",
    "message": "/health/ answered 503 in 5 of 5 tries (wanted 200)",
    "remedy": {"en": "Read the log.", "zh": "查看日志。"},
    "waived": None,
}


def told(verdict="LIVE", **more):
    return {**record.tell([]), "verdict": verdict, "run": {"release": "1.1.0", "previous": "1.0.0"}, **more}


def shown(event, **view):
    return "\n".join(View(**view).lines(event))


def finished(**more):
    return {
        "event": "phase.finished",
        "phase": "security",
        "state": "complete",
        "seconds": 21.4,
        "last_seconds": None,
        "gates": {"passed": 12, "all": 12},
        "changed": 0,
        **more,
    }


def test_a_phase_that_is_complete():
    assert shown(finished(last_seconds=19.7, changed=4)) == (
        " ✔ security         12/12 gates      21 s   last time 20 s · changed: 4"
    )


def test_a_phase_in_chinese_stays_in_its_columns():
    english, chinese = (shown(finished(), language=language) for language in ("en", "zh"))
    assert chinese.startswith(" ✔ 安全 ")
    assert width_of(english) == width_of(chinese)


def test_colours_only_where_they_are_wanted():
    assert "\x1b[" not in shown(finished(changed=1))
    assert "\x1b[32m✔" in shown(finished(changed=1), colour=True)


def test_a_red_gate_says_what_was_measured_and_what_to_do():
    assert shown(GATE).splitlines() == [
        "   ✘ release.live_health FAIL on app2: /health/ answered 503 in 5 of 5 tries (wanted 200)",
        "     Next: Read the log.",
    ]
    assert "措施: 查看日志。" in shown(GATE, language="zh")


def test_a_green_gate_says_nothing():
    assert shown({**GATE, "verdict": "PASS"}) == ""


def test_a_waiver_is_seen():
    waived = {"who": "ada", "until": "2026-12-01", "reason": "no archive"}
    assert "(waived until 2026-12-01 by ada: no archive)" in shown({**GATE, "waived": waived})


def test_a_plan_says_what_would_fail_and_leaves_out_what_it_cannot_know():
    assert "release.live_health would FAIL on app2" in shown({**GATE, "check": True})
    assert shown({**GATE, "check": True, "verdict": "NO-EVIDENCE"}) == ""


def test_what_hosts_say_does_not_steer_the_terminal():
    assert "\x1b" not in shown({**GATE, "message": "\x1b[2J\x07gone"})
    assert "\x1b" not in shown({"event": "changed", "hosts": ["a"], "task": "b", "diff": ["+\x1b]0;x\x07"]})


def test_the_end_of_a_good_run():
    gates = [{**GATE, "verdict": "PASS"}]
    switches = [{"kind": "switch", "before": "1.0.0", "after": "1.1.0"}]
    assert shown({**ENDED, "told": told(gates=gates, switches=switches)}).splitlines() == [
        "",
        "  Verdict    LIVE: the release serves, every gate that is not waived passed",
        "  Traffic    1.1.0 serves (before: 1.0.0)",
        "  Gates      1 of 1 passed",
        "  Took       02:41 (last time 03:05)",
        "  Changed    app1 12, edge1 3",
        "  Record     /x/run/record.md",
        "  Log        /x/run.log",
    ]


def test_the_end_of_a_run_that_was_stopped():
    failures = [{"host": "app2", "message": "port 8001 is taken"}]
    bad = {**ENDED, "told": told("NOT LIVE", gates=[GATE], failures=failures), "exit_name": "stopped"}
    assert shown(bad).splitlines()[1:8] == [
        "  Verdict    NOT LIVE: stopped before the switch, whatever served before still serves",
        "  Failed     app2: port 8001 is taken",
        "             release.live_health FAIL on app2: /health/ answered 503 in 5 of 5 tries (wanted 200)",
        "               Next: Read the log.",
        "  Traffic    1.0.0 keeps serving; nothing was switched",
        "  Gates      0 of 1 passed",
        "  Next       ./golive doctor release.live_health",
    ]


def test_the_end_of_an_interrupted_run_says_where_it_was_and_what_was_left():
    said = shown({**ENDED, "told": told("NOT LIVE"), "exit_name": "interrupted"})
    assert "Verdict    INTERRUPTED in phase release" in said
    assert "1.0.0 keeps serving; nothing was switched" in said
    assert "run the same command again: it carries on" in said


def test_the_end_of_a_run_that_was_refused():
    failures = [{"host": "localhost", "message": "no such release. Nothing was touched."}]
    said = shown({**ENDED, "exit_name": "usage", "failures": failures})
    assert "Failed     localhost: no such release. Nothing was touched." in said


def test_the_end_of_a_plan_claims_no_verdict():
    said = shown({**ENDED, "check": True, "told": told("NOT LIVE")})
    assert "Result     planned; nothing was changed" in said
    assert "Verdict" not in said
    assert "Record" not in said


def test_lines_are_said_when_a_phase_begins_unless_the_last_line_says_it():
    began = {"event": "phase.started", "phase": "watch", "place": 9, "all": 10, "last_seconds": 60}
    assert shown(began) == " ▶ watch            9 of 10 · last time 01:00"
    assert shown(began, live=True) == ""


@pytest.fixture
def run():
    moment = [0.0]
    progress = Progress("golive.yml", clock=lambda: moment[0])
    progress.before = Before({"security": 20.0}, {"security": 12}, 185.0)
    progress.play("Security | Work")
    for host in ("app1", "app2", "data1", "edge1"):
        progress.starts(Task("Give and refuse access"), host)
    progress.result("edge1", "ok", Task("Give and refuse access"), {"measurements": [{"id": "security.a"}]})
    return progress


def test_the_line_that_moves(run):
    line = View(live=True).status(run, 10.0, 120)
    assert line.startswith(" ▶ security         1/12 measured    10 s   ████████         Give and refuse access")
    assert "· app1, app2, data1" in line
    assert line.endswith(" 00:10 / 03:05")
    assert width_of(line) < 120


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_never_takes_a_second_line(run, width, language):
    assert width_of(View(language=language, live=True).status(run, 10.0, width)) < width


def test_there_is_none_before_the_first_phase():
    assert View(live=True).status(Progress("x.yml"), 1.0, 80) == ""


@pytest.mark.parametrize(("seconds", "text"), [(0, "00:00"), (61.4, "01:01"), (3723, "1:02:03")])
def test_times(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(-1, "    "), (0, "    "), (0.5, "██  "), (0.53, "██▏ "), (1, "████"), (7, "████")]
)
def test_bars(share, text):
    assert bar(share, 4) == text


@pytest.mark.parametrize(("line", "width", "text"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("安全安全", 5, "安全…")])
def test_cut(line, width, text):
    assert cut(line, width) == text
    assert width_of(pad(cut(line, width), width)) == width
