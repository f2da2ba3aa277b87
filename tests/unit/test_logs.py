"""Lines on the logs host are found, each once; what is missing or altered shows; nonsense is refused."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime

import pytest
import yaml
from golive_core import audit_trail, log_config, log_search
from support import ROOT

SPEC = importlib.util.spec_from_file_location("log_keeper", ROOT / "roles/logs/files/log_keeper.py")
assert SPEC
assert SPEC.loader
keeper = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(keeper)


def line(seq, message="m", epoch="e1", **more):
    entry = {"time": f"2026-11-28T10:00:00.{seq:06d}+00:00", "host": "app1", "service": "shop", "pid": "7"}
    return {**entry, "epoch": epoch, "seq": seq, "message": message, "data": None, **more}


def received(entries):
    return [json.dumps({"received": "later", "from": "app1", **entry}) for entry in entries]


def trail(entries):
    return audit_trail.trail(map(json.dumps, entries))


def compared(sent, got):
    return audit_trail.compare(audit_trail.summary(trail(sent)), audit_trail.trail(received(got)))


TRAIL = [line(seq) for seq in range(1, 251)]


def test_two_copies_that_say_the_same_differ_in_nothing():
    assert compared(TRAIL, TRAIL) == []


def test_what_was_sent_after_the_summary_is_no_difference():
    assert compared(TRAIL, [*TRAIL, line(251)]) == []


@pytest.mark.parametrize(
    ("sent", "got", "says"),
    [
        (TRAIL, TRAIL[:119] + TRAIL[120:], "1 of numbers 100 to 199 of e1 are missing on the logs host"),
        (TRAIL[:119] + TRAIL[120:], TRAIL, "1 of numbers 100 to 199 of e1 are missing on the host that sent them"),
        (TRAIL[:119] + TRAIL[120:], TRAIL[:119] + TRAIL[120:], "are missing on both sides"),
        (TRAIL, [*TRAIL[:119], line(120, "x"), *TRAIL[120:]], "does not say the same on both sides"),
        ([line(seq, epoch="e2") for seq in range(1, 9)], TRAIL, "8 of numbers 1 to 8 of e2 are missing"),
    ],
)
def test_a_missing_or_altered_line_shows(sent, got, says):
    assert any(says in sentence for sentence in compared(sent, got))


def test_a_line_is_given_once_by_its_number_and_by_its_text():
    entries = [line(1), line(1), {**line(1), "seq": 9, "epoch": "e2"}, line(2)]
    assert [entry["seq"] for entry in log_search.once(entries)] == [1, 2]


def test_gaps_are_found_in_each_epoch():
    assert log_search.gaps([line(1), line(4), line(7, epoch="e2")]) == [log_search.Gap("app1", "e1", 2, 3)]


def test_a_search_finds_by_release_request_and_time(tmp_path):
    (tmp_path / "app1").mkdir()
    data = {"message": "slow", "request_id": "abc-12345"}
    entries = [line(1, release="1.0.0"), line(2, release="1.1.0", message="", data=data)]
    (tmp_path / "app1" / "shop.2026-11-28.jsonl").write_text("\n".join(received(entries)) + "\ncut off {")
    found = log_search.find(tmp_path, log_search.Query(request_id="abc-12345", release="1.1.0", host="app1"), 10)
    assert [entry["seq"] for entry in found] == [2]
    assert "app1 shop 1.1.0/" in log_search.render(found[0])
    assert log_search.find(tmp_path, log_search.Query(since="2026-11-29"), 10) == []


def test_a_span_or_a_time_begins_a_search():
    now = datetime(2026, 11, 28, 12, tzinfo=UTC)
    assert log_search.since("2h", now).hour == 10
    assert log_search.since("2026-11-28T09:00:00", now).hour == 9
    with pytest.raises(ValueError, match="is no time"):
        log_search.since("yesterday", now)


def test_errors_are_counted_by_release_against_requests():
    entries = [
        {**line(1), "service": "haproxy", "data": {"status": 200, "release": "1.1.0"}},
        line(2, "Traceback (most recent call last)", release="1.1.0"),
        line(3, "fine", release="1.1.0"),
    ]
    counts = log_search.count(entries, "shop", ["1.1.0", "1.0.0"], ["Traceback"])
    assert counts == {"1.1.0": log_search.Count(1, 1), "1.0.0": log_search.Count(0, 0)}


@pytest.mark.parametrize("pattern", ["x+", "key=([a-z"])
def test_a_mask_without_a_secret_is_refused(pattern):
    assert log_config.masks_wrong([{"name": "m", "pattern": pattern}])


def test_the_role_s_own_masks_and_rules_are_right():
    defaults = yaml.safe_load((ROOT / "roles/logs/defaults/main.yml").read_text(encoding="utf-8"))
    assert log_config.masks_wrong(defaults["logs_masks"]) == []
    assert log_config.rules_wrong(defaults["logs_audit"]) == []


def test_the_oldest_days_go_first_and_never_today():
    sizes = {"a.2026-11-26.jsonl.gz": 5, "a.2026-11-27.jsonl.gz": 5, "a.2026-11-28.jsonl": 50}
    assert keeper.too_much(sizes, 56, "2026-11-28") == ["a.2026-11-26.jsonl.gz"]
    assert keeper.too_much(sizes, 1, "2026-11-28") == ["a.2026-11-26.jsonl.gz", "a.2026-11-27.jsonl.gz"]


def test_the_keeper_keeps_every_line_once():
    lines = [json.dumps(each).encode() for each in (line(1), line(1), line(2))]
    assert list(keeper.without_duplicates([*lines, b"cut"])) == [lines[0], lines[2], b"cut"]
