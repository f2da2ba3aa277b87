"""Secrets are rotated while requests that need them are answered, also when the rotation is cut off in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from golive.lab import ROOT

from .conftest import Fleet
from .test_secrets import THROUGH_RELEASE

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.usefixtures("first_release")]

# Each logs in as a client would, with what comes on standard input; prints "yes", or why not.
CLIENTS = {
    "cache_app": """
import json, socket, ssl, sys
user, password = json.load(sys.stdin)
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
with context.wrap_socket(socket.create_connection(("data1", 6379), 5), server_hostname="data1") as cache:
    cache.sendall(f"AUTH {user} {password}\\r\\n".encode())
    said = cache.recv(100).decode()
print("yes" if said == "+OK\\r\\n" else said)
""",
    "db_writer": """
import json, sys
import psycopg2
user, password = json.load(sys.stdin)
where = "host=data1 dbname=football sslmode=verify-full sslrootcert=/etc/golive/tls/ca.crt"
try:
    psycopg2.connect(where, user=user, password=password)
    print("yes")
except psycopg2.OperationalError as error:
    print(error)
""",
    "api_key": """
import http.client, json, ssl, sys
_, key = json.load(sys.stdin)
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
connection = http.client.HTTPSConnection("edge1", 443, context=context, timeout=10)
connection.request("GET", "/api/v1/predictions/1", headers={"Host": "football.test", "X-API-Key": key})
status = connection.getresponse().status
print("yes" if status == 200 else status)
""",
}
REFUSALS = {"cache_app": "WRONGPASS", "db_writer": "password authentication failed", "api_key": "403"}


def login(fleet: Fleet, name: str, user: str, password: str) -> str:
    host = "ops1" if name == "api_key" else "app1"
    return fleet.on(host, "python3", "-c", CLIENTS[name], stdin=json.dumps([user, password])).strip()


def stored(fleet: Fleet, name: str) -> dict[str, str]:
    """Return the files of a secret in the store, and their values."""
    store = fleet.lab.state / "secrets"
    return {file: (store / file).read_text().strip() for file in (name, f"{name}_b") if (store / file).exists()}


def account(name: str, file: str) -> str:
    suffix = file.removeprefix(name)
    return {"cache_app": "football", "db_writer": f"football_writer{suffix}", "api_key": ""}[name]


@pytest.fixture(scope="module")
def killed(fleet: Fleet) -> str:
    """Cut a rotation off when both colours run, with a value each; return the value that it began with."""
    before = stored(fleet, "cache_app")["cache_app"]
    command = fleet.lab.playbook("playbooks/rotate.yml", "-i", "inventories/lab", "-e", "secret=cache_app")
    process = subprocess.Popen(
        command, cwd=ROOT, env=fleet.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("PLAY [Release | Switch at the edge"):
            break
    else:
        pytest.fail(said)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return before


def test_a_rotation_that_was_cut_off_has_harmed_nobody(fleet, killed):
    assert fleet.ask("ops1", "/health/") == 200
    new = stored(fleet, "cache_app")["cache_app"]
    assert new != killed
    assert [login(fleet, "cache_app", "football", value) for value in (killed, new)] == ["yes", "yes"]
    listing = subprocess.run(
        fleet.lab.playbook("playbooks/secrets.yml", "-i", "inventories/lab"),
        cwd=ROOT, env=fleet.environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "run playbooks/rotate.yml -e secret=cache_app again" in " ".join(listing.split())


@pytest.mark.parametrize(
    "name",
    ["cache_app", pytest.param("db_writer", marks=pytest.mark.full), pytest.param("api_key", marks=pytest.mark.full)],
)
def test_a_rotation_loses_no_request(fleet, killed, name):
    before = stored(fleet, name)
    (old_file, old), *_ = {"cache_app": killed}.items() if name == "cache_app" else before.items()
    old_account = account(name, name if name == "cache_app" else old_file)
    assert login(fleet, name, old_account, old) == "yes"
    # It asks database and cache, and waits 1 s for them: slowly, so that a busy machine is not taken for a refusal.
    with fleet.loop("/health/", rate=20) as loop:
        run = fleet.playbook("rotate", variables={"secret": name})
    assert run.code == 0, run.output[-5000:]
    assert run.told["verdict"] == ("VERIFIED" if name == "api_key" else "LIVE")
    assert loop.seen["lost"] == []
    assert loop.seen["sent"] > 500
    ((new_file, new),) = stored(fleet, name).items()
    assert new != old
    assert login(fleet, name, account(name, new_file), new) == "yes"
    assert REFUSALS[name] in login(fleet, name, old_account, old)
    assert not list((fleet.lab.state / "secrets").glob("*.old"))


def test_a_go_live_after_it_changes_nothing(fleet):
    run = fleet.golive("1.0.0", *THROUGH_RELEASE)
    assert run.code == 0, run.output[-4000:]
    assert run.told["verdict"] == "VERIFIED"
    assert run.changed_tasks == []


def test_a_release_staged_with_the_old_value_is_not_rolled_back_to(fleet):
    run = fleet.playbook("rollback", variables={"release": "1.1.0"})
    assert run.code != 0
    assert "Take it live with playbooks/golive.yml -e release=1.1.0" in " ".join(run.output.split())
    assert fleet.version()["release"] == "1.0.0"


def test_a_wrong_name_is_refused_with_the_nearest(fleet):
    store = fleet.lab.state / "secrets"
    before = {path: path.stat().st_mtime for path in store.iterdir()}
    run = fleet.playbook("rotate", variables={"secret": "db_wirter"})
    assert run.code != 0
    said = " ".join(run.output.split())
    assert "no secret is named 'db_wirter'; did you mean db_writer? Those that can be rotated are api_key," in said
    assert {path: path.stat().st_mtime for path in store.iterdir()} == before


def test_a_rotation_waits_for_no_other_run(fleet):
    holder = '{"owner": "other-run", "who": "ada", "controller": "there", "process": "1:1", "expires": 99999999999}'
    path = "/opt/golive/football/lock/holder.json"
    fleet.on("edge1", "tee", path, stdin=holder)
    try:
        run = fleet.playbook("rotate", variables={"secret": "cache_app"})
    finally:
        fleet.on("edge1", "rm", path)
    assert run.code != 0
    assert any("holds the lock" in words for words in run.told["blocking"])
    assert not Path(fleet.lab.state / "secrets" / "cache_app.old").exists()
