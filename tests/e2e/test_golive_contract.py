"""The second half of expand/contract: what is taken away is needed by nobody who serves or may come back."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_release")]

OLD, NEW = "1.0.0", "1.1.0"
STEP = "drop-old-things"
STEPS = {
    "migration_contracts": [
        {
            "name": STEP,
            "statement": "DROP TABLE public.old_things",
            "gone": "SELECT to_regclass('public.old_things') IS NULL",
        }
    ]
}
SAY = """
import glob, json, sys
for path in glob.glob("/opt/golive/football/releases/*/manifest.json"):
    told = json.load(open(path)) | {"does_without": json.loads(sys.argv[1])}
    json.dump(told, open(path, "w"))
"""


def contract(fleet, **variables):
    return fleet.playbook("contract", variables={**STEPS, "step": STEP, **variables})


def there(fleet):
    return sql(fleet, "SELECT to_regclass('public.old_things')") == "old_things"


def sql(fleet, statement):
    words = ["runuser", "-u", "postgres", "--", "psql", "-qtAX", "football", "-c", statement]
    return fleet.on("data1", *words).strip()


@pytest.fixture(autouse=True)
def old_things(fleet):
    """Something that a contract step can take away; and as releases are kept, so they are left."""
    kept_releases_do_without(fleet, [])
    sql(fleet, "SET ROLE football_owner; CREATE TABLE IF NOT EXISTS public.old_things (id int)")
    yield
    sql(fleet, "DROP TABLE IF EXISTS public.old_things")
    kept_releases_do_without(fleet, [])


def kept_releases_do_without(fleet, steps):
    for host in ("app1", "app2"):
        fleet.on(host, "python3", "-c", SAY, json.dumps(steps))


def test_a_step_is_refused_while_a_release_that_may_come_back_needs_it(fleet):
    run = contract(fleet, confirm="football")
    assert run.code != 0
    assert f"releases that may come back and do not say that they do without {STEP}" in run.output
    assert OLD in run.output
    assert there(fleet)
    assert run.record is None


@pytest.mark.full
def test_it_is_carried_out_once_under_load_and_then_refuses_who_needs_it(fleet):
    kept_releases_do_without(fleet, [STEP])
    asked = contract(fleet)
    assert asked.code != 0
    assert "with -e confirm=football" in asked.output
    assert there(fleet)

    serves = fleet.version()["release"]
    with fleet.loop() as loop:
        done = contract(fleet, confirm="football")
        again = contract(fleet, confirm="football")
    assert done.code == 0, done.output[-4000:]
    assert done.told["verdict"] == "VERIFIED"
    assert done.told["run"]["kind"] == "contract"
    assert not there(fleet)
    assert again.code == 0, again.output[-4000:]
    assert again.changed_tasks == []
    assert loop.seen["lost"] == []
    assert set(loop.seen["releases"]) == {serves}

    # The other one's release.json says nothing about the step, whichever of the two serves.
    other = NEW if serves == OLD else OLD
    back = fleet.playbook("rollback", variables={**STEPS, "release": other})
    assert back.code != 0
    assert f"Release {other} does not say that it does without {STEP}" in back.output
    assert fleet.version()["release"] == serves


@pytest.mark.full
def test_a_step_that_waits_for_its_lock_gives_up_and_blocks_nobody(fleet):
    kept_releases_do_without(fleet, [STEP])
    # A long report: it reads, so that the backup before the step gets its locks, and the step does not.
    hold = "BEGIN; SELECT count(*) FROM public.old_things; SELECT pg_sleep(300)"
    fleet.on(
        "data1",
        "systemd-run",
        "--unit",
        "golive-hold",
        "runuser",
        "-u",
        "postgres",
        "--",
        "psql",
        "-qX",
        "football",
        "-c",
        hold,
    )
    try:
        run = contract(fleet, confirm="football", migration_lock_seconds=0.5, migration_attempts=2)
    finally:
        fleet.on("data1", "systemctl", "stop", "golive-hold", check=False)
    assert run.code != 0
    assert "lock timeout" in run.output
    assert there(fleet)


@pytest.mark.full
def test_a_statement_that_takes_nothing_away_is_seen(fleet):
    kept_releases_do_without(fleet, [STEP])
    steps = [{**STEPS["migration_contracts"][0], "statement": "SELECT 1"}]
    run = contract(fleet, confirm="football", migration_contracts=steps)
    assert run.code != 0
    assert "says that nothing is gone" in run.output
    assert run.told["verdict"] == "NOT LIVE"
