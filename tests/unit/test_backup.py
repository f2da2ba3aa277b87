"""What pgBackRest says, gaps in the WAL, and the comparison of a restored cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golive_core import backup

FULL, DIFF = "20261128-035752F", "20261128-035752F_20261128-035756D"


def info(**changes: Any) -> str:
    """What pgBackRest 2.55 printed, shortened."""

    def entry(label: str, kind: str, reference: list[str] | None, wal: str) -> dict[str, Any]:
        return {
            "label": label, "type": kind, "reference": reference, "error": False,
            "archive": {"start": wal, "stop": wal}, "timestamp": {"start": 1795838272, "stop": 1795838275},
            "info": {"size": 23382551, "repository": {"delta": 3041056}},
        }  # fmt: skip

    stanza = {
        "name": "football",
        "status": {"code": 0, "message": "ok"},
        "repo": [{"status": {"code": 0, "message": "ok"}}],
        "archive": [{"id": "17-1"}],
        "backup": [
            entry(FULL, "full", None, "000000010000000000000002"),
            entry(DIFF, "diff", [FULL], "000000010000000000000004") | {"annotation": {"golive-point": "golive-x"}},
        ],
    }
    return json.dumps([stanza | changes])


ARCHIVED = [
    *(f"0000000100000000/00000001000000000000000{n}-1b834b7a9fac23980e7ad6174d4dd359d2ebd386.zst" for n in range(1, 6)),
    "0000000100000000/000000010000000000000002.00000028.backup",
    "0000000100000000",
]


def test_a_repository_is_read():
    seen = backup.read_info(info(), "football")
    assert (seen.problem, seen.archive) == ("", "17-1")
    assert [(entry.kind, entry.point) for entry in seen.backups] == [("full", ""), ("diff", "golive-x")]
    assert seen.backups[1].needs == (FULL,)
    assert backup.chain_problems(seen, ARCHIVED) == []


def test_it_says_of_which_cluster_it_is():
    assert backup.read_info(info(db=[{"id": 1, "system-id": 7_544_000_000_000_000_001}]), "football").system == (
        "7544000000000000001"
    )
    assert backup.read_info(info(), "football").system == ""


@pytest.mark.parametrize("text", ["", "[]", "ERROR: [055]", '[{"name": "other"}]', "null"])
def test_what_tells_nothing_is_a_problem(text):
    assert "tells nothing of stanza football" in backup.read_info(text, "football").problem


def test_a_wrong_key_is_named_though_the_exit_code_is_zero():
    undeciphered = "[FormatError] unable to load info file '/r/backup.info'\nFormatError: at line 1: �y�T2"
    seen = backup.read_info(
        info(status={"code": 99, "message": "other"}, repo=[{"status": {"message": undeciphered}}], backup=[]),
        "football",
    )
    assert backup.chain_problems(seen, []) == [
        "status 99: [FormatError] unable to load info file '/r/backup.info' (the key does not open it)"
    ]


@pytest.mark.parametrize(
    ("without", "says"),
    [
        ("000000010000000000000003", "WAL segment 000000010000000000000003 is missing"),
        ("000000010000000000000002", "WAL segment 000000010000000000000002 is missing"),
        ("000000010000000000000004", "WAL segment 000000010000000000000004 is missing"),
    ],
)
def test_a_missing_segment_is_named(without, says):
    there = [name for name in ARCHIVED if f"/{without}-" not in name]
    assert [
        problem.partition(":")[0] for problem in backup.chain_problems(backup.read_info(info(), "football"), there)
    ] == [says]


def test_what_is_older_than_the_first_backup_is_not_missed():
    assert backup.chain_problems(backup.read_info(info(), "football"), ARCHIVED[1:]) == []


def test_a_backup_without_what_it_builds_on_is_named():
    alone = json.loads(info())[0]["backup"][1:]
    problems = backup.chain_problems(backup.read_info(info(backup=alone), "football"), ARCHIVED)
    assert problems == [f"backup {DIFF} needs {FULL}, which is gone"]


def test_no_backup_is_a_problem():
    assert backup.chain_problems(backup.read_info(info(backup=[]), "football"), ARCHIVED) == ["there is no backup"]


def test_gaps_are_looked_for_on_each_timeline_and_across_logs():
    names = [
        "0000000100000000000000FE",
        "000000010000000100000000",
        "000000020000000100000000",
        "000000020000000100000002",
    ]
    assert backup.wal_gaps(names, "000000010000000000000001") == [
        "0000000100000000000000FF",
        "000000020000000100000001",
    ]


VERIFIED = """stanza: football
status: {}
  archiveId: 17-1, total WAL checked: 4, total valid WAL: 4
    missing: 0, checksum invalid: {}, size invalid: 0, other: 0
  backup: {}, status: {}, total files checked: 963, total valid files: 962
    missing: 0, checksum invalid: {}, size invalid: 0, other: 0
