"""The chain of events, and what is told from it."""

import hashlib
import json
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from golive_core import record, report
from golive_core.render import markdown

ROOT = Path(__file__).parents[2]


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


def test_a_phase_begins_when_the_one_before_is_complete_and_the_first_with_the_run(events):
    rows = events(started(), *complete("preflight"), ("phase.failed", {"phase": "evidence", "message": "no report"}))
    phases = record.tell(rows)["phases"]
    assert phases["preflight"] == {"state": "complete", "started": rows[0]["time"], "finished": rows[1]["time"]}
    assert phases["evidence"] == {"state": "failed", "started": rows[1]["time"], "finished": rows[2]["time"]}
    assert phases["infrastructure"] == {"state": "not reached"}


def test_the_record_of_a_run_that_stopped_begins_no_other_phase(events):
    stopped = ("phase.failed", {"phase": "preflight", "message": "no answer"})
    phases = record.tell(events(started(), stopped, *complete("record")))["phases"]
    assert [phase for phase, told in phases.items() if told["state"] != "not reached"] == ["preflight", "record"]


def test_a_run_of_one_phase_begins_with_it(events):
    phases = record.tell(events(started(phases=["watch"])))["phases"]
    assert [phase for phase, told in phases.items() if told["state"] == "started"] == ["watch"]


def test_a_line_that_a_crash_cut_off_is_dropped_and_the_chain_goes_on(tmp_path):
    record.append(tmp_path, [started()])
    with (tmp_path / record.EVENTS).open("a") as file:
        file.write('{"seq": 2, "ki')
    record.append(tmp_path, complete("preflight"))
    rows = record.read_events(tmp_path)
    record.verify_chain(rows)
    assert [row["kind"] for row in rows] == ["run.started", "phase.completed"]


def test_a_line_that_was_cut_off_inside_a_character_takes_no_other_along(tmp_path):
    record.append(tmp_path, [started(), ("note", {"message": "whole"})])
    with (tmp_path / record.EVENTS).open("ab") as file:
        file.write('{"seq": 3, "kind": "察'.encode()[:-1])
    assert [row["kind"] for row in record.read_events(tmp_path)] == ["run.started", "note"]
    record.append(tmp_path, complete("preflight"))
    rows = record.read_events(tmp_path)
    record.verify_chain(rows)
    assert [row["kind"] for row in rows] == ["run.started", "note", "phase.completed"]


def test_hosts_that_fail_together_write_one_chain(tmp_path):
    record.append(tmp_path, [started()])
    with ProcessPoolExecutor(6) as pool:
        done = [pool.submit(record.append, tmp_path, [("note", {"message": str(n)})]) for n in range(60)]
        for each in done:
            each.result()
    rows = record.read_events(tmp_path)
    record.verify_chain(rows)
    assert len(rows) == 61


@pytest.mark.parametrize("line", ["1" * 5000, "[" * 100_000, "\udcff"], ids=["endless number", "too deep", "no UTF-8"])
def test_a_line_that_no_writer_wrote_is_a_broken_chain(tmp_path, line):
    (tmp_path / record.EVENTS).write_text(line + "\n", errors="surrogateescape")
    with pytest.raises(record.BrokenChain, match="line 1"):
        record.read_events(tmp_path)


def test_a_line_that_is_not_json_is_a_broken_chain(tmp_path):
    record.append(tmp_path, [started()])
    (tmp_path / record.EVENTS).write_text("nonsense\n")
    with pytest.raises(record.BrokenChain, match="line 1"):
        record.read_events(tmp_path)


SWITCH = ("switch", {"before": "blue", "after": "green"})
BACK = ("flip_back", {"before": "green", "after": "blue"})


def test_a_release_that_serves_already_and_fails_a_gate_is_not_verified(events):
    live = ("run.fact", {"already_live": True})
    assert record.tell(events(started(), live, *complete(*ALL[:-1])))["verdict"] == "NOT VERIFIED"
    assert record.tell(events(live, *complete(ALL[-1])))["verdict"] == "VERIFIED"


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


@pytest.mark.parametrize(("rows", "verdict"), [(complete("security"), "VERIFIED"), ([], "NOT VERIFIED")])
def test_gates_alone_are_verified_or_not(events, rows, verdict):
    assert record.tell(events(started(kind="verify", phases=["security"]), *rows))["verdict"] == verdict


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


# --- raw samples


def measured(text, **values):
    return {"samples": text, "sha256": hashlib.sha256(text.encode()).hexdigest(), **values}


def test_raw_samples_are_kept_under_their_hash_and_named_by_the_event(tmp_path):
    seen = measured("0.1 0.2")
    events = [{"kind": "gate", "data": {"sha256": seen["sha256"]}}, {"kind": "note", "data": {"message": "x"}}]
    rows = record.keep_samples(tmp_path, events, [measured("9"), seen])
    name = f"raw/{seen['sha256']}.txt"
    assert rows == [("gate", {"sha256": seen["sha256"], "raw": name}), ("note", {"message": "x"})]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.txt")] == [name]
    assert record.read_samples(tmp_path, {"gates": [rows[0][1]]}) == {name: [0.1, 0.2]}


