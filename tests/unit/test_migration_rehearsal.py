"""What a rehearsal on a restored copy says: of the migration, of those who write meanwhile, and of the old release."""

from __future__ import annotations

import copy
import dataclasses
from datetime import UTC, datetime

import pytest
from golive_core import judge
from golive_core.migration import Outcome
from golive_core.migration_rehearsal import (
    Writes,
    compose_on_copy,
    lost_rows,
    measurements,
    old_release,
    smoke_checks,
    unfit,
    variables_on_copy,
)
from golive_core.migration_watch import TABLES

GOOD = Outcome(
    before="0001", head="0002", after="0002", code=0, said="", attempts=1, seconds=1.5,
    changes=["+ column public.a.b text"],
    locks=[{"relation": "public.a", "mode": "AccessExclusiveLock", "seconds": 0.2}],
    others_waited=0.04, statement="", size_before=8 * 2**20, size_after=9 * 2**20,
)  # fmt: skip
RULES = {
    "database.rehearsal_seconds": {"value": True, "below": 300},
    "database.rehearsal_lock_wait": {"value": True, "below": 1},
    "database.rehearsal_rows": {"all_ok": True, "min_samples": 1},
    "database.old_release_on_new_schema": {"all_ok": True, "min_samples": 1},
}


def verdict(seen):
    """What the gate in the catalogue says."""
    return judge.judge({"id": seen["id"], "judge": RULES[seen["id"]]}, seen, datetime.now(UTC))["verdict"]


def seen_of(outcome=GOOD, writes=((0.01, ""), (0.03, "")), before=None, after=None, unread=()):
    noted = Writes()
    for seconds, refused in writes:
        noted.note(seconds, refused)
    before = {"public.a": 10, "public.b": 0} if before is None else before
    rows = measurements(outcome, noted, before, before if after is None else after, unread)
    return {row["id"].rpartition("_")[2]: row for row in rows}


# --- whether it can be


def test_variables_that_follow_the_copy_let_a_migration_be_rehearsed():
    live = {"migration_env": {"HOST": "192.0.2.1", "PORT": "5432"}}
    assert unfit(live, {"migration_env": {"HOST": "192.0.2.9", "PORT": "5433"}}, ["ops1"]) == ""


def test_variables_that_do_not_follow_are_named():
    live = {"migration_env": {"HOST": "192.0.2.1"}, "app_env": {"env": {}, "files": {"url": "1"}}}
    copied = {**live, "app_env": {"env": {}, "files": {"url": "2"}}}
    assert unfit(live, copied, ["ops1"]).startswith("migration_env would lead to the database itself")
    assert unfit(live, live, ["ops1"]).startswith("migration_env and app_env would lead")


def test_without_backups_there_is_no_copy():
    assert unfit({}, {}, []) == "no host of the inventory has backups"


# --- what others saw of it


def test_a_good_migration_passes_with_its_numbers():
    seen = seen_of()
    assert [verdict(row) for row in seen.values()] == ["PASS"] * 3
    assert seen["seconds"]["value"] == 1.5
    assert "AccessExclusiveLock on public.a for 0.20 s" in seen["wait"]["observed"]
    assert seen["wait"]["value"] == 0.04  # seen in pg_locks, and longer than any of these writes
    assert seen["rows"]["observed"] == "10 rows in 2 tables, 10 afterwards; the database grew by 1.0 MiB"


def test_a_migration_that_fails_is_a_failure_with_its_last_words():
    row = seen_of(dataclasses.replace(GOOD, code=1, after="0001", said="division by zero"))["seconds"]
    assert verdict(row) == "FAIL"
    assert row["observed"].startswith("on the copy: The migration from 0001 to 0002 ended with code 1")
    assert "division by zero" in row["observed"]


def test_one_long_write_among_many_is_enough():
    slow = dataclasses.replace(GOOD, others_waited=2.45, gap=0.1)
    row = seen_of(slow, writes=[(0.01, "")] * 500 + [(2.5, "")])["wait"]
    assert (verdict(row), row["value"]) == ("FAIL", 2.5)
    assert "the longest of 501 writes took 2.500 s" in row["observed"]


