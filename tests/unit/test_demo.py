"""The demo verifies what is live already, and goes live in every other case."""

from __future__ import annotations

import json

import pytest

from golive.demo import went_live


@pytest.fixture
def record(tmp_path):
    def make(verdict, release):
        directory = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        if verdict:
            told = {"verdict": verdict, "run": {"release": release}}
            (directory / "record.json").write_text(json.dumps(told), encoding="utf-8")
        return directory

    return make


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], False),
        ([("LIVE", "1.0.0")], True),
        ([("LIVE", "1.0.0"), ("VERIFIED", "1.0.0")], True),
        ([("LIVE", "1.0.0"), ("LIVE", "1.1.0")], False),
        ([("LIVE", "1.0.0"), ("NOT VERIFIED", "1.0.0")], False),
        ([("LIVE", "1.0.0"), ("", "")], False),  # a run that was cut off
    ],
)
def test_the_newest_record_decides(record, runs, expected):
    assert went_live([record(*run) for run in runs], "1.0.0") is expected