def test_samples_that_are_not_those_that_were_measured_are_not_kept(tmp_path):
    seen = measured("0.1 0.2")
    events = [{"kind": "gate", "data": {"sha256": seen["sha256"]}}]
    assert record.keep_samples(tmp_path, events, [{**seen, "samples": "0.1"}]) == [("gate", events[0]["data"])]
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize("name", ["../secret", "raw/../../secret", "/etc/hostname", "raw/" + "0" * 64 + ".txt"])
def test_a_name_that_leads_elsewhere_or_nowhere_is_not_read(tmp_path, name):
    (tmp_path / "secret").write_text("1 2")
    (tmp_path / "record" / "raw").mkdir(parents=True)
    assert record.read_samples(tmp_path / "record", {"gates": [{"raw": name}]}) == {}


def test_samples_that_are_no_numbers_are_left_out(tmp_path):
    name = "raw/" + "0" * 64 + ".txt"
    (tmp_path / "raw").mkdir()
    for text, numbers in (("1 x", {}), ("1 inf nan 2", {name: [1.0, 2.0]})):
        (tmp_path / name).write_text(text)
        assert record.read_samples(tmp_path, {"gates": [{"raw": name}]}) == numbers


# --- the guide's template

TEMPLATE = [
    "上线基本信息", "上线版本", "上线时间", "上线负责人", "参与人员",
    "上线内容", "新增功能", "优化改进", "问题修复", "配置变更",
    "上线验证", "功能验证", "性能验证", "安全验证", "监控验证",
    "上线结果", "上线状态", "发现问题", "解决措施", "后续计划",
    "联系信息",
]  # fmt: skip


def test_the_template_of_the_guide_is_followed_line_by_line(events):
    text = markdown(record.tell(events(started(), gate("FAIL"))), "zh")
    places = [re.search(rf"(?m)^(## |- \*\*){line}(\*\*:.*)?$", text) for line in TEMPLATE]
    assert [line for line, place in zip(TEMPLATE, places, strict=True) if not place] == []
    assert [place.start() for place in places] == sorted(place.start() for place in places)


def line(text, name):
    """Return what stands in a line of the template, with what is below it."""
    found = re.search(rf"(?m)^- \*\*{name}\*\*:(.*(?:\n  - .*)*)", text)
    return " ".join(found[1].split())


@pytest.mark.parametrize(
    ("rows", "status", "follow"),
    [
        ([*complete(*ALL), SWITCH], "success", "none"),
        ([*complete(*ALL)], "success", "none"),
        ([*complete(*ALL), SWITCH, gate("FAIL", {"who": "ada", "until": "2999-01-01", "reason": "known"})],
         "partial success", "Gate release.health is waived until 2999-01-01 by ada: known"),
        ([*complete(*ALL[:-1]), SWITCH], "partial success", "Look at the edge now"),
        ([*complete(*ALL[:-1]), SWITCH, BACK], "failure", "go live again"),
        ([gate("FAIL")], "failure", "go live again"),
    ],
)  # fmt: skip
def test_status_and_follow_up(events, rows, status, follow):
    text = markdown(record.tell(events(started(), *rows)), "en")
    assert line(text, "Status").startswith(f"- {status} - ")
    assert follow in line(text, "Follow-up")


def test_content_measures_and_contacts_are_filled_in(events):
    changes = [{"kind": "added", "text": {"en": "Notes", "zh": "备注"}}, {"kind": "added", "text": "More"}]
    contacts = [{"role": {"en": "Lead", "zh": "负责人"}, "name": "Ada", "contact": "+00 1"}]
    kind, data = started()
    rows = [(kind, {**data, "manifest": {"changes": changes}, "contacts": contacts}), SWITCH, BACK, gate("FAIL")]
    text = markdown(record.tell(events(*rows)), "en")
    assert line(text, "Added") == "- Notes - More"
    assert line(text, "Problems found") == "release.health FAIL (app2): answered 503"
    assert line(text, "Measures") == "- The traffic was given back to blue. - Look at its log."
    assert "- **Lead**: Ada, +00 1" in text


@pytest.mark.parametrize(
    ("id", "area"),
    [
        ("release.health", "functional"), ("database.revision", "functional"), ("mine.own", "functional"),
        ("watch.errors", "performance"), ("watch.health", "functional"), ("performance.rate_limit", "security"),
        ("security.app_ports", "security"), ("database.backup", "monitoring"), ("monitoring.targets_up", "monitoring"),
    ],
)  # fmt: skip
def test_a_gate_counts_in_one_area_of_the_guide(id, area):
    assert report.area_of({"gate": id}) == area


def test_every_gate_that_is_given_another_area_exists():
    ids = set()
    files = [*ROOT.glob("roles/gates/defaults/main/*.yml"), *ROOT.glob("examples/*/golive.yml")]
    for file in files:
        ids |= set(re.findall(r"(?m)^\s*- id: (\S+)", file.read_text(encoding="utf-8")))
    assert set(report.AREA_OF_GATE) - ids == set()


def test_a_line_of_markdown_stays_a_line_and_no_markup_comes_of_it(events):
    evil = "a\n## LIVE | <script>alert(1)</script>"
    text = markdown(record.tell(events(started(), ("phase.failed", {"phase": "evidence", "message": evil}))), "en")
    assert "a ## LIVE \\| &lt;script>alert(1)&lt;/script>" in text
    assert "\n## LIVE" not in text
