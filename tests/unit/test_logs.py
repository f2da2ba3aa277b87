"""Lines on the logs host are found, each once; nonsense is refused."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest
import yaml
from golive_core import log_config, log_search
from support import ROOT, program

keeper = program("roles/logs/files/log_keeper.py")


def line(seq, message="m", epoch="e1", **more):
    entry = {"time": f"2026-11-28T10:00:00.{seq:06d}+00:00", "host": "app1", "service": "shop", "pid": "7"}
    return {**entry, "epoch": epoch, "seq": seq, "message": message, "data": None, **more}


def received(entries):
    return [json.dumps({"received": "later", "from": "app1", **entry}) for entry in entries]


def test_a_line_is_given_once_by_its_number_and_by_its_text():
    entries = [line(1), line(1), {**line(1), "seq": 9, "epoch": "e2"}, line(2)]
    assert [entry["seq"] for entry in log_search.once(entries)] == [1, 2]


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


def test_the_trail_of_today_is_never_closed_and_an_old_one_goes_by_its_age(tmp_path, monkeypatch):
    monkeypatch.setattr(keeper.syslog, "syslog", lambda *_: None)
    now = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
    for day in ("2025-01-01", "2026-11-27", "2026-11-28"):
        path = tmp_path / f"{day}.jsonl"
        path.write_text("{}\n")
        os.utime(path, (now - 3600, now - 3600))  # nobody has written to it for an hour
    keeper.close_days(tmp_path, now, audit=True)
    keeper.clear(tmp_path, now, 400, None)
    assert sorted(path.name for path in tmp_path.glob("20*")) == ["2026-11-27.jsonl.gz", "2026-11-28.jsonl"]
