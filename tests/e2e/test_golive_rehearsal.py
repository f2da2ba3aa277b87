"""A migration is tried on a restored copy first: what would hurt is stopped there, and nothing of the copy is left."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
import yaml

from golive.lab import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.usefixtures("first_release")]

PHASES = ("--tags", "preflight,database")
# The tool cannot show its SQL, so that no rule can judge it: what is left is to try.
UNSEEN = {"migration_emit": []}
MIGRATION = """
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    for statement in {statements!r}:
        op.execute(statement)
"""


def release(fleet, name, *statements):
    """Put a release beside 1.1.0 whose migration carries out these statements; return its name."""
    known = fleet.lab.state / "releases"
    built = json.loads((known / "1.1.0" / "release.json").read_text(encoding="utf-8"))
    place = known / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    migration = place / "0003.py"
    migration.write_text(MIGRATION.format(statements=statements), encoding="utf-8")
    migration.chmod(0o644)  # the application does not run as root
    recipe = f"FROM {built['image']}\nCOPY 0003.py /opt/football/app/football/migrations/versions/0003.py\n"
    (place / "Dockerfile").write_text(recipe, encoding="utf-8")
    tag = f"{fleet.lab.name}/football:{name}"
    for command in (["build", "--quiet", "--tag", tag, place], ["save", "--output", place / built["archive"], tag]):
        subprocess.run(["docker", *command], check=True, capture_output=True)
    found = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", tag], check=True, capture_output=True, text=True
    )
    told = {**built, "release": name, "image": tag, "image_id": found.stdout.strip(), "alembic_head": "0003"}
    (place / "release.json").write_text(json.dumps(told), encoding="utf-8")
    return name


def sql(fleet, statement):
    words = ["runuser", "-u", "postgres", "--", "psql", "-qtAX", "football", "-c", statement]
    return fleet.on("data1", *words).strip()


@pytest.fixture(autouse=True)
def newer_schema(fleet):
    """The database is at 0002 before and after, whatever serves; and nothing of a copy is left."""
    if sql(fleet, "SELECT version_num FROM alembic_version") != "0002":
        there = fleet.golive("1.1.0", "--tags", "preflight,database,release,performance,watch")
        assert there.code == 0, there.output[-4000:]
    yield
    assert sql(fleet, "SELECT version_num FROM alembic_version") == "0002"
    assert fleet.on("ops1", "ls", "/var/lib/golive-scratch/football").strip() == ""
    assert fleet.on("ops1", "systemctl", "is-active", "golive-scratch", check=False).strip() == "inactive"
    left = fleet.on("app1", "docker", "ps", "--all", "--format", "{{.Names}}").split()
    assert not {"football-old", "football-rehearsal"} & set(left)
    assert fleet.on("app1", "ls", "/opt/golive/football/copy", check=False).strip() == ""


def red(run):
    return {seen["gate"]: seen for seen in run.told["gates"] if seen["verdict"] != "PASS"}


def test_a_migration_that_breaks_what_serves_is_stopped(fleet):
    name = release(fleet, "1.2.0-renames", "ALTER TABLE api_keys RENAME COLUMN revoked_at TO closed_at")
    serves = fleet.version()["release"]
    run = fleet.golive(name, *PHASES, **UNSEEN)
    assert run.code != 0
    assert run.told["verdict"] == "NOT LIVE"
    seen = red(run)
    assert list(seen) == ["database.old_release_on_new_schema"]
    assert seen["database.old_release_on_new_schema"]["verdict"] == "FAIL"
    assert "answered: " in seen["database.old_release_on_new_schema"]["message"]
    assert serves in seen["database.old_release_on_new_schema"]["message"]
    assert fleet.version()["release"] == serves


def test_a_migration_that_makes_others_wait_is_stopped(fleet):
    locks = ("ALTER TABLE predictions ADD COLUMN remark text", "SELECT pg_sleep(3)")
    run = fleet.golive(release(fleet, "1.2.0-waits", *locks), *PHASES, **UNSEEN)
    assert run.code != 0
    seen = red(run)
    assert list(seen) == ["database.rehearsal_lock_wait"]
    assert seen["database.rehearsal_lock_wait"]["verdict"] == "FAIL"
    assert "AccessExclusiveLock on public.predictions" in seen["database.rehearsal_lock_wait"]["message"]
    assert seen["database.rehearsal_lock_wait"]["value"] > 2


def test_a_migration_that_loses_rows_is_stopped(fleet):
    rows = sql(fleet, "SELECT count(*) FROM matches")
    unused = "SELECT max(id) FROM matches WHERE id NOT IN (SELECT match_id FROM predictions)"
    statement = f"DELETE FROM matches WHERE id = ({unused})"
    run = fleet.golive(release(fleet, "1.2.0-deletes", statement), *PHASES, **UNSEEN)
    assert run.code != 0
    seen = red(run)
    assert list(seen) == ["database.rehearsal_rows"]
    assert "public.matches has " in seen["database.rehearsal_rows"]["message"]
    assert sql(fleet, "SELECT count(*) FROM matches") == rows


def test_a_migration_that_is_not_done_in_time_is_stopped(fleet):
    run = fleet.golive(
        release(fleet, "1.2.0-takes", "SELECT pg_sleep(2)"), *PHASES, **UNSEEN, gates_migration_seconds=2
    )
    assert run.code != 0
    assert list(red(run)) == ["database.rehearsal_seconds"]


def test_what_is_not_rehearsed_is_said_and_counts_for_nothing(fleet):
    name = release(fleet, "1.2.0-fails", "SELECT 1 / 0")
    never = fleet.golive(name, *PHASES, **UNSEEN, migration_rehearsal="never")
    assert never.code != 0
    assert any("migration_rehearsal is never" in note["message"] for note in never.told["notes"])
    assert not [gate for gate in never.told["gates"] if ".rehearsal_" in gate["gate"] or ".old_" in gate["gate"]]
    # An address that is written out would lead a rehearsal to the database itself.
    address = fleet.on("data1", "hostname", "-i").split()[0]
    known = yaml.safe_load((ROOT / "examples" / "football" / "golive.yml").read_text(encoding="utf-8"))["migration_env"]
    fixed = {**known, "FOOTBALL_DATABASE_HOST": address, "FOOTBALL_DATABASE_PORT": "5432"}
    always = fleet.golive(name, *PHASES, **UNSEEN, migration_rehearsal="always", migration_env=fixed)
    assert always.code != 0
    assert "migration_env would lead to the database itself" in always.output


def test_what_a_run_left_that_was_cut_off_is_removed(fleet):
    fleet.on("ops1", "systemctl", "start", "golive-scratch")
    fleet.on("app1", "sh", "-c", "docker create --name football-rehearsal $(docker images -q | head -1) head")
    fleet.on("app1", "sh", "-c", "docker create --name football-old $(docker images -q | head -1)")
    run = fleet.golive(release(fleet, "1.2.0-late", "SELECT pg_sleep(2)"), *PHASES, **UNSEEN, gates_migration_seconds=2)
    assert list(red(run)) == ["database.rehearsal_seconds"]
