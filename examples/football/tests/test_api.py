"""Every endpoint against the real database and cache."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from conftest import EXPIRED_KEY, GOOD_KEY, READING_KEY, REVOKED_KEY, Client, running
from services import Postgres, Redis, hung, wait_until

from football import RELEASE, cache, forecast, keys, migrate
from football.settings import Server

API = "/api/v1/predictions"
FIELDS = {
    "match_id", "home_win_prob", "draw_prob", "away_win_prob", "predicted_outcome", "confidence", "model_version",
    "predicted_at",
}  # fmt: skip


def is_error(answer: httpx.Response, status: int, message: str) -> bool:
    path = answer.request.url.path
    return answer.status_code == status and answer.json() == {
        "error": True, "status_code": status, "message": message, "path": path,
    }  # fmt: skip


def store_key(postgres: Postgres, database: str, name: str, key: str) -> None:
    values = f"('{name}', '{keys.hash_key(key)}', '{{read}}')"
    postgres.execute(database, f"INSERT INTO api_keys (name, key_sha256, scopes) VALUES {values}")


def check_prediction(row: dict[str, object], match_id: int) -> None:
    chances = {name: row[f"{name}_prob"] for name in ("home_win", "draw", "away_win")}
    assert row["match_id"] == match_id
    assert sum(float(str(chance)) for chance in chances.values()) == pytest.approx(1, abs=1e-9)
    assert row["confidence"] == max(chances.values(), key=lambda chance: float(str(chance)))
    assert (
        chances[{"home": "home_win", "draw": "draw", "away": "away_win"}[str(row["predicted_outcome"])]]
        == (row["confidence"])
    )
    assert str(row["model_version"]).startswith("poisson-300-")
    age = datetime.now(UTC) - datetime.fromisoformat(str(row["predicted_at"]))
    assert timedelta(0) <= age < timedelta(minutes=1)


def test_a_prediction_comes_from_the_cache_the_second_time(client: Client) -> None:
    first = client.get(f"{API}/301")
    assert first.status_code == 200
    assert set(first.json()) == FIELDS
    check_prediction(first.json(), 301)
    assert client.get(f"{API}/301").json() == first.json()  # the time of prediction too
    assert client.get(f"{API}/302").json()["predicted_at"] != first.json()["predicted_at"]


def test_what_is_unknown_or_malformed(client: Client) -> None:
    assert is_error(client.get(f"{API}/381"), 404, "Match 381 is unknown.")
    assert is_error(client.post(f"{API}/381/predict"), 404, "Match 381 is unknown.")
    assert is_error(client.get(f"{API}/history/381"), 404, "Match 381 is unknown.")
    assert is_error(client.post(f"{API}/379/verify?actual_result=home"), 404, "Match 379 has no stored prediction.")
    assert is_error(
        client.get(f"{API}/first"),
        422,
        "path.match_id: Input should be a valid integer, unable to parse string as an integer",
    )
    assert client.get(f"{API}/{2**31}").status_code == 422
    assert client.post(f"{API}/1/verify?actual_result=lost").status_code == 422
    assert client.post(f"{API}/batch", json={"match_ids": []}).status_code == 422
    assert client.post(f"{API}/batch", json={"match_ids": list(range(1, 102))}).status_code == 422
    assert is_error(client.get("/nothing"), 404, "Not Found")
    assert is_error(client.delete(f"{API}/1"), 405, "Method Not Allowed")


def test_predict_stores_and_history_and_recent_show_it(client: Client) -> None:
    answer = client.post(f"{API}/310/predict")
    assert answer.status_code == 201
    check_prediction(answer.json(), 310)
    stored = answer.json() | {"actual_result": None, "is_correct": None}
    assert client.get(f"{API}/history/310").json() == {"total": 1, "predictions": [stored]}
    again = client.post(f"{API}/310/predict").json()
    assert again["predicted_at"] > stored["predicted_at"]
    newest = client.get(f"{API}/recent", params={"limit": 1, "hours": 1}).json()
    assert newest == {"total": 1, "predictions": [again | {"actual_result": None, "is_correct": None}]}
    assert client.get(f"{API}/history/310", params={"limit": 1}).json() == newest
    assert client.get(f"{API}/recent", params={"hours": 169}).status_code == 422


def test_batch_tells_the_unknown_from_the_known(client: Client) -> None:
    answer = client.post(f"{API}/batch", json={"match_ids": [320, 999, 5, 320]})
    assert answer.status_code == 200
    body = answer.json()
    assert [row["match_id"] for row in body.pop("predictions")] == [320, 5, 320]
    assert body == {"total": 4, "success_count": 3, "failed_count": 1, "failed_match_ids": [999]}
    assert client.get(f"{API}/history/320").json()["total"] == 0


def test_verify_feeds_the_accuracy(client: Client, postgres: Postgres, database: str) -> None:
    def share() -> float:
        query = "SELECT avg(is_correct::int)::float AS share FROM predictions WHERE verified_at IS NOT NULL"
        return float(postgres.execute(database, query)[0]["share"])

    before = share()
    assert 0.35 < before < 0.75  # the seeded rounds: far from chance and far from miracles
    predicted = client.post(f"{API}/330/predict").json()["predicted_outcome"]
    right = client.post(f"{API}/330/verify", params={"actual_result": predicted}).json()
    assert right == {
        "match_id": 330, "prediction": predicted, "actual_result": predicted, "is_correct": True,
        "accuracy_score": right["accuracy_score"],
    }  # fmt: skip
    assert right["accuracy_score"] == pytest.approx(share())
    assert share() > before
    other = "away" if predicted == "home" else "home"
    wrong = client.post(f"{API}/330/verify", params={"actual_result": other}).json()
    assert wrong["is_correct"] is False
    assert wrong["accuracy_score"] == pytest.approx(share())
    assert share() < before
    assert client.get(f"{API}/history/330").json()["predictions"][0]["is_correct"] is False
    assert f"football_prediction_accuracy {share()}" in client.get("/metrics").text


def test_keys(client: Client) -> None:
    nobody = {"X-API-Key": ""}
    assert is_error(client.get(f"{API}/1", headers=nobody), 401, "The header X-API-Key is missing.")
    assert client.get(f"{API}/x", headers=nobody).status_code == 401  # before anything else is looked at
    for path in ("/health/", "/health/live", "/health/ready", "/version", "/metrics"):
        assert client.get(path, headers=nobody).status_code == 200
    assert is_error(client.get(f"{API}/1", headers={"X-API-Key": "wrong"}), 401, "The API key is unknown.")
    assert is_error(client.get(f"{API}/1", headers={"X-API-Key": REVOKED_KEY}), 403, "The API key has been revoked.")
    assert is_error(client.get(f"{API}/1", headers={"X-API-Key": EXPIRED_KEY}), 403, "The API key has expired.")


def test_a_key_opens_no_more_than_its_scope(client: Client) -> None:
    header = {"X-API-Key": READING_KEY}
    assert client.get(f"{API}/1", headers=header).status_code == 200
    assert client.post(f"{API}/batch", headers=header, json={"match_ids": [1]}).status_code == 200
    for path in (f"{API}/1/predict", f"{API}/1/verify?actual_result=home"):
        assert is_error(client.post(path, headers=header), 403, "The API key lacks the scope write.")


def test_a_revoked_key_stops_within_seconds(
    client: Client, postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "short-lived-" + "f" * 32
    header = {"X-API-Key": key}
    store_key(postgres, database, "short", key)
    assert client.get(f"{API}/1", headers=header).status_code == 200
    postgres.execute(database, "UPDATE api_keys SET revoked_at = now() WHERE name = 'short'")
    assert client.get(f"{API}/1", headers=header).status_code == 200  # remembered
    assert keys.CACHE_SECONDS <= 5
    now = time.monotonic()
    monkeypatch.setattr("football.keys.monotonic", lambda: now + keys.CACHE_SECONDS)
    assert client.get(f"{API}/1", headers=header).status_code == 403


def test_new_results_make_a_new_model(
    client: Client, postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = client.get(f"{API}/340").json()
    postgres.execute(database, "UPDATE matches SET home_goals = 5, away_goals = 0, updated_at = now() WHERE id = 301")
    assert client.get(f"{API}/340").json() == before
    now = time.monotonic()
    monkeypatch.setattr("football.forecast.monotonic", lambda: now + forecast.CHECK_SECONDS)
    after = client.get(f"{API}/340").json()
    assert after["model_version"].startswith("poisson-301-")
    assert after["home_win_prob"] != before["home_win_prob"]
    postgres.execute(
        database, "UPDATE matches SET home_goals = NULL, away_goals = NULL, updated_at = now() WHERE id = 301"
    )
    monkeypatch.setattr("football.forecast.monotonic", lambda: now + 2 * forecast.CHECK_SECONDS)
    assert client.get(f"{API}/340").json()["model_version"].startswith("poisson-300-")


def test_health_version(client: Client) -> None:
    body = client.get("/health/").json()
    assert body["status"] == "healthy"
    assert body["release"] == RELEASE
    for check in body["checks"].values():
        assert check["status"] == "healthy"
        assert 0 < check["latency_ms"] < 1000
    assert client.get("/health/ready").json()["status"] == "ready"
    assert client.get("/health/live").json() == {"status": "alive"}
    assert client.get("/version").json() == {
        "release": RELEASE, "commit": "0" * 40, "image": "sha256:" + "1" * 64, "colour": "blue",
    }  # fmt: skip


def test_without_the_cache_answers_go_on(client: Client, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis.stopped():
        health = client.get("/health/")
        assert health.status_code == 503
        assert health.json()["status"] == "unhealthy"
        assert health.json()["checks"]["database"]["status"] == "healthy"
        assert health.json()["checks"]["cache"]["status"] == "unhealthy"
        assert health.json()["checks"]["cache"]["error"]
        assert client.get("/health/ready").status_code == 200
        for match_id in range(350, 360):
            answer = client.get(f"{API}/{match_id}")
            assert answer.status_code == 200
    assert client.get("/health/").status_code == 200
    now = time.monotonic()
    monkeypatch.setattr("football.cache.monotonic", lambda: now + cache.REST_SECONDS)
    first = client.get(f"{API}/350").json()
    assert client.get(f"{API}/350").json() == first


def test_without_the_database(client: Client, postgres: Postgres) -> None:
    with postgres.stopped():
        health = client.get("/health/")
        assert health.status_code == 503
        assert health.json()["checks"]["database"]["status"] == "unhealthy"
        assert "refused" in health.json()["checks"]["database"]["error"]
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        assert is_error(client.post(f"{API}/1/predict"), 503, "The database is not available.")
        unknown = client.get(f"{API}/1", headers={"X-API-Key": "wrong"})
        assert is_error(unknown, 503, "The database is not available.")
        metrics = client.get("/metrics")
        assert metrics.status_code == 200
        assert "http_requests_total" in metrics.text
        assert "football_prediction_accuracy" not in metrics.text
    assert client.get("/health/").status_code == 200
    assert client.post(f"{API}/1/predict").status_code == 201


def test_a_hung_cache_costs_one_short_wait(client: Client, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(f"{API}/1")
    now = time.monotonic()
    monkeypatch.setattr("football.cache.monotonic", lambda: now)  # whatever time it takes, the cache rests
    with hung(redis.pid):
        started = time.monotonic()
        assert [client.get(f"{API}/{match_id}").status_code for match_id in range(1, 20)] == [200] * 19
        assert time.monotonic() - started < 2
        health = client.get("/health/")
        assert health.status_code == 503
        assert health.json()["checks"]["cache"]["status"] == "unhealthy"
    monkeypatch.setattr("football.cache.monotonic", lambda: now + cache.REST_SECONDS)
    for match_id in (3, 2, 1):  # no late answer of the hung cache is taken for another's
        assert client.get(f"{API}/{match_id}").json()["match_id"] == match_id


def test_a_hung_database_is_told_in_time(client: Client, postgres: Postgres) -> None:
    with hung(*postgres.pids):
        health = client.get("/health/")
        assert health.status_code == 503
        assert health.json()["checks"]["database"]["error"] == "no answer within 1 s"
        assert timedelta(seconds=1) <= health.elapsed < timedelta(seconds=2.5)
    wait_until(lambda: client.get("/health/").status_code == 200, "the database is back")


def test_without_a_finished_match(server_settings: Callable[..., Server], postgres: Postgres, empty: str) -> None:
    asyncio.run(migrate.upgrade(postgres.settings(empty, "football_migrator")))
    store_key(postgres, empty, "x", GOOD_KEY)
    with running(server_settings(empty)) as client:
        message = "There is no finished match to learn from: run the seed command."
        assert is_error(client.get(f"{API}/1"), 503, message)
        assert "football_prediction_accuracy" not in client.get("/metrics").text


def test_a_failing_statement_is_an_internal_error_and_not_an_outage(
    client: Client, postgres: Postgres, database: str
) -> None:
    postgres.execute(database, "ALTER TABLE predictions RENAME TO mislaid")
    try:
        assert is_error(client.get(f"{API}/recent"), 500, "Internal error.")
    finally:
        postgres.execute(database, "ALTER TABLE mislaid RENAME TO predictions")


def test_request_id_is_taken_or_made(client: Client) -> None:
    given = client.get("/health/live", headers={"X-Request-ID": "edge-1:abc.DEF_9"})
    assert given.headers["X-Request-ID"] == "edge-1:abc.DEF_9"
    for bad in ("", "has space", 'quote"', "x" * 129):
        made = client.get("/health/live", headers={"X-Request-ID": bad}).headers["X-Request-ID"]
        assert len(made) == 32
    assert client.get("/nothing", headers={"X-Request-ID": "a"}).headers["X-Request-ID"] == "a"


def test_the_schema_is_served(client: Client) -> None:
    assert f"{API}/{{match_id}}" in client.get("/openapi.json").json()["paths"]
