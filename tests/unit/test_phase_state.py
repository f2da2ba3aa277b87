"""Phases that stand: what a host must still look like, and what is said of one that does not."""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path

import pytest
import yaml
from golive_core import warmth
from golive_core.notes import complete
from golive_core.phase_state import (
    Finished,
    Look,
    State,
    files_of,
    notes,
    to_remember,
    to_work,
    units_of,
)
from support import ROOT

NOW, DAY = 1_000_000.0, 86400.0
INPUTS = {"infrastructure": "a", "monitoring": "b"}
LOOK = Look(boot="1", files={"/etc/motd": "x", "/etc/hosts": "y"}, units=["haproxy.service", "ssh.service"])


def finished(**changed: object) -> State:
    state = State()
    state.finish("infrastructure", Finished("a", "run1", NOW - 60), LOOK)
    for name, value in changed.items():
        setattr(state, name, value)
    return state


def test_a_finished_phase_stands_and_one_that_was_not_is_not_mentioned():
    assert finished().standing(INPUTS, LOOK, NOW, DAY) == ({"infrastructure": {"run": "run1", "at": NOW - 60}}, {})


@pytest.mark.parametrize(
    ("inputs", "look", "now", "why"),
    [
        ({"infrastructure": "other"}, LOOK, NOW, "what it is made of has changed"),
        (INPUTS, Look("2", LOOK.files, LOOK.units), NOW, "the host was booted since"),
        (INPUTS, Look("1", LOOK.files, ["ssh.service"]), NOW, "haproxy.service no longer runs"),
        (INPUTS, Look("1", LOOK.files, []), NOW, "haproxy.service, ssh.service no longer run"),
        (INPUTS, Look("1", {**LOOK.files, "/etc/motd": "z"}, LOOK.units), NOW, "/etc/motd is not as it was"),
        (INPUTS, Look("1", {"/etc/motd": "x"}, LOOK.units), NOW, "/etc/hosts is not as it was"),
        (INPUTS, Look("1", {**LOOK.files, "/etc/new": "z"}, LOOK.units), NOW, "/etc/new is not as it was"),
        (INPUTS, LOOK, NOW + DAY, "it was finished 24 h ago"),
        (INPUTS, LOOK, NOW - 7200, "it was finished -2 h ago"),
    ],
)
def test_it_does_not_stand_and_the_reason_is_said(inputs, look, now, why):
    assert finished().standing(inputs, look, now, DAY) == ({}, {"infrastructure": why})


def test_many_files_are_counted():
    files = {f"/etc/{number}": "new" for number in range(9)} | dict(LOOK.files)
    _, anew = finished().standing(INPUTS, Look("1", files, LOOK.units), NOW, DAY)
    assert anew["infrastructure"] == "/etc/0, /etc/1, /etc/2 and 6 more are not as it was"


def test_more_units_than_before_are_no_difference():
    standing, _ = finished().standing(INPUTS, Look("1", LOOK.files, [*LOOK.units, "new.service"]), NOW, DAY)
    assert "infrastructure" in standing


def test_after_a_run_that_was_cut_off_in_a_later_phase_files_say_nothing_but_units_do():
    state = finished()
    state.begin("monitoring")
    assert "infrastructure" in state.standing(INPUTS, Look("1", {"/etc/motd": "z"}, LOOK.units), NOW, DAY)[0]
    assert "infrastructure" in state.standing(INPUTS, Look("1", {}, []), NOW, DAY)[1]


def test_a_phase_that_begins_does_not_stand_and_its_end_counts_again():
    state = finished()
    state.begin("infrastructure")
    assert state.standing(INPUTS, LOOK, NOW, DAY) == ({}, {})
    state.finish("infrastructure", Finished("a", "run2", NOW), LOOK)
    assert state.begun == ""
    assert state.standing(INPUTS, LOOK, NOW, DAY)[0]["infrastructure"]["run"] == "run2"


def test_it_reads_what_it_wrote_and_takes_what_is_broken_for_nothing(tmp_path: Path):
    file = tmp_path / "phases.json"
    assert State.read(file) == State()
    file.write_text(finished(begun="monitoring").text())
    assert State.read(file).text() == finished(begun="monitoring").text()
    whole = json.loads(finished().text())
    for broken in ("", "{", "[]", "{}", json.dumps({**whole, "look": {"odd": 1}}), json.dumps({**whole, "phases": 3})):
        file.write_text(broken)
        assert State.read(file) == State(), broken
    file.write_bytes(b"\xff\xfe")
    assert State.read(file) == State()


