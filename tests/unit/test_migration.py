"""What is said of a migration: how it ended, what it locked, and what stands of one that failed."""

from __future__ import annotations

import dataclasses

import pytest
from golive_core import migration
from golive_core.migration import LockSeen, Outcome, Watched

GOOD = Outcome(
    before="0001", head="0002", after="0002", code=0, said="", attempts=1, seconds=1.5,
    changes=["+ column public.a.b text"],
    locks=[{"relation": "public.a", "mode": "AccessExclusiveLock", "seconds": 0.2}],
    others_waited=0.04, statement="", size_before=8 * 2**20, size_after=9 * 2**20,
)  # fmt: skip


def but(**changes):
    return dataclasses.replace(GOOD, **changes)


def test_the_lock_of_an_application_is_always_the_same_and_of_64_bits():
    assert migration.lock_key("football") == migration.lock_key("football") != migration.lock_key("other")
    assert -(2**63) <= migration.lock_key("football") < 2**63


def test_a_command_runs_without_rights_and_with_its_limits():
    container = {
        "name": "n",
        "image": "sha256:1",
        "user": "1:2",
        "network": "host",
        "env": {"A": "1"},
        "volumes": ["/a:/b:ro"],
    }
    words = migration.container_words(container, {"PGOPTIONS": migration.session_options(3, 900)}, ["migrate"])
    assert words[-2:] == ["sha256:1", "migrate"]
    assert {"--read-only", "A=1", "/a:/b:ro", "no-new-privileges"} <= set(words)
    assert (
        "PGOPTIONS=-c lock_timeout=3000 -c statement_timeout=900000 -c client_connection_check_interval=1000" in words
    )


@pytest.mark.parametrize(("attempt", "seconds"), [(2, 2), (3, 4), (4, 8), (9, 30)])
def test_each_attempt_waits_longer(attempt, seconds):
    assert migration.wait_before(attempt, 2) == seconds


def test_a_lock_is_held_from_the_first_look_to_the_last():
    watched = Watched()
    for at in (0.0, 0.1, 0.2):
        watched.look(
            at, [LockSeen("public.a", "AccessExclusiveLock", True), LockSeen("public.b", "RowShareLock", True)]
        )
    watched.look(0.3, [LockSeen("public.c", "ShareLock", False)], others_waited=0.7, statement="CREATE INDEX")
    watched.look(0.4, [], others_waited=0.1)
    assert watched.locks() == [{"relation": "public.a", "mode": "AccessExclusiveLock", "seconds": 0.2}]
    assert (watched.others_waited, watched.statement, watched.looks) == (0.7, "CREATE INDEX", 5)
    assert ("public.c", "ShareLock") in watched.waits


def test_the_time_between_two_attempts_is_no_gap_between_looks():
    watched = Watched()
    for at in (0.0, 0.1, 0.4):
        watched.look(at, [])
    watched.begin()
    watched.look(30.0, [])
    assert watched.gap == pytest.approx(0.3)


def test_what_became_of_the_schema_is_a_difference():
    assert migration.difference(["table a", "table b"], ["table b", "table c"]) == ["- table a", "+ table c"]


def test_one_that_failed_in_one_transaction_left_nothing():
    said = migration.failure(but(code=1, after="0001", changes=[], said="boom"))
    assert said.startswith("The migration from 0001 to 0002 ended with code 1 after 1.5 s, its last words: boom. ")
    assert "The database is as before: it says revision 0001, and no object of its schema is different" in said


def test_one_that_stopped_half_way_says_what_stands():
    changes = ["+ column public.a.b text", "+ index public.i INVALID CREATE INDEX i"]
    said = migration.failure(but(code=137, after="0001", changes=changes, statement="CREATE INDEX\n CONCURRENTLY i"))
    assert "was killed" in said
    assert (
        "half-way: it says revision 0001, and what stands is + column public.a.b text; + index public.i INVALID" in said
    )
    assert "last statement that was seen at work is `CREATE INDEX CONCURRENTLY i`" in said
    assert "Drop the invalid index" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timed_out": True, "code": 137}, "took longer than migration_timeout_seconds"),
        ({"code": 0, "after": "0001"}, "ended well, but left the database at revision 0001"),
        ({"code": 1, "attempts": 5}, "in 5 attempts"),
    ],
)
def test_how_it_ended(change, said):
    assert said in migration.failure(but(**change))
    assert not but(**change).done


def test_a_good_one_is_told_with_its_locks():
    assert migration.told(GOOD) == (
        "0001 to 0002 in 1.5 s; 1 changes of the schema; 8.0 MiB to 9.0 MiB; locks that stop writers: "
        "AccessExclusiveLock on public.a for 0.20 s; others waited up to 0.04 s"
    )


def test_last_words_stand_in_a_sentence_that_has_its_own_end() -> None:
    assert migration.last_words("one\n\ntwo\n three \nfour.\n") == "two | three | four"
    assert migration.last_words("\n") == ""
