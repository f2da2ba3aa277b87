"""What a run tells while it goes on."""

from __future__ import annotations

import json

import pytest
from golive_core import record
from golive_core.progress import LONGEST_DIFF, Progress, Task, diff_lines, last_run

WORK, JUDGE, KEEP = Task("Work"), Task("Judge", "gate_verdict", "gates"), Task("Note it", "golive_record", "record")
SAY = Task("Say it", "ansible.builtin.debug")


def verdict(gate="security.port", kind="PASS", waived=None):
    return {"gate": gate, "host": "app1", "verdict": kind, "message": "seen", "remedy": "", "waived": waived}


def wrote(directory, state="appended", events=(), **run):
    said = {"run": run} if state == "started" else {"events": list(events)}
    return {"directory": str(directory), **said}


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def run(clock):
    return Progress("golive.yml", clock=clock)


def begin(run, directory, **more):
    run.play("Preflight | Check what was asked for")
    facts = {"app": "football", "release": "1.1.0", "kind": "golive", **more}
    return run.result("localhost", "ok", KEEP, wrote(directory, "started", **facts))


def kinds(events):
    return [event["event"] for event in events]


def finished(directory, name, *, kind="golive", verdict="LIVE", took=60):
    path = directory / name
    path.mkdir(parents=True)
    told = {
        "run": {"app": "football", "kind": kind, "started": "2026-11-28T01:00:00Z", "finished": "2026-11-28T01:03:00Z"},
        "verdict": verdict,
        "phases": {
            "security": {
                "state": "complete",
                "started": "2026-11-28T01:00:00Z",
                "finished": f"2026-11-28T01:00:{took - 30}Z",
            },
            "watch": {"state": "not reached"},
        },
        "gates": [{"gate": "security.a"}, {"gate": "security.b"}],
    }
    (path / "record.json").write_text(json.dumps(told))


def test_a_phase_begins_with_its_first_task_and_ends_with_the_next_phase(run, clock):
    assert run.play("Security | Give and refuse access") == []
    assert kinds(run.starts(WORK, "app1")) == ["phase.started"]
    clock.now = 9
    assert run.play("Security | Judge") == []
    assert run.starts(WORK, "localhost") == []
    assert run.play("Monitoring | Converge") == []
    ended, began = run.starts(WORK, "ops1")
    assert (ended["event"], ended["phase"], ended["state"], ended["seconds"]) == (
        "phase.finished",
        "security",
        "complete",
        9,
    )
    assert (began["phase"], began["place"], began["all"]) == ("monitoring", 5, 10)


def test_a_play_without_hosts_is_no_phase(run):
    run.play("Security | Judge")
    run.play("Flip back | Give the traffic back")
    run.play("Record | End")
    assert [event["phase"] for event in run.starts(WORK)] == ["record"]


def test_hosts_are_at_work_until_they_answer(run):
    run.play("Security | Work")
    for host in ("app1", "app2"):
        run.starts(WORK, host)
    assert list(run.busy) == ["app1", "app2"]
    run.result("app1", "ok", WORK, {})
    assert list(run.busy) == ["app2"]
    run.starts(Task("Another"), "app3")
    assert list(run.busy) == ["app3"]


def test_verdicts_come_as_they_are_made_and_count_for_their_phase(run):
    run.play("Security | Judge")
    found = run.result("localhost", "ok", JUDGE, {"verdicts": [verdict(), verdict(kind="FAIL", waived={"who": "ada"})]})
    assert [event["verdict"] for event in found if event["event"] == "gate"] == ["PASS", "FAIL"]
    run.play("Record | End")
    ended = run.starts(WORK)[0]
    assert ended["gates"] == {"passed": 1, "all": 2}
    assert ended["state"] == "complete"  # the other one is waived


@pytest.mark.parametrize("kind", ["FAIL", "NO-EVIDENCE"])
def test_a_gate_that_blocks_fails_its_phase(run, kind):
    run.play("Security | Judge")
    run.result("localhost", "ok", JUDGE, {"verdicts": [verdict(), verdict(kind=kind)]})
    run.play("Record | End")
    assert run.starts(WORK)[0]["state"] == "failed"


def test_measurements_are_counted_once_per_gate_and_host(run):
    run.play("Security | Measure")
    for host in ("app1", "app1", "app2"):
        run.result(host, "ok", WORK, {"measurements": [{"id": "security.a"}, {"id": "security.b"}]})
    assert len(run.phase.measured) == 4


def test_a_failed_step_is_told_at_once_and_fails_its_phase(run):
    run.play("Release | Stage")
    found = run.result("app2", "failed", Task("Start it"), {"msg": "port 8001 is taken"})
    assert found[-1] == {"event": "failed", "host": "app2", "task": "Start it", "message": "port 8001 is taken"}
    assert run.ends(2)[0]["state"] == "failed"


def test_a_failure_that_is_expected_is_not_told(run):
    run.play("Release | Stage")
    assert kinds(run.result("app2", "ignored", WORK, {"msg": "not there"})) == ["phase.started"]


def test_a_lost_host_is_named_at_the_end(run):
    run.play("Release | Stage")
    run.result("app2", "unreachable", WORK, {"msg": "timed out"})
    assert run.ends(4)[-1]["lost"] == {"app2": 1}


def test_the_run_is_known_from_what_begins_its_record(run, tmp_path):
    finished(tmp_path, "20261127T000000Z-1.0.0")
    started = begin(run, tmp_path / "20261128T000000Z-1.1.0")[-1]
    assert (started["app"], started["release"], started["last_seconds"]) == ("football", "1.1.0", 180)
    assert run.expected("security") == 2
    fact = {"kind": "run.fact", "data": {"previous": "1.0.0"}}
    assert run.result("localhost", "ok", KEEP, wrote(tmp_path, events=[fact]))[-1]["previous"] == "1.0.0"