def test_a_write_that_was_slow_for_other_reasons_is_no_wait():
    row = seen_of(dataclasses.replace(GOOD, others_waited=0.0, gap=0.1), writes=[(2.5, "")])["wait"]
    assert (verdict(row), row["value"]) == ("PASS", 0.1)


def test_a_wait_may_have_ended_between_two_looks():
    row = seen_of(dataclasses.replace(GOOD, others_waited=0.0, gap=4.0), writes=[(2.5, "")])["wait"]
    assert (verdict(row), row["value"]) == ("FAIL", 2.5)


def test_a_write_that_was_refused_is_a_failure():
    row = seen_of(writes=[(0.01, ""), (0.02, "a write to public.a was refused: column b does not exist")])["wait"]
    assert verdict(row) == "FAIL"
    assert row["observed"].startswith("a write to public.a was refused")


def test_without_a_single_write_nothing_is_known_of_waits():
    assert verdict(seen_of(writes=[])["wait"]) == "NO-EVIDENCE"


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        ({"public.a": 9, "public.b": 0}, "public.a has 9 rows, had 10"),
        ({"public.b": 0}, "public.a is gone, with 10 rows"),
        ({"public.a": 10}, "public.b is gone, with 0 rows"),
    ],
    ids=["a row", "a table", "an empty table"],
)
def test_rows_that_are_gone_are_named(after, sentence):
    assert lost_rows({"public.a": 10, "public.b": 0}, after) == [sentence]
    row = seen_of(after=after)["rows"]
    assert (verdict(row), row["observed"]) == ("FAIL", sentence)


def test_rows_that_came_are_no_loss():
    assert verdict(seen_of(after={"public.a": 99, "public.b": 1, "public.c": 3})["rows"]) == "PASS"


def test_tables_that_nobody_may_read_are_no_evidence():
    row = seen_of(unread=["public.c"])["rows"]
    assert verdict(row) == "NO-EVIDENCE"
    assert "public.c" in row["invalid"]


def test_in_an_empty_database_nobody_waits_and_nothing_is_lost():
    seen = seen_of(writes=[], before={}, after={"public.a": 0})
    assert [(verdict(row), row["n"]) for row in seen.values()] == [("PASS", 1)] * 3


def test_the_query_of_tables_is_sent_as_it_stands():
    """psycopg2 would take %% for % only with values, and there are none."""
    assert "%%" not in TABLES


# --- the old release on the copy

DOCUMENT = {
    "name": "football-blue",
    "services": {
        "app": {
            "container_name": "football-blue",
            "image": "sha256:1",
            "user": "10001:10001",
            "restart": "unless-stopped",
            "ports": ["192.0.2.21:8001:8000"],
            "mem_limit": "512m",
            "labels": {"golive.app": "football", "golive.colour": "blue"},
            "environment": {"HOST": "192.0.2.31", "PORT": "5432", "OWN": "x", "GOLIVE_COLOUR": "blue"},
            "volumes": [
                {"type": "bind", "source": "./secrets/blue/database", "target": "/run/secrets/database"},
                {"type": "bind", "source": "./secrets/blue/url", "target": "/run/secrets/url"},
                {"type": "bind", "source": "/etc/golive/tls/ca.crt", "target": "/run/ca.crt"},
            ],
        },
        "importer": {"container_name": "football-blue-importer", "profiles": ["workers"]},
    },
}


def test_the_old_release_runs_as_it_does_but_for_its_database_and_its_place():
    before = copy.deepcopy(DOCUMENT)
    live = {"HOST": "192.0.2.31", "PORT": "5432", "NEW": "y"}
    copied = {"HOST": "192.0.2.41", "PORT": "5433", "NEW": "y", "MAIL": "no$where"}
    seen = compose_on_copy(DOCUMENT, "football-old", "/opt/releases/1.0.0", live, copied, ["url"])
    service = seen["services"]["app"]
    assert before == DOCUMENT
    assert list(seen["services"]) == ["app"]  # and no worker, which would work twice
    assert (seen["name"], service["container_name"]) == ("football-old", "football-old")
    assert service["environment"] == {
        "HOST": "192.0.2.41", "PORT": "5433", "OWN": "x", "GOLIVE_COLOUR": "blue", "MAIL": "no$$where",
    }  # fmt: skip
    assert [volume["source"] for volume in service["volumes"]] == [
        "/opt/releases/1.0.0/secrets/blue/database", "./secrets/url", "/etc/golive/tls/ca.crt",
    ]  # fmt: skip
    assert (service["ports"], service["restart"], service["mem_limit"]) == (["127.0.0.1::8000"], "no", "512m")
    assert service["network_mode"] == "bridge"
    assert "labels" not in service  # it is no colour


