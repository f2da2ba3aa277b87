"""What ./golive record and ./golive stats tell, from records as golive_core writes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from golive_core import record

from golive import __main__, dora, records
from golive.say import Problem


def told(at: str, kind: str = "golive", verdict: str = "LIVE", **values: Any) -> dict[str, Any]:
    """Return the content of a record.json: switched at `at`, and back at `back` if that is given."""
    back, committed = values.pop("back", None), values.pop("committed_at", None)
    switches = [{"kind": "switch", "time": at}, *([{"kind": "flip_back", "time": back}] if back else [])]
    manifest = {"committed_at": committed} if committed is not None else {}
    run = {"id": f"{at}-run", "kind": kind, "app": "football", "release": "1.0.0", "manifest": manifest}
    return {"run": run, "verdict": verdict, "switches": switches, "gates": [], "phases": {}, **values}


DAY = "2026-11-{:02}T12:00:00.000Z"


def test_the_figures_of_a_month() -> None:
    rows = [
        told(DAY.format(11), verdict="ROLLED BACK", back="2026-11-11T12:02:00.000Z"),
        told(DAY.format(1), committed_at="2026-11-01T10:00:00Z"),
        told(DAY.format(6), committed_at="2026-11-06T06:00:00Z"),
        told("2026-11-06T12:30:00.000Z", kind="rollback"),
        told("2026-11-08T12:00:00.000Z", kind="rotation"),
        told(DAY.format(16)),
    ]
    assert dora.figures(dora.deployments(rows)) == {
        "deployments": 4,
        "first": "2026-11-01T12:00:00+00:00",
        "last": "2026-11-16T12:00:00+00:00",
        "per_day": 3 / 15,
        "lead_seconds": 4 * 3600,  # of 2 h and 6 h
        "lead_known": 2,
        "failed": 2,
        "failure_share": 0.5,
        "recovery_seconds": (120 + 1800) / 2,
        "recovered": 2,
    }


def test_nothing_is_invented_of_nothing_and_of_one() -> None:
    nothing = dora.figures([])
    assert [nothing[key] for key in ("per_day", "lead_seconds", "failure_share", "recovery_seconds")] == [None] * 4
    assert [value.split(":")[0] for _, value in records.sentences(nothing)] == ["not known"] * 4
    one = dora.figures(dora.deployments([told(DAY.format(1))]))
    assert (one["per_day"], one["failure_share"]) == (None, 0.0)


def test_a_run_that_never_switched_is_no_deployment() -> None:
    assert dora.deployments([{**told(DAY.format(1)), "switches": [], "verdict": "NOT LIVE"}]) == []


@pytest.mark.parametrize("committed", ["", "yesterday", "2026-11-01T12:00:00", "2026-11-02T00:00:00Z", 7])
def test_a_commit_time_that_cannot_be_is_not_known(committed: Any) -> None:
    (found,) = dora.deployments([told(DAY.format(1), committed_at=committed)])
    assert found.lead_seconds is None


def test_a_switch_that_was_not_proven_failed_and_nobody_knows_when_it_recovered() -> None:
    (found,) = dora.deployments([told(DAY.format(1), verdict="UNPROVEN")])
    assert (found.failed, found.recovery_seconds) == (True, None)


def test_a_rollback_counts_for_the_deployment_before_it_only() -> None:
    rows = [
        told(DAY.format(1)),
        told(DAY.format(2)),
        told(DAY.format(3), kind="rollback", verdict="UNPROVEN"),
        told(DAY.format(4), kind="rollback"),
    ]
    found = dora.deployments(rows)
    assert [each.failed for each in found] == [False, True]
    assert found[1].recovery_seconds == 2 * 86_400


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "not known"),
        (0.4, "0 s"),
        (45, "45 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_200, "2.0 h"),
        (172_800, "2.0 days"),
    ],
)
def test_a_duration_in_words(seconds: float | None, said: str) -> None:
    assert records.duration(seconds) == said


# --- the command


def gate(id: str, verdict: str = "PASS", value: float = 0.1) -> tuple[str, dict[str, Any]]:
    return "gate", {
        "gate": id, "host": "app1", "verdict": verdict, "value": value, "bound": None, "threshold": 0.5, "unit": "s",
        "n": 5, "message": "seen", "remedy": {"en": "Look.", "zh": "看。"}, "waived": None,
    }  # fmt: skip


ALL = [phase for phase in record.PHASES if phase != "record"]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a record with the given events, finished unless told otherwise."""

    def record_of(name: str, *rows: tuple[str, dict[str, Any]], finished: bool = True) -> Path:
        directory = tmp_path / "records" / name
        directory.mkdir(parents=True)
        manifest = {"commit": f"c-{name}", "image_id": "sha256:1"}
        run = {"id": name, "app": "football", "release": name, "kind": "golive", "who": "ada", "where": "desk"}
        record.append(directory, [("run.started", {**run, "manifest": manifest}), *rows])
        if finished:
            content = record.tell(record.read_events(directory))
            (directory / "record.json").write_text(json.dumps(content, ensure_ascii=False))
        return directory

    return record_of


