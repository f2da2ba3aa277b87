"""The real thing: `python -m football serve` with two workers."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import GOOD_KEY
from services import SECRETS, Postgres, Redis, environment, free_port, python_environment, wait_until

API = "/api/v1/predictions"


class Process:
    """A server in a process group of its own, with its log."""

    def __init__(self, directory: Path, variables: dict[str, str]) -> None:
        self.log = directory / "log"
        self.port = free_port()
        with self.log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "football", "serve"],
                env=python_environment() | variables | {"FOOTBALL_PORT": str(self.port)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        # No connection is kept, so that any worker may answer the next request.
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", limits=httpx.Limits(max_keepalive_connections=0), timeout=10
        )
        wait_until(self._healthy, "the server is healthy", 120)

    def _healthy(self) -> bool:
        assert self.popen.poll() is None, self.log.read_text()
        try:
            return self.get("/health/").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def metric(self, name: str, **labels: str) -> float:
        text = self.get("/metrics").text
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        for found in re.finditer(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE):
            if wanted <= set((found[1] or "").split(",")):
                return float(found[2])
        return 0.0


@contextmanager
def serving(directory: Path, postgres: Postgres, redis: Redis, database: str, **variables: str) -> Iterator[Process]:
    given = environment(directory, postgres.settings(database), redis.settings()) | variables
    process = Process(directory, given)
    try:
        yield process
    finally:
        process.client.close()
        if process.popen.poll() is None:
            process.popen.terminate()
            process.popen.wait(30)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, redis: Redis, database: str
) -> Iterator[Process]:
    directory = tmp_path_factory.mktemp("server")
    with serving(
        directory, postgres, redis, database, FOOTBALL_COLOUR="green", FOOTBALL_COMMIT="abc", TMPDIR=str(directory)
    ) as process:
        yield process


def test_metrics_add_up_over_the_workers(server: Process) -> None:
    # The first to start answers before the second is there.
    wait_until(lambda: server.log.read_text().count("Started server process") == 2, "both workers have started", 60)
    labels = {"method": "GET", "route": f"{API}/{{match_id}}"}
    before = server.metric("http_requests_total", status="200", **labels)
    timed = server.metric("http_request_duration_seconds_count", **labels)
    predicted = server.metric("football_predictions_total")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: server.get(f"{API}/{n}", headers={"X-API-Key": GOOD_KEY}), range(1, 81)))
    assert {answer.status_code for answer in answers} == {200}
    for _ in range(4):  # whichever worker answers, the sums are the same
        assert server.metric("http_requests_total", status="200", **labels) == before + 80
        assert server.metric("http_request_duration_seconds_count", **labels) == timed + 80
        assert server.metric("football_predictions_total") == predicted + 80
    assert server.metric("http_requests_in_flight") == 1  # the scrape itself
    server.get(f"{API}/1")
    assert server.metric("http_requests_total", status="401", **labels) == 1
    server.get("/nothing/42")
    assert server.metric("http_requests_total", status="404", route="unmatched") >= 1


def test_figures_of_the_business(server: Process) -> None:
    assert server.metric("football_build_info", release=server.get("/version").json()["release"], commit="abc",
                         colour="green") == 1  # fmt: skip
    assert server.metric("football_active_api_keys") >= 1
    assert 0 < server.metric("football_prediction_accuracy") < 1
    assert 0 < server.metric("football_data_sync_age_seconds") < 600


def test_a_killed_worker_leaves_no_request_in_flight(server: Process) -> None:
    (directory,) = server.log.parent.glob("football-metrics-*")
    pids = {int(file.stem.rsplit("_", 1)[1]) for file in directory.glob("gauge_livesum_*.db")}
    assert len(pids) == 2
    victim = min(pids)
    os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        files = {int(file.stem.rsplit("_", 1)[1]) for file in directory.glob("gauge_livesum_*.db")}
        return victim not in files and len(files) == 2

    wait_until(replaced, "another worker has taken its place", 60)
    assert server.get("/health/").status_code == 200


def test_the_log_is_json_and_keeps_secrets(server: Process) -> None:
    server.get(
        f"{API}/7?token=query-secret", headers={"X-API-Key": GOOD_KEY, "X-Request-ID": "trace-7"}
    ).raise_for_status()
    server.get(f"{API}/7", headers={"X-API-Key": "a-wrong-secret-key"})
    wait_until(lambda: any(line.get("request_id") == "trace-7" for line in server.lines()), "the line is written")
    line = next(line for line in server.lines() if line.get("request_id") == "trace-7")
    assert line["level"] == "info"
    assert (line["method"], line["route"], line["status"]) == ("GET", f"{API}/{{match_id}}", 200)
    assert 0 < float(str(line["duration_ms"])) < 1000
    assert str(line["time"]).endswith("+00:00")
    text = server.log.read_text()
    for secret in (*SECRETS, GOOD_KEY, "query-secret", "a-wrong-secret-key"):
        assert secret not in text


def test_sigterm_drains(tmp_path: Path, postgres: Postgres, redis: Redis, database: str) -> None:
    with serving(tmp_path, postgres, redis, database, FOOTBALL_FAULT_LATENCY_SECONDS="2") as process:
        answers: list[int] = []

        def ask() -> None:
            answer = process.get(f"{API}/1", headers={"X-API-Key": GOOD_KEY})
            answers.append(answer.status_code)

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        wait_until(lambda: process.metric("http_requests_in_flight") == 7, "six requests are in flight")
        process.popen.send_signal(signal.SIGTERM)
        started = time.monotonic()
        for thread in threads:
            thread.join()
        assert process.popen.wait(20) == 0
        assert answers == [200] * 6
        assert time.monotonic() - started < 15
        assert not list(tmp_path.glob("football-metrics-*"))


def test_a_taken_port_is_an_error(server: Process, tmp_path: Path, postgres: Postgres, redis: Redis) -> None:
    variables = environment(tmp_path, postgres.settings("football"), redis.settings())
    done = subprocess.run(
        [sys.executable, "-m", "football", "serve"],
        env=python_environment() | variables | {"FOOTBALL_PORT": str(server.port)},
        capture_output=True,
        timeout=30,
        check=False,
        text=True,
    )
    assert done.returncode == 3
    assert "address already in use" in done.stdout.lower()
    assert "Traceback" not in done.stderr
