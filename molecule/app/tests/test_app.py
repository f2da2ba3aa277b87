"""The first release in blue as clients and the engine see it, after a reboot."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

UNITS = ["docker"]


@pytest.fixture(scope="module", params=["app1", "app2"])
def host(request, on):
    return on(request.param)


@pytest.fixture
def name(host):
    return host.check_output("hostname")


@pytest.fixture
def answer(host, name, address, fetch):
    until = time.monotonic() + 20  # the host has just booted
    while True:
        said = fetch(host, f"http://{address(name)}:8001/version")
        if said["status"] == 200 or time.monotonic() > until:
            return json.loads(said["body"])
        time.sleep(0.5)


def test_it_serves_as_the_contract_says(answer, secret):
    assert answer == {
        "release": "1.0.0",
        "colour": "blue",
        "greeting": None,
        "secret_bytes": len(secret("api_key")),
        "uid": 10001,
    }


def test_the_image_is_the_release_by_its_id(host, inspect, released):
    assert inspect(host, "football-blue")["Image"] == released("1.0.0")["image_id"]


def test_it_answers_to_the_address_of_the_host_only(host, name, address, on, fetch):
    other = on({"app1": "app2", "app2": "app1"}[name])
    assert fetch(other, f"http://{address(name)}:8001/health")["status"] == 200
    listening = host.check_output("ss --no-header --listening --tcp --numeric 'sport = :8001'").split()
    assert f"{address(name)}:8001" in listening
    assert fetch(host, "http://127.0.0.1:8001/health")["status"] == 0


@pytest.mark.usefixtures("answer")
def test_it_is_not_root_and_writes_nowhere_but_in_tmp(host):
    def try_it(words):
        return host.run(f"docker exec football-blue {words}")

    assert try_it("id -u").stdout.strip() == "10001"
    assert "Read-only file system" in try_it("touch /var/tmp/there").stderr
    assert try_it("touch /tmp/there").rc == 0
    status = try_it("cat /proc/1/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@pytest.mark.usefixtures("answer")
def test_its_limits_are_in_force(host):
    def limit(file):
        return host.check_output(f"docker exec football-blue sh -c 'cat {file}'").strip()

    assert limit("/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true") == str(
        512 * 2**20
    )
    assert limit("/sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null || true") == "256"
    # More than memory allows is stopped by the kernel, not by the host's running out of it.
    assert host.run("docker exec football-blue python3 -c 'bytearray(600 * 2**20)'").rc == 137


def test_its_secret_is_for_its_user_alone(host):
    directory = host.file("/opt/golive/football/releases/1.0.0/secrets")
    assert (directory.user, directory.mode) == ("root", 0o700)
    file = host.file("/opt/golive/football/releases/1.0.0/secrets/blue/api_key")
    assert (file.uid, file.gid, file.mode) == (10001, 10001, 0o400)


def test_the_state_is_where_everything_looks_for_it(host, released):
    directory = "/opt/golive/football/releases/1.0.0"
    compose, manifest = host.file(f"{directory}/compose.yml"), host.file(f"{directory}/manifest.json")
    assert (compose.user, compose.group, compose.mode) == ("root", "root", 0o600)  # it holds the environment
    assert (manifest.user, manifest.group, manifest.mode) == ("root", "root", 0o644)
    assert json.loads(manifest.content_string) == {
        "release": "1.0.0",
        "colour": "blue",
        "image_id": released("1.0.0")["image_id"],
        "does_without": [],  # what contract steps take away: it still needs all of it
    }
    assert host.file(f"{directory}/image_id").content_string.strip() == released("1.0.0")["image_id"]
    assert not host.file(f"{directory}/image.tar").exists
    assert not host.file("/opt/golive/football/current").exists  # nothing was switched yet


def test_its_keys_are_those_that_are_described(on, secret):
    """The log, because it forgot them in the reboot. Each command ran once, although the role ran twice."""
    lines = [line for line in on("app1").check_output("docker logs football-blue").splitlines() if line[:4] == "key "]
    assert [line.split()[1] for line in lines] == ["golive", "former"]
    issued, revoked = (json.loads(line.split(maxsplit=2)[2]) for line in lines)
    digits = hashlib.sha256(secret("api_key").encode()).hexdigest()[:16]
    assert issued == {"state": "active", "scopes": ["read"], "expires": None, "sha256": digits}
    assert revoked["state"] == "revoked"
    assert "key " not in on("app2").check_output("docker logs football-blue")


def test_the_commands_leave_no_container(host):
    assert host.check_output("docker ps --all --format '{{.Names}}'") == "football-blue"


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []


def test_no_secret_is_in_what_the_engine_shows(host, secret):
    shown = host.check_output("docker inspect football-blue") + host.check_output("docker logs football-blue 2>&1")
    assert secret("api_key") not in shown


@pytest.mark.usefixtures("answer")
def test_what_the_next_converge_must_keep_is_noted(host, inspect):
    host.check_output(f"echo {inspect(host, 'football-blue')['State']['Pid']} > /root/blue")
