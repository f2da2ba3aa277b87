"""The chain of events, and what is told from it."""

import json

import pytest
from golive_core import record
from golive_core.render import markdown


def started(release="1.0.0", kind="golive", phases=()):
    data = {"app": "football", "release": release, "kind": kind, "phases": list(phases), "who": "ada", "where": "desk"}
    return ("run.started", data)


def complete(*phases):
    return [("phase.completed", {"phase": phase}) for phase in phases]


ALL = [phase for phase in record.PHASES if phase != "record"]


@pytest.fixture
def events(tmp_path):
    def write(*rows):
        record.append(tmp_path, rows)
        return record.read_events(tmp_path)

    return write


def test_a_chain_as_written_verifies(events):
    record.verify_chain(events(started(), *complete(*ALL)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda rows: rows[1]["data"].update(phase="evidence"),
        lambda rows: rows.pop(1),
        lambda rows: rows.insert(1, rows.pop(2)),
        lambda rows: rows[2].update(time="2020-01-01T00:00:00.000Z"),
        lambda rows: rows.append(rows[-1]),
    ],
    ids=["changed", "removed", "swapped", "back-dated", "repeated"],
)
def test_a_spoiled_chain_is_noticed(events, spoil):
    rows = events(started(), *complete("preflight", "infrastructure", "release"))
    spoil(rows)
    with pytest.raises(record.BrokenChain):
        record.verify_chain(rows)


def test_a_line_that_a_crash_cut_off_is_dropped_and_the_chain_goes_on(tmp_path):
    record.append(tmp_path, [started()])
    with (tmp_path / record.EVENTS).open("a") as file:
        file.write('{"seq": 2, "ki')
    record.append(tmp_path, complete("preflight"))
    rows = record.read_events(tmp_path)
    record.verify_chain(rows)
    assert [row["kind"] for row in rows] == ["run.started", "phase.completed"]


def test_a_line_that_is_not_json_is_a_broken_chain(tmp_path):
    record.append(tmp_path, [started()])
    (tmp_path / record.EVENTS).write_text("nonsense\n")
    with pytest.raises(record.BrokenChain, match="line 1"):
        record.read_events(tmp_path)


SWITCH = ("switch", {"before": "blue", "after": "green"})
BACK = ("flip_back", {"before": "green", "after": "blue"})


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([*complete(*ALL)], "VERIFIED"),
        ([*complete(*ALL), SWITCH], "LIVE"),
        ([*complete(*ALL[:-1]), SWITCH], "UNPROVEN"),
        ([*complete(*ALL[:-1]), SWITCH, BACK], "ROLLED BACK"),
        ([*complete(*ALL[:-1])], "NOT LIVE"),
        ([], "NOT LIVE"),
    ],
    ids=[
        "verified",
        "live",
        "a mark is missing after the switch",
        "rolled back",
        "a mark is missing",
        "nothing happened",
    ],
)
def test_verdict_believes_completion_marks_only(events, rows, verdict):
    assert record.tell(events(started(), *rows))["verdict"] == verdict


def test_a_rollback_on_request_is_live(events):
    rows = events(started(kind="rollback", phases=["release"]), SWITCH, *complete("release"))
    assert record.tell(rows)["verdict"] == "LIVE"


def gate(verdict, waived=None):
    return (
        "gate",
        {
            "gate": "release.health",
            "host": "app2",
            "verdict": verdict,
            "message": "answered 503",
            "remedy": {"en": "Look at its log.", "zh": "查看日志。"},
            "value": 0.2,
            "bound": None,
            "threshold": 0.1,
            "n": 5,
            "waived": waived,
        },
    )


def test_what_blocks_leaves_out_what_is_waived(events):
    told = record.tell(events(started(), gate("FAIL", {"who": "ada"}), gate("PASS")))
    assert told["blocking"] == []
    assert record.tell(events(started(), gate("FAIL")))["blocking"] == ["release.health FAIL on app2: answered 503"]


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["NOT LIVE", "Look at its log."]), ("zh", ["未上线", "查看日志。"]), ("both", ["NOT LIVE", "未上线"])],
)
def test_markdown_speaks_both_languages(events, language, words):
    text = markdown(record.tell(events(started(), gate("FAIL"))), language)
    assert all(word in text for word in words)
    assert "| release.health | app2 | FAIL | 0.2 | - | 0.1 | 5 |" in text


def test_told_record_is_plain_json(events):
    told = record.tell(events(started(), gate("PASS"), *complete(*ALL)))
    assert json.loads(json.dumps(told)) == told
