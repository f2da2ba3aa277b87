"""The first release in blue on both nodes, after both were rebooted; the gates' probes find Swarm's containers."""

from __future__ import annotations

import json

import pytest

UNITS = ["docker"]
HOSTS = ("app1", "app2")


def test_both_hosts_are_nodes_and_the_first_manages_them(on):
    told = on("app1").check_output("docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'")
    assert sorted(line.split() for line in told.splitlines()) == [["app1", "Ready", "Leader"], ["app2", "Ready"]]
    assert on("app2").check_output("docker info --format '{{.Swarm.ControlAvailable}}'") == "false"


@pytest.mark.parametrize("name", HOSTS)
def test_the_colour_serves_at_its_port_of_every_host(name, served, becomes, secret):
    wanted = {
        "release": "1.0.0",
        "colour": "blue",
        "greeting": 'costs $5, says "hello"',
        "secret_bytes": len(secret("api_key")),
        "uid": 10001,
    }
    assert becomes(lambda: served(name, "blue"), wanted)


@pytest.mark.parametrize("name", HOSTS)
def test_the_gates_find_the_container_and_nothing_wrong_with_it(name, probed):
    image = probed(name, "blue", "image", "1.0.0")
    assert (image["failures"], image["observed"].startswith("container football-blue: running")) == (0, True)
    for kind in ("limits", "user", "secrets", "steady"):
        seen = probed(name, "blue", kind)
        assert seen["failures"] == 0, seen
    assert 0 < probed(name, "blue", "memory")["value"] < 0.5


def test_another_image_is_seen(probed):
    seen = probed("app2", "blue", "image", "1.1.0")
    assert (seen["failures"], "its image is" in seen["observed"]) == (1, True)


@pytest.mark.parametrize("name", HOSTS)
def test_what_swarm_cannot_ask_for_is_in_force(name, on, container):
    one = container(name, "blue")
    status = on(name).check_output(f"cat /proc/{one['State']['Pid']}/status")
    assert "NoNewPrivs:\t1" in status
    assert "CapEff:\t0000000000000000" in status
    assert one["HostConfig"]["ReadonlyRootfs"]
    assert (one["HostConfig"]["Memory"], one["HostConfig"]["PidsLimit"]) == (512 * 2**20, 256)
    words = f"docker exec {one['Id']} sh -c"
    assert on(name).run(f"{words} 'touch /tmp/there /var/cache/there'").rc == 0
    assert "Read-only file system" in on(name).run(f"{words} 'touch /var/tmp/there'").stderr
    assert on(name).run(f"{words} 'head -c 9000000 /dev/zero >/var/cache/there'").rc != 0


def test_no_port_is_swarms_own(on):
    """Neither a virtual address nor the routing mesh: the edge asks each host."""
    told = json.loads(on("app1").check_output("docker service inspect football-blue_app"))[0]
    assert told["Spec"]["EndpointSpec"]["Mode"] == "dnsrr"
    assert [port["PublishMode"] for port in told["Spec"]["EndpointSpec"]["Ports"]] == ["host"]
    assert "VirtualIPs" not in told["Endpoint"]


def test_workers_are_made_and_wait(on, running):
    for name in HOSTS:
        made = on(name).check_output("docker ps --all --filter label=golive.worker --format '{{.Names}}'")
        assert sorted(made.split()) == ["football-blue-mailer", "football-blue-scheduler"]
        assert running(name) == []


@pytest.mark.parametrize("name", HOSTS)
def test_nobody_sees_a_secret_or_the_token_of_the_swarm(name, on, leaks):
    assert leaks(on(name)) == []
    token = on("app1").check_output("docker swarm join-token --quiet worker")
    found = on(name).run(
        "journalctl --no-pager -o cat | grep -c -e %s; grep -rl -e %s /etc /opt /tmp /root /var/log", token, token
    )
    assert found.stdout.split() == ["0"], found.stdout


def test_what_ends_comes_back_and_the_gate_says_so(on, container, probed, served, becomes):
    before = container("app2", "blue")["Id"]
    on("app2").check_output(f"docker kill {before}")
    assert becomes(lambda: served("app2", "blue").get("release"), "1.0.0")
    assert container("app2", "blue")["Id"] != before
    seen = probed("app2", "blue", "steady")
    assert (seen["failures"], "started it again 1 times, last exit code 137" in seen["observed"]) == (1, True)
    assert probed("app1", "blue", "steady")["failures"] == 0
