"""Commands against the real database, as the roles that a deployment runs them with."""

import hashlib
import io
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from conftest import GOOD_KEY
from services import Postgres
from sqlalchemy.ext.asyncio import AsyncEngine

from football import RELEASE, migrate
from football.seed import seed as importer_seed

Command = Callable[..., tuple[int, str, str]]
SECRET = "x" * 40


@pytest.fixture
def migrated(postgres: Postgres, empty: str, command: Command) -> str:
    assert command("migrate", database=postgres.settings(empty, "football_migrator"))[0] == 0
    return empty


def test_migrate_from_empty_and_again(command: Command, postgres: Postgres, empty: str) -> None:
    database = postgres.settings(empty, "football_migrator")
    assert command("current", database=database) == (0, "none", "")
    code, output, _ = command("migrate", database=database)
    lines = output.splitlines()
    assert code == 0
    assert lines[0] == "Running upgrade base -> 0001"
    assert lines[-1].endswith(f"-> {migrate.head()}")
    assert command("migrate", database=database)[1] == f"Schema is at {migrate.head()} already."
    assert command("current", database=database)[1] == command("head")[1] == migrate.head()


def test_everything_belongs_to_the_owner(postgres: Postgres, migrated: str) -> None:
    rows = postgres.execute(migrated, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tableowner"] for row in rows] == ["football_owner"]


def test_the_writer_may_not_migrate(command: Command, postgres: Postgres, empty: str) -> None:
    code, _, error = command("migrate", database=postgres.settings(empty))
    assert code == 1
    assert "permission denied for schema public" in error
    assert command("current", database=postgres.settings(empty))[1] == "none"


def test_migrate_does_not_wait_long_for_a_lock(
    command: Command, postgres: Postgres, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrate.LOCK_SECONDS == 3
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 1)
    with postgres.holding(empty, f"SELECT pg_advisory_lock({migrate._LOCK})"):
        code, _, error = command("migrate", database=postgres.settings(empty, "football_migrator"))
    assert code == 1
    assert error.startswith(f"football: a lock in database {empty} was not free within 1 s; nothing was changed")


def test_an_older_release_leaves_a_newer_schema_alone(command: Command, postgres: Postgres, migrated: str) -> None:
    postgres.execute(migrated, "UPDATE alembic_version SET version_num = '9999'")
    database = postgres.settings(migrated, "football_migrator")
    code, _, error = command("migrate", database=database)
    assert (code, error) == (
        1,
        f"football: database {migrated} is at revision 9999, which release {RELEASE} does not have; nothing was "
        "changed, a newer release has migrated it already.",
    )
    assert command("current", database=database) == (0, "9999", "")


def test_migrate_shows_its_sql(command: Command) -> None:
    code, output, _ = command("migrate", "--sql", f"base:{migrate.head()}")
    assert code == 0
    assert "CREATE TABLE matches" in output
    code, _, error = command("migrate", "--sql", "0001:9999")
    assert code == 1
    assert error.startswith("football: cannot show the SQL of 0001:9999: ")


def test_seed_is_idempotent_and_repairs(command: Command, postgres: Postgres, migrated: str) -> None:
    database = postgres.settings(migrated)
    assert command("seed", database=database) == (0, "seeded 450", "")  # 20 teams, 380 matches, 50 predictions
    assert command("seed", database=database) == (0, "unchanged", "")
    postgres.execute(migrated, "UPDATE matches SET home_goals = 9, away_goals = 9 WHERE id = 1")
    assert command("seed", database=database) == (0, "seeded 1", "")
    counts = postgres.execute(
        migrated, "SELECT source, count(*) AS all, count(home_goals) AS finished FROM matches GROUP BY source"
    )
    assert [tuple(row) for row in counts] == [("synthetic", 380, 300)]
    assert postgres.execute(migrated, "SELECT count(*) FROM data_syncs")[0][0] == 1


def test_seed_without_tables_is_one_sentence(command: Command, postgres: Postgres, empty: str) -> None:
    code, _, error = command("seed", database=postgres.settings(empty))
    assert code == 1
    assert error.endswith('relation "teams" does not exist.')


def test_api_keys(
    command: Command, postgres: Postgres, migrated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = postgres.settings(migrated)
    key = tmp_path / "key"
    key.write_text(SECRET + "\n")

    def api_key(*arguments: str) -> tuple[int, str, str]:
        return command("api-key", *arguments, database=database)

    def issue(name: str, *arguments: str, file: str = str(key)) -> tuple[int, str, str]:
        return api_key("issue", name, "--key-file", file, "--scope", "read", *arguments)

    def listed() -> dict[str, list[object]]:
        code, output, _ = api_key("list")
        assert code == 0
        return {row["name"]: [row["state"], row["scopes"], row["expires"]] for row in json.loads(output)}

    assert issue("probe") == (0, "issued", "")
    assert issue("probe") == (0, "unchanged", "")
    assert issue("probe", "--scope", "write") == (0, "changed", "")
    key.write_text("y" * 40)
    assert issue("probe") == (0, "changed", "")
    monkeypatch.setattr("sys.stdin", io.StringIO("e" * 40 + "\n"))
    assert issue("guest", "--expires", "2020-01-01", file="-") == (0, "issued", "")
    assert listed() == {
        "guest": ["expired", ["read"], "2020-01-01T00:00:00+00:00"],
        "probe": ["active", ["read"], None],
    }
    key.write_text("e" * 40)
    assert issue("guest", "--expires", "2999-01-01") == (0, "changed", "")
    assert listed()["guest"][0] == "active"
    key.write_text("y" * 40)
    assert issue("other")[0] == 1  # the key of another name
    assert api_key("revoke", "probe") == (0, "revoked", "")
    assert api_key("revoke", "probe") == (0, "unchanged", "")
    assert listed()["probe"][0] == "revoked"
    said = "football: this key of probe was revoked and is not let in again; issue another one."
    assert issue("probe") == (1, "", said)
    assert listed()["probe"][0] == "revoked"
    key.write_text("n" * 40)
    assert issue("probe") == (0, "changed", "")
    assert listed()["probe"][0] == "active"
    code, _, error = api_key("revoke", "nobody")
    assert (code, error) == (1, "football: no API key is named nobody; `api-key list` shows the names.")


def test_a_key_is_listed_by_a_part_of_its_hash(command: Command, postgres: Postgres, database: str) -> None:
    _, output, _ = command("api-key", "list", database=postgres.settings(database))
    shown = {row["name"]: row["sha256"] for row in json.loads(output)}
    assert shown["tester"] == hashlib.sha256(GOOD_KEY.encode()).hexdigest()[:16]
    assert GOOD_KEY not in output


def test_a_short_key_is_refused(
    command: Command, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text("short")
    monkeypatch.setattr("sys.stdin", io.StringIO("short"))
    for file, where in ((str(key), f"in {key}"), ("-", "on standard input")):
        code, _, error = command(
            "api-key", "issue", "x", "--key-file", file, "--scope", "read", database=postgres.settings("postgres")
        )
        assert (code, error) == (2, f"football: the key {where} has 5 characters, wanted 32 or more random ones.")


def test_keys_are_stored_as_hashes_only(postgres: Postgres, database: str) -> None:
    rows = postgres.execute(database, "SELECT key_sha256 FROM api_keys")
    assert all(re.fullmatch("[0-9a-f]{64}", row["key_sha256"]) for row in rows)
    assert GOOD_KEY not in str(rows)


def test_a_database_check_guards_the_probabilities(postgres: Postgres, database: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        postgres.execute(database, "UPDATE predictions SET home_win_prob = 0.99")


def test_serve_refuses_to_start_when_planted(command: Command, postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("secret")
    cache = {"FOOTBALL_CACHE_HOST": "127.0.0.1", "FOOTBALL_CACHE_PASSWORD_FILE": str(tmp_path / "cache")}
    code, _, error = command("serve", database=postgres.settings("postgres"), FOOTBALL_FAULT_START="refuse", **cache)
    assert (code, error) == (3, "football: start refused by the planted fault FOOTBALL_FAULT_START.")


@pytest.fixture
def two_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is ended when it has tried twice, however long that takes."""
    tried: list[int] = []

    async def seed(engine: AsyncEngine) -> int:
        tried.append(1)
        if len(tried) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return await importer_seed(engine)

    monkeypatch.setattr("football.importer.seed", seed)


@pytest.mark.usefixtures("two_imports")
def test_the_worker_imports_again_and_again_until_it_is_ended(
    command: Command, postgres: Postgres, migrated: str
) -> None:
    code, output, _ = command("work", database=postgres.settings(migrated), FOOTBALL_IMPORT_SECONDS="0.1")
    lines = [json.loads(line) for line in output.splitlines()]
    assert code == 0
    assert [(line["message"], line["changed"], line["release"]) for line in lines] == [
        ("imported", 450, RELEASE),
        ("imported", 0, RELEASE),
    ]


@pytest.mark.usefixtures("two_imports")
def test_the_worker_outlives_a_database_that_is_away(command: Command, postgres: Postgres, empty: str) -> None:
    code, output, _ = command("work", database=postgres.settings(empty), FOOTBALL_IMPORT_SECONDS="0.1")
    assert code == 0
    assert output.count('import failed: relation \\"teams\\" does not exist') == 2