@pytest.fixture
def golive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a function that runs ./golive with words, and gives exit code and all that was printed."""

    def run(*words: str) -> tuple[int, str]:
        place = [] if "verify" in words and len(words) > 2 else ["--records", str(tmp_path / "records")]
        monkeypatch.setattr(sys, "argv", ["golive", *words, *place])
        code = __main__.main()
        seen = capsys.readouterr()
        return code, seen.out + seen.err

    return run


SWITCH = ("switch", {"before": "a", "after": "b"})
DONE = [("phase.completed", {"phase": phase}) for phase in ALL]


def test_the_list_has_the_newest_first_and_says_what_became_of_each(write: Write, golive: Any) -> None:
    write("2026-1", *DONE, SWITCH, gate("a.x"), gate("a.y", "FAIL"))
    write("2026-2", finished=False)
    (write("2026-3") / "record.json").write_text("{")
    code, said = golive("record", "list")
    assert code == 0
    assert [line.split() for line in said.splitlines()] == [
        ["record", "kind", "app", "verdict", "gates", "signed"],
        ["2026-3", "-", "-", "UNREADABLE", "0/0", "no"],
        ["2026-2", "golive", "football", "NOT", "FINISHED", "0/0", "no"],
        ["2026-1", "golive", "football", "LIVE", "1/2", "no"],
    ]
    rows = json.loads(golive("record", "list", "--json")[1])
    assert [row["state"] for row in rows] == ["UNREADABLE", "NOT FINISHED", "LIVE"]
    assert "is no record" in rows[0]["wrong"]


def test_looking_at_a_run_that_goes_on_changes_nothing(write: Write, golive: Any) -> None:
    events = write("2026-1", finished=False) / record.EVENTS
    with events.open("a") as file:
        file.write('{"half')
    before = events.read_bytes()
    assert "NOT FINISHED" in golive("record", "show")[1]
    assert events.read_bytes() == before


def test_no_record_is_said_and_nothing_fails(golive: Any) -> None:
    assert golive("record", "list")[0] == 0
    assert "No record in" in golive("record", "list")[1]
    assert golive("record", "list", "--json") == (0, "[]\n")
    assert golive("stats", "--json") == (0, "{}\n")
    assert "nothing is known" in golive("stats")[1]


def test_show_tells_the_last_unless_named(write: Write, golive: Any) -> None:
    write("2026-1", *DONE)
    write("2026-2", *DONE, SWITCH, gate("a.y", "FAIL"))
    code, said = golive("record", "show")
    assert code == 0
    assert "Verdict    LIVE" in said
    assert "a.y FAIL on app1: seen. Next: Look." in said
    assert "Signed     no: the record was not finished" in said
    assert "VERIFIED" in golive("record", "show", "2026-1")[1]
    assert json.loads(golive("record", "show", "2026-1", "--json")[1])["run"]["id"] == "2026-1"


@pytest.mark.parametrize("words", [("show", "2020"), ("diff", "2020"), ("verify", "2020"), ("show",)])
def test_a_record_that_is_not_there_is_a_sentence(tmp_path: Path, golive: Any, words: tuple[str, ...]) -> None:
    code, said = golive("record", *words, "--records", str(tmp_path))
    assert code == 1
    assert "there is no record" in said
    assert len(said.splitlines()) == 1


def test_a_record_that_cannot_be_read_is_a_sentence(write: Write, golive: Any) -> None:
    (write("2026-1") / "record.json").write_text('{"run": {}}')
    code, said = golive("record", "show")
    assert (code, "it has no gates" in said) == (1, True)


def test_diff_names_what_changed_and_only_that(write: Write, golive: Any) -> None:
    write("2026-1", *DONE, gate("a.same"), gate("a.slow", value=0.1), gate("a.red"), gate("a.gone"))
    write("2026-2", *DONE, SWITCH, gate("a.same"), gate("a.slow", value=0.4), gate("a.red", "FAIL"))
    told = json.loads(golive("record", "diff", "2026-1", "--json")[1])
    assert {row["name"]: (row["before"], row["after"]) for row in told["facts"]} == {
        "verdict": ("VERIFIED", "LIVE"), "release": ("2026-1", "2026-2"), "commit": ("c-2026-1", "c-2026-2"),
    }  # fmt: skip
    seen = {row["gate"]: (row["before"]["verdict"], row["after"]["verdict"]) for row in told["gates"]}
    assert seen == {"a.slow": ("PASS", "PASS"), "a.red": ("PASS", "FAIL"), "a.gone": ("PASS", None)}
    said = golive("record", "diff", "2026-1", "2026-2")[1]
    assert "verdict: VERIFIED -> LIVE" in said
    assert "a.same" not in said
    assert ["a.slow", "app1", "PASS", "PASS", "0.1", "s", "0.4", "s"] in [line.split() for line in said.splitlines()]


def test_stats_in_words(write: Write, golive: Any) -> None:
    write("2026-1", *DONE, SWITCH)
    code, said = golive("stats")
    assert code == 0
    assert [line.split("  ")[0] for line in said.splitlines()] == ["football: 1 deployments", "", "", "", ""]
    assert "not known: takes two deployments" in said
    assert "0% (0 of 1)" in said


def test_a_record_cannot_steer_the_terminal(write: Write, golive: Any) -> None:
    write("2026-1", ("phase.failed", {"phase": "evidence", "message": "\x1b[2J\x1b]0;gone\x07 failed\n\n"}))
    said = golive("record", "show")[1]
    assert "\x1b" not in said
    assert "\x07" not in said


def test_find_takes_a_directory_a_name_or_last(write: Write, tmp_path: Path) -> None:
    one, two = write("2026-1"), write("2026-2")
    place = tmp_path / "records"
    assert [records.find(place, name) for name in (str(one), "2026-1", "last")] == [one, one, two]
    with pytest.raises(Problem, match="neither as a directory"):
        records.find(place, "2026")
