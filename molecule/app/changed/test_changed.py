"""The next release in green, beside the one that serves."""

from __future__ import annotations

import json

import pytest

UNITS = ["docker"]


@pytest.fixture(scope="module", params=["app1", "app2"])
def host(request, on):
    return on(request.param)


@pytest.fixture
def ask(host, address, fetch):
    where = address(host.check_output("hostname"))
    return lambda port: json.loads(fetch(host, f"http://{where}:{port}/version")["body"])


def test_both_colours_answer(ask):
    assert (ask(8001)["release"], ask(8001)["colour"]) == ("1.0.0", "blue")
    assert (ask(8002)["release"], ask(8002)["colour"]) == ("1.1.0", "green")


def test_keys_are_revoked_that_nobody_describes_when_told_so(on, address, fetch):
    said = json.loads(fetch(on("app1"), f"http://{address('app1')}:8002/keys")["body"])
    keys = {key["name"]: (key["state"], sorted(key["scopes"]), key["expires"]) for key in said}
    assert keys == {
        "former": ("revoked", [], None),
        "support": ("revoked", [], None),
        "golive": ("active", ["read", "write"], "2999-12-31"),
    }


def test_the_colour_that_serves_was_not_touched(host, inspect):
    assert str(inspect(host, "football-blue")["State"]["Pid"]) == host.check_output("cat /root/blue")


def test_each_runs_its_own_image(host, inspect, released):
    for colour, release in (("blue", "1.0.0"), ("green", "1.1.0")):
        assert inspect(host, f"football-{colour}")["Image"] == released(release)["image_id"]


def test_the_environment_arrives_as_it_was_written(ask):
    assert ask(8002)["greeting"] == 'costs $5, says "hello"'
    assert ask(8002)["secret_bytes"] == 0


def test_the_new_limits_are_in_force(host, inspect):
    limits = inspect(host, "football-green")["HostConfig"]
    assert limits["Memory"] == limits["MemorySwap"] == 128 * 2**20
    assert limits["NanoCpus"] == 500_000_000
    assert limits["PidsLimit"] == 64
    assert host.run("docker exec football-green touch /var/cache/there").rc == 0
    assert host.run("docker exec football-blue touch /var/cache/there").rc != 0
    assert inspect(host, "football-green")["Config"]["Cmd"] == ["python3", "-u", "/server.py"]


def test_its_own_compose_files_are_taken_as_they_are(host, inspect):
    told = inspect(host, "football-green")
    assert 'TONE=costs $5, says "hello"' in told["Config"]["Env"]
    assert told["HostConfig"]["ExtraHosts"] == ["legacy.example:192.0.2.7"]
    assert told["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert list(told["HostConfig"]["PortBindings"]) == ["8000/tcp"]


def test_its_worker_is_made_and_waits(host, inspect):
    told = inspect(host, "football-green-ticker")
    assert told["State"]["Status"] == "created"
    assert (told["HostConfig"]["Memory"], told["HostConfig"]["RestartPolicy"]["Name"]) == (256 * 2**20, "no")
    assert told["Config"]["Labels"]["golive.worker"] == "ticker"