def test_compose_files_of_its_own_bring_their_networks_and_volumes_along():
    service = DOCUMENT["services"]["app"] | {"networks": {"default": None}, "volumes": ["/srv/a:/a", {"type": "tmpfs"}]}
    document = {
        "name": "x",
        "networks": {"default": {}},
        "volumes": {"v": {"external": True}},
        "services": {"app": service},
    }
    seen = compose_on_copy(document, "football-old", "/opt/releases/1.0.0", {}, {}, [])
    assert (seen["volumes"], "networks" in seen) == ({"v": {"external": True}}, False)
    assert "networks" not in seen["services"]["app"]
    assert seen["services"]["app"]["volumes"] == service["volumes"]


def test_variables_of_its_own_compose_files_lead_to_the_copy():
    seen = variables_on_copy("A='1'\nHOST='192.0.2.31'\n", {"A": "1", "HOST": "192.0.2.31"}, {"A": "1", "HOST": "it's"})
    assert seen == "A='1'\nHOST='192.0.2.31'\nHOST='it\\'s'\n"


def test_checks_are_those_of_the_application_without_their_limits_of_time():
    smoke = {
        "answered": {"path": "/x", "headers": {"K": "1"}, "body": {"a": 1}, "expect": {"status": 201, "max_seconds": 1}}
    }
    health, answered = smoke_checks(smoke, "/health", "app.test", "127.0.0.1", 32768, 60)
    assert (health["url"], health["address"], health["until_ok_within_seconds"]) == (
        "http://app.test:32768/health", "127.0.0.1", 60,
    )  # fmt: skip
    assert (answered["expect"], answered["body"], answered["until_ok_within_seconds"]) == ({"status": 201}, {"a": 1}, 0)


def asked(**wrong):
    ids = ("health", "answered", "refused")
    return [{"id": id, "n": 1, "failures": int(id in wrong), "observed": wrong.get(id, "200")} for id in ids]


CAME = {"open": 2, "before": 7, "after": 9}


def test_what_it_answers_where_it_serves_it_has_to_answer_on_the_copy():
    seen = old_release("1.0.0", asked(), asked(), CAME)
    assert (verdict(seen), seen["n"]) == ("PASS", 3)
    seen = old_release("1.0.0", asked(), asked(answered="500 in 1 of 1 tries"), CAME)
    assert (verdict(seen), seen["observed"]) == ("FAIL", "answered: 500 in 1 of 1 tries")


def test_what_it_does_not_answer_where_it_serves_is_not_its_to_answer():
    seen = old_release("1.0.0", asked(refused="404"), asked(refused="404"), CAME)
    assert (verdict(seen), seen["n"]) == ("PASS", 2)


def test_answers_to_nothing_prove_nothing():
    nothing = asked(health="503", answered="503", refused="503")
    assert verdict(old_release("1.0.0", nothing, nothing, CAME)) == "NO-EVIDENCE"


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        ({"open": 0, "before": 7, "after": 9}, "NO-EVIDENCE"),  # golive's own
        ({"open": 0, "before": 7, "after": 10}, "PASS"),
        ({"open": 1, "before": 7, "after": 8}, "PASS"),
        ({}, "NO-EVIDENCE"),
    ],
)
def test_answers_count_only_when_it_came_to_the_copy(sessions, told):
    assert verdict(old_release("1.0.0", asked(), asked(), sessions)) == told


def test_one_that_does_not_start_is_a_failure_with_its_last_words():
    seen = old_release("1.0.0", [], [], {}, "exited; its last lines: no column revoked_at")
    assert verdict(seen) == "FAIL"
    assert "1.0.0 does not start on the migrated copy: exited" in seen["observed"]
