"""To which moment a cluster is restored, from which backup, and what is said of the cost."""

from __future__ import annotations

import pytest
from golive_core import restore
from golive_core.backup import Backup, Repository
from golive_core.restore import Refused, Target

NOON = 1_795_867_200  # 2026-11-28 12:00 UTC


def made(label, stop, wal="000000010000000000000004"):
    return Backup(label, "full", stop - 5, stop, 30_000_000, 4_000_000, wal, wal, False, (), f"golive-{label}")


EARLY, LATE = made("20261128-100000F", NOON - 7200), made("20261128-113000F", NOON - 1800, "000000010000000000000008")
BOTH = Repository("", (EARLY, LATE), "17-1")


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ({}, Target("newest")),
        ({"time": "2026-11-28T12:00:00+00:00", "xid": ""}, Target("time", "2026-11-28T12:00:00+00:00")),
        ({"point": "golive-x"}, Target("point", "golive-x")),
        ({"xid": 1234}, Target("xid", "1234")),
    ],
)
def test_one_moment_is_asked_for(wanted, target):
    assert restore.parse(wanted) == target


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"time": "2026-11-28T12:00:00+00:00", "xid": "5"}, "one moment at a time, not time and xid"),
        ({"time": "noon"}, "'noon' is no time"),
        ({"time": "2026-11-28T12:00:00"}, "has no time zone"),
        ({"xid": "5; DROP"}, "is no number"),
    ],
)
def test_what_is_no_moment_is_refused(wanted, says):
    with pytest.raises(Refused, match=says):
        restore.parse(wanted)


@pytest.mark.parametrize(
    ("target", "label", "chosen"),
    [
        (Target("newest"), "", LATE),
        (Target("time", "2026-11-28T11:00:00+00:00"), "", EARLY),
        (Target("time", "2026-11-28T20:00:00+08:00"), "", LATE),
        (Target("point", EARLY.point), "", EARLY),
        (Target("point", "before the import"), "", LATE),
        (Target("xid", "1234"), EARLY.label, EARLY),
    ],
)
def test_the_newest_backup_before_the_moment_is_taken(target, label, chosen):
    assert restore.choose(BOTH, target, label) == chosen


@pytest.mark.parametrize(
    ("repository", "target", "label", "says"),
    [
        (Repository("status 1: nothing", (), ""), Target("newest"), "", "the repository cannot be used: status 1"),
        (Repository("", (), "17-1"), Target("newest"), "", "there is no backup; there are: none"),
        (BOTH, Target("time", "2026-11-28T09:00:00+00:00"), "", "no backup was complete by .*; there are: 20261128-10"),
        (BOTH, Target("point", "golive-20250101-000000F"), "", "no backup has the point"),
        (BOTH, Target("newest"), "20250101-000000F", "there is no backup 20250101-000000F; there are: 20261128-1"),
    ],
)
def test_a_moment_that_no_backup_reaches_is_refused(repository, target, label, says):
    with pytest.raises(Refused, match=says):
        restore.choose(repository, target, label)


def test_the_recovery_ends_at_the_moment_and_the_server_writes_again():
    assert restore.options(Target("newest"), LATE) == [f"--set={LATE.label}", "--type=default"]
    at = restore.options(Target("time", "2026-11-28T20:00:00+08:00"), LATE)
    assert at[1:] == ["--type=time", "--target=2026-11-28 12:00:00.000000+00", "--target-action=promote"]
    assert restore.options(Target("point", LATE.point), LATE)[1:3] == ["--type=name", f"--target={LATE.point}"]
    assert "--target-exclusive" in restore.options(Target("xid", "7"), LATE)  # and not the transaction itself


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (Target("newest"), "nothing that was archived"),
        (Target("time", "2026-11-28T11:50:00+00:00"), "all writes of the last 10 minutes, 1 segment of WAL"),
        (Target("point", LATE.point), "all writes of the last 30 minutes, 2 segments of WAL"),
        (Target("xid", "7"), "transaction 7 and all that began after it; how much that is, is not known before"),
    ],
)
def test_what_is_lost_is_said(target, says):
    archived = {
        f"0000000100000000/{LATE.wal_stop}-{'a' * 40}.zst": NOON - 1800,
        f"0000000100000000/000000010000000000000009-{'b' * 40}.zst": NOON - 900,
        f"0000000100000000/00000001000000000000000A-{'c' * 40}.zst": NOON - 60,
        "0000000100000000/000000010000000000000008.00000028.backup": NOON,
    }
    assert restore.lost(target, LATE, archived, NOON) == says
