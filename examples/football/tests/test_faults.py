"""Planted faults do what they say, through a running server."""

from collections.abc import Callable
from datetime import timedelta

from conftest import running

from football.settings import Server

API = "/api/v1/predictions"


def test_error_share(server_settings: Callable[..., Server]) -> None:
    with running(server_settings(error_share=0.5)) as client:
        codes = [client.get(f"{API}/1").status_code for _ in range(60)]
        assert set(codes) == {200, 500}
        assert 10 <= codes.count(500) <= 50
        assert client.get("/health/").status_code == 200


def test_latency_and_memory(server_settings: Callable[..., Server]) -> None:
    settings = server_settings(latency_seconds=0.2, memory_mb_per_request=1)
    with running(settings) as client:
        assert client.get(f"{API}/1").elapsed >= timedelta(seconds=0.2)
        assert client.get("/health/live").elapsed < timedelta(seconds=0.2)
        assert [len(piece) for piece in settings.faults._ballast] == [2**20]


def test_latency_share_of_none(server_settings: Callable[..., Server]) -> None:
    with running(server_settings(latency_seconds=5, latency_share=0)) as client:
        assert client.get(f"{API}/1").elapsed < timedelta(seconds=1)


def test_failing_health_and_accuracy(server_settings: Callable[..., Server]) -> None:
    with running(server_settings(health_failing=True, accuracy=0.125)) as client:
        for path in ("/health/", "/health/ready"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert answer.json()["checks"]["database"]["error"] == "planted fault FOOTBALL_FAULT_HEALTH"
        assert client.get("/health/live").status_code == 200
        assert client.get(f"{API}/1").status_code == 200
        assert "football_prediction_accuracy 0.125" in client.get("/metrics").text
