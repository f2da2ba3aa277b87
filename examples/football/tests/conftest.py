"""Fixtures: one PostgreSQL and one Redis for the whole run, one seeded database, and the application on a real port."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

# prometheus_client decides at its import how it counts: as in production, for several workers.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="football-test-metrics-"))

import httpx
import pytest
import services
import uvicorn

from football import keys, migrate
from football.app import create_app
from football.cli import main
from football.database import create_engine
from football.faults import Faults
from football.seed import seed
from football.settings import Database, Server

GOOD_KEY = "good-key-" + "0123456789abcdef" * 2
READING_KEY = "reading-key-" + "0123456789abcdef" * 2
REVOKED_KEY = "revoked-key-" + "0123456789abcdef" * 2
EXPIRED_KEY = "expired-key-" + "0123456789abcdef" * 2
Client = httpx.Client


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="football-test-") as name:
        services.make_certificate(Path(name) / "tls")
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(directory: Path) -> Iterator[services.Postgres]:
    server = services.Postgres(directory / "postgres", directory / "tls")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis(directory: Path) -> Iterator[services.Redis]:
    server = services.Redis(directory / "redis", directory / "tls")
    yield server
    server.stop()


async def _fill(database: Database) -> None:
    engine = create_engine(database)
    await seed(engine)
    await keys.issue(engine, "tester", GOOD_KEY, keys.SCOPES)
    await keys.issue(engine, "reporter", READING_KEY, [keys.READ])
    await keys.issue(engine, "former", REVOKED_KEY, keys.SCOPES)
    await keys.revoke(engine, "former")
    await keys.issue(engine, "guest", EXPIRED_KEY, keys.SCOPES, expires=datetime(2020, 1, 1, tzinfo=UTC))
    await engine.dispose()


@pytest.fixture(scope="session")
def database(postgres: services.Postgres) -> str:
    """Name of a migrated and seeded database with one good and one revoked key."""
    postgres.create_database("football")
    asyncio.run(migrate.upgrade(postgres.settings("football", "football_migrator")))
    asyncio.run(_fill(postgres.settings("football")))
    return "football"


@pytest.fixture
def empty(postgres: services.Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a database without a table."""
    name = f"empty_{abs(hash(request.node.nodeid))}"
    postgres.create_database(name)
    yield name
    postgres.execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(settings: Server) -> Iterator[Client]:
    """Serve the application of `settings` from a thread and yield a client that has the good key."""
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        services.wait_until(lambda: server.started, "the application serves")
        port = server.servers[0].sockets[0].getsockname()[1]
        with Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": GOOD_KEY}) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.fixture(scope="session")
def server_settings(postgres: services.Postgres, redis: services.Redis, database: str) -> Callable[..., Server]:
    """Make the settings of a server on the seeded database; planted faults by name."""

    def make(name: str = database, **faults: object) -> Server:
        return Server(
            database=postgres.settings(name),
            cache=redis.settings(),
            faults=Faults(**faults),  # type: ignore[arg-type]
            port=8000,
            workers=1,
            commit="0" * 40,
            image="sha256:" + "1" * 64,
            colour="blue",
        )

    return make


@pytest.fixture(scope="module")
def client(server_settings: Callable[..., Server]) -> Iterator[Client]:
    with running(server_settings()) as client:
        yield client


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """Run `football ARGUMENTS` with the given settings; return exit code, standard output and error."""

    def call(*arguments: str, database: Database | None = None, **variables: str) -> tuple[int, str, str]:
        for name in [name for name in os.environ if name.startswith("FOOTBALL_")]:
            monkeypatch.delenv(name)
        given = services.environment(tmp_path, database) if database else {}
        for name, value in (given | variables).items():
            monkeypatch.setenv(name, value)
        code = main(list(arguments))
        output = capsys.readouterr()
        return code, output.out.strip(), output.err.strip()

    return call