def test_the_last_run_is_the_newest_of_its_kind_that_came_to_a_good_end(tmp_path):
    finished(tmp_path, "1", took=40)
    finished(tmp_path, "2", took=50)
    finished(tmp_path, "3", verdict="NOT LIVE")
    finished(tmp_path, "4", kind="rollback")
    finished(tmp_path, "5")
    (tmp_path / "6").mkdir()
    (tmp_path / "6" / "record.json").write_text("{}")
    assert last_run(tmp_path, "football", "golive", but="5").seconds == {"security": 20}
    assert last_run(tmp_path, "another", "golive").total is None


def test_what_the_roles_say_to_people_is_told_but_not_what_the_last_lines_tell_anyway(run, tmp_path):
    run.play("Secrets | List them")
    assert [event.get("message") for event in run.result("localhost", "ok", SAY, {"msg": ["a", "b"]})][1:] == ["a", "b"]
    begin(run, tmp_path / "run")
    said = run.result("localhost", "ok", Task("Say how it ended", "debug", "record"), {"msg": "Verdict: LIVE"})
    assert said == []


def test_a_plan_names_what_would_change_with_its_difference(clock):
    plan = Progress("golive.yml", check=True, diff=True, clock=clock)
    plan.play("Security | Work")
    changed = {"changed": True, "diff": {"before": "a\n", "after": "b\n"}}
    for host in ("app1", "app2"):
        assert kinds(plan.result(host, "ok", Task("Write it"), changed)) in (["phase.started"], [])
    (found,) = plan.play("Security | Judge")
    assert (found["event"], found["task"], found["hosts"]) == ("changed", "Write it", ["app1", "app2"])
    assert found["diff"][-2:] == ["-a", "+b"]


def test_a_run_does_not_name_every_change_but_counts_them(run):
    run.play("Security | Work")
    assert kinds(run.result("app1", "ok", WORK, {"changed": True})) == ["phase.started"]
    assert run.ends(0)[-1]["changed"] == {"app1": 1}


def test_a_red_gate_does_not_fail_a_plan(clock):
    plan = Progress("golive.yml", check=True, clock=clock)
    plan.play("Security | Judge")
    plan.result("localhost", "ok", JUDGE, {"verdicts": [verdict(kind="FAIL"), verdict(kind="NO-EVIDENCE")]})
    ended, last = plan.ends(0)
    assert (ended["state"], ended["not_measured"]) == ("planned", 1)
    assert last["code"] == 0


def test_a_finished_record_is_the_end(run, tmp_path):
    begin(run, tmp_path / "run")
    told = record.tell([])
    told.update(verdict="LIVE", run={"release": "1.1.0"})
    run.result("localhost", "ok", KEEP, {**wrote(tmp_path / "run", "finished"), "told": told})
    last = run.ends(0)[-1]
    assert (last["exit_name"], last["code"], last["told"]["verdict"]) == ("live", 0, "LIVE")
    assert run.ends(2, interrupted=True) == []  # it ends once


def test_the_failure_that_only_says_how_it_ended_is_not_told_twice(run, tmp_path):
    begin(run, tmp_path / "run")
    run.result(
        "localhost", "ok", KEEP, {**wrote(tmp_path, "finished"), "told": {**record.tell([]), "verdict": "NOT LIVE"}}
    )
    assert run.result("localhost", "failed", Task("Fail the run", "fail", "record"), {"msg": "NOT LIVE"}) == []


def test_an_interrupted_run_is_told_from_the_events_that_it_left(run, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    record.append(
        directory,
        [
            ("run.started", {"app": "football", "release": "1.1.0", "kind": "golive", "phases": []}),
            ("switch", {"before": "1.0.0", "after": "1.1.0"}),
        ],
    )
    begin(run, directory)
    last = run.ends(99, interrupted=True)[-1]
    assert (last["code"], last["told"]["verdict"]) == (130, "UNPROVEN")


def test_a_refusal_before_the_run_began_is_a_wrong_use(run):
    run.play("Preflight | Check")
    run.result("localhost", "failed", Task("Refuse", "ansible.builtin.assert", "golive"), {"msg": "no such release"})
    assert run.ends(2)[-1]["code"] == 2


def test_warnings_are_told_with_their_host(run):
    run.play("Security | Work")
    assert run.result("app1", "ok", WORK, {"warnings": ["old"]})[-1] == {
        "event": "warning",
        "message": "old",
        "host": "app1",
    }
    expected = "Skipped '/etc/x' path due to this access issue: '/etc/x' is not a directory"
    assert run.result("app1", "ok", WORK, {"warnings": [expected]}) == []  # of a host that is new
    assert run.result("app2", "ok", WORK, {"warnings": ["old"]}) == []  # once is enough


@pytest.mark.parametrize(
    ("diff", "last"),
    [
        ([{"before": "a", "after": "b"}], ["-a", "+b"]),
        ({"before": {"mode": "0644"}, "after": {"mode": "0600"}}, ['-  "mode": "0644"', '+  "mode": "0600"', " }"]),
        ({"prepared": "one\ntwo"}, ["one", "two"]),
        ({"dst_binary": 1}, []),
        (None, []),
        ("nothing", []),
    ],
)
def test_differences(diff, last):
    found = diff_lines(diff)
    assert found[len(found) - len(last) :] == last
    assert bool(found) == bool(last)


def test_a_long_difference_ends_with_how_much_there_is_more():
    found = diff_lines({"before": "", "after": "x\n" * 1000})
    assert len(found) == LONGEST_DIFF + 1
    assert found[-1].startswith("... and 603 lines more")