def test_every_way_in_which_a_file_can_change_is_seen(tmp_path: Path):
    (tmp_path / "a").write_text("one")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b").write_text("two")
    (tmp_path / "link").symlink_to("a")
    look = lambda: files_of([str(tmp_path)], [])  # noqa: E731
    before = look()
    assert {Path(path).name for path in before} == {tmp_path.name, "a", "below", "b", "link"}
    for change, back in [
        (lambda: (tmp_path / "a").write_text("1"), lambda: (tmp_path / "a").write_text("one")),
        (lambda: (tmp_path / "a").chmod(0o600), lambda: (tmp_path / "a").chmod(0o644)),
        (lambda: (tmp_path / "below").chmod(0o700), lambda: (tmp_path / "below").chmod(0o755)),
        (
            lambda: (tmp_path / "below" / "b").rename(tmp_path / "b"),
            lambda: (tmp_path / "b").rename(tmp_path / "below" / "b"),
        ),
    ]:
        change()
        assert look() != before
        back()
        assert look() == before
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    assert look() != before


def test_what_changes_by_itself_is_left_out_and_what_is_missing_has_no_files(tmp_path: Path):
    (tmp_path / "map").write_text("")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b").write_text("")
    seen = files_of([str(tmp_path), str(tmp_path / "none")], ["*/below", f"{tmp_path}/map"])
    assert list(seen) == [str(tmp_path)]


def test_a_big_file_is_told_by_size_and_time_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("golive_core.phase_state.READ_AT_MOST", 3)
    big = tmp_path / "big"
    big.write_text("four")
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    before = files_of([str(big)], [])
    big.write_text("fives")
    assert files_of([str(big)], []) != before


def test_only_enabled_units_are_watched():
    shown = (
        "Id=haproxy.service\nUnitFileState=enabled\n\nId=dbus.service\nUnitFileState=static\n\n"
        "Id=postgresql@17-main.service\nUnitFileState=enabled-runtime\n\nUnitFileState=\nId=x.service\n"
    )
    assert units_of(shown) == ["haproxy.service", "postgresql@17-main.service"]


def test_what_a_later_phase_writes_does_not_make_an_earlier_one_work_again():
    unwatched = yaml.safe_load((ROOT / "roles/phase/defaults/main.yml").read_text())["phase_unwatched"]
    release_writes = [
        "/etc/prometheus/targets/app.json",
        *(f"/etc/systemd/system/{warmth.unit('football')}.{kind}" for kind in ("service", "timer")),
        f"/etc/systemd/system/timers.target.wants/{warmth.unit('football')}.timer",
    ]
    for path in release_writes:
        assert any(fnmatch.fnmatchcase(path, pattern) for pattern in unwatched), path
    warm = f"Id={warmth.unit('football')}.timer\nUnitFileState=enabled\n\nId=ssh.service\nUnitFileState=enabled\n"
    assert units_of(warm, unwatched) == ["ssh.service"]


HOSTVARS = {
    "localhost": {"golive_go_on": True},
    "app1": {"golive_phases": {"standing": {"infrastructure": {"run": "run1", "at": 0}}, "anew": {}}},
    "app2": {"golive_phases": {"standing": {}, "anew": {"infrastructure": "the host was booted since"}}},
    "data1": {"golive_phases": {"skipped": True}},
    "ops1": {},
}
HOSTS = ["app1", "app2", "data1", "ops1"]


def test_work_is_done_where_a_phase_does_not_stand_and_remembered_there():
    assert to_work(HOSTS, HOSTVARS, "infrastructure") == "app2:data1:ops1"
    assert to_remember(HOSTS, HOSTVARS, "infrastructure") == "app2:data1:ops1"
    assert to_work(["app1"], HOSTVARS, "infrastructure") == "!all"


def test_a_red_phase_is_forgotten_where_it_stood_and_another_phase_changes_nothing():
    red = {**HOSTVARS, "localhost": {"golive_go_on": False, "golive_red": "infrastructure"}}
    assert to_work(HOSTS, red, "infrastructure") == "!all"
    assert to_remember(HOSTS, red, "infrastructure") == "app1"
    assert to_remember(HOSTS, red, "monitoring") == "!all"
    assert to_remember(HOSTS, {**red, "localhost": {}}, "infrastructure") == "!all"


def test_the_record_says_what_stands_and_why_the_rest_does_not():
    assert [complete(note)["message"] for note in notes(HOSTS, HOSTVARS)] == [
        "Phase infrastructure stands on app1, unchanged since run run1: it is measured again, not done again.",
        "Phase infrastructure is done anew on app2: the host was booted since.",
    ]
    assert complete(notes(["app1"], HOSTVARS)[0])["message"].startswith("Phase infrastructure stands on every host, ")
