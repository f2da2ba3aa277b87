"""What release 1.1.0 adds, and that release 1.0.0 works on its schema."""

import asyncio
from collections.abc import Callable

import pytest
from conftest import REVOKED_KEY, Client, running
from services import Postgres

from football import features, migrate
from football.settings import Server

API = "/api/v1/predictions"


def test_notes(client: Client) -> None:
    assert client.get(f"{API}/360/note").status_code == 404
    client.post(f"{API}/360/predict")
    assert client.get(f"{API}/360/note").json() == {"match_id": 360, "note": None, "changes": []}
    assert client.put(f"{API}/360/note", json={"note": "derby"}).status_code == 200
    body = client.put(f"{API}/360/note", json={"note": "derby, keeper injured"}).json()
    assert body["note"] == "derby, keeper injured"
    assert [(change["note"], change["author"]) for change in body["changes"]] == [
        ("derby, keeper injured", "tester"),
        ("derby", "tester"),
    ]
    assert client.get(f"{API}/360/note").json() == body
    assert client.put(f"{API}/360/note", json={"note": ""}).status_code == 422
    assert client.put(f"{API}/360/note", json={"note": "x"}, headers={"X-API-Key": REVOKED_KEY}).status_code == 403


def test_stats(client: Client) -> None:
    rows = client.get(f"{API}/stats").json()
    assert len(rows) == 20
    shares = [row["accuracy"] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert all(row["verified"] >= 5 and 0 <= row["accuracy"] <= 1 for row in rows)


def test_release_1_0_0_works_on_the_schema_of_1_1_0(
    server_settings: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Release 1.0.0 is this code without the features, so the core is run against the expanded schema."""
    monkeypatch.setattr(features, "discover", lambda: ())
    assert migrate.head() == "0002"
    with running(server_settings()) as client:
        assert client.get(f"{API}/stats").status_code == 422  # taken for a match: the feature is gone
        assert client.get(f"{API}/1").status_code == 200
        assert client.post(f"{API}/361/predict").status_code == 201
        assert client.post(f"{API}/batch", json={"match_ids": [1, 2]}).json()["success_count"] == 2
        assert client.post(f"{API}/361/verify?actual_result=home").status_code == 200
        assert client.get(f"{API}/history/361").json()["total"] == 1
        assert client.get(f"{API}/recent").status_code == 200
        assert client.get("/health/").status_code == 200


def test_rows_of_1_0_0_survive_the_expansion(postgres: Postgres, empty: str) -> None:
    database = postgres.settings(empty, "football_migrator")
    assert asyncio.run(migrate.upgrade(database, "0001")) == ["Running upgrade base -> 0001"]
    insert = (
        "INSERT INTO teams VALUES (1, 'a'), (2, 'b');"
        "INSERT INTO matches VALUES (1, 's', now(), 1, 2, NULL, NULL, 'test');"
        "INSERT INTO predictions (match_id, home_win_prob, draw_prob, away_win_prob, predicted_outcome, confidence,"
        " model_version, predicted_at) VALUES (1, 0.5, 0.3, 0.2, 'home', 0.5, 'x', now())"
    )
    postgres.execute(empty, insert)
    assert asyncio.run(migrate.upgrade(database)) == ["Running upgrade 0001 -> 0002"]
    postgres.execute(empty, insert.split(";")[-1])  # what 1.0.0 goes on to write
    assert [tuple(row) for row in postgres.execute(empty, "SELECT match_id, note FROM predictions")] == [(1, None)] * 2