"""


def test_a_verified_repository_has_no_problems():
    assert backup.verify_problems(VERIFIED.format("ok", 0, FULL, "valid", 0)) == []


def test_what_verify_finds_is_told():
    assert backup.verify_problems(VERIFIED.format("error", 1, FULL, "invalid", 1)) == [
        "WAL archive 17-1: 1 files checksum invalid",
        f"backup {FULL} is invalid",
        f"backup {FULL}: 1 files checksum invalid",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "pgbackrest verify says nothing"),
        ("stanza: football\nstatus: error\n", "pgbackrest verify says error"),
        ("status: error\n  No usable backup.info file\n", "No usable backup.info file"),
    ],
)
def test_a_silent_verify_is_a_problem(text, says):
    assert backup.verify_problems(text) == [says]


def test_what_pgbackrest_prints_is_shortened_to_what_tells():
    when = "2026-11-28 03:57:58.638 P00"
    said = f"{when}   WARN: x\n{when}  ERROR: [055]: unable to open 'y'\n   HINT: z"
    assert backup.readable(said) == "[055]: unable to open 'y'"
    assert backup.readable("�y�T2") == "it printed nothing that can be read"


@pytest.mark.parametrize(
    ("size", "others", "seconds", "share"),
    [(10, 10, 1, 1.0), (300, 100, 1, 0.25), (5, 1000, 1, 1.0), (10**9, 0, 1, 0.001), (100, 0, -1, 0.001)],
)
def test_what_does_not_fit_is_sampled(size, others, seconds, share):
    assert backup.share_to_read(size, others, seconds, 100.0) == share


TABLES = {
    "football": {"public.team": {"rows": 3, "sum": "7", "share": 1.0}, "public.secret": {"skipped": "row security"}}
}


def restored(**changes: Any) -> dict[str, Any]:
    team = {"rows": 3, "sum": "7"} | changes
    return {"football": {"public.team": team, "public.secret": {"skipped": "row security"}}}


def test_the_same_rows_are_equal():
    assert backup.differences(TABLES, restored()) == []


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (restored(rows=2), "football.public.team has 2 rows, had 3"),
        (restored(sum="8"), "football.public.team has 3 rows with other content"),
        ({"football": {}}, "table football.public.team was not restored"),
        ({}, "database football was not restored"),
        (
            {"football": restored()["football"] | {"public.new": {"rows": 0, "sum": "0"}}},
            "table football.public.new was not there",
        ),
    ],
)
def test_what_differs_is_named(found, says):
    assert backup.differences(TABLES, found) == [says]


def test_the_extent_says_what_was_sampled():
    tables = {"football": {"public.big": {"rows": 500, "sum": "1", "share": 0.05}, **TABLES["football"]}}
    assert backup.extent(tables) == (
        "3 tables, 503 rows; football.public.big by 5.0% of its blocks;"
        " football.public.secret not compared (row security)"
    )


GOOD = {"ok": True, "label": DIFF, "finished": 1000.0}


@pytest.mark.parametrize(
    ("last", "labels", "says"),
    [
        (GOOD, [FULL, DIFF], ""),
        (None, [FULL], "never done"),
        (GOOD | {"ok": False}, [DIFF], "the last one failed"),
        (GOOD, [FULL], "is not in the repository any more"),
        (GOOD | {"finished": 100.0}, [DIFF], "is 1000 s old"),
        (GOOD | {"finished": 1101.0}, [DIFF], "is 1 s in the future"),  # the clock was set back since
    ],
)
def test_when_a_job_is_to_be_run(last, labels, says):
    reason = backup.due(last, labels, 600, 1100.0)
    assert says in reason
    assert bool(reason) == bool(says)


def test_metrics_of_a_host_without_backups_are_none():
    assert backup.metrics(None, None, ()) == ""


def test_metrics():
    backups = backup.read_info(info(), "football").backups
    text = backup.metrics(
        {"ok": True, "pause_seconds": 0.0042}, {"ok": False, "finished": 1795838300.0, "rto_seconds": 4.2}, backups
    )
    assert 'golive_backup_completed_timestamp_seconds{kind="full"} 1795838275\n' in text
    assert "golive_backup_write_pause_seconds 0.0042\n" in text
    assert "golive_restore_test_failed 1\n" in text
    assert text.count("# TYPE golive_backup_completed_timestamp_seconds gauge") == 1
