"""Who reaches what, after a reboot."""

from __future__ import annotations

import subprocess
import time

import pytest

UNITS = ["golive-firewall", "golive-firewall-trial"]


def test_the_published_port_is_reached_by_the_edge_alone(opened):
    assert opened("app1") == {
        "edge1": {8001, 8002, 9100},
        "data1": set(),
        "desk1": set(),
        "controller": {22},
    }


def test_the_database_is_reached_by_its_clients_alone(opened):
    assert opened("data1") == {
        "app1": {5432},
        "edge1": {5432, 9100, 9187},
        "desk1": set(),
        "controller": {22},
    }


def test_what_is_closed_does_not_answer_at_all(reach):
    assert reach("desk1", "app1", [22, 8001, 9100, 65000]) == dict.fromkeys([22, 8001, 9100, 65000], "filtered")


def test_a_container_is_not_reached_by_its_own_address(on):
    app1, desk1 = on("app1"), on("desk1")
    inside = app1.check_output("docker inspect -f '{{.NetworkSettings.IPAddress}}' web")
    way = f"{inside} via {app1.check_output('hostname -i').split()[0]}"
    fetch = f"timeout 3 python3 -c \"import socket; socket.create_connection(('{inside}', 8000), 2)\""
    assert app1.run(fetch).rc == 0
    desk1.check_output(f"ip route replace {way}")
    try:
        assert "TimeoutError" in desk1.run(fetch).stderr
    finally:
        desk1.check_output(f"ip route del {way}")


def test_the_host_reaches_itself_and_its_container(on, address):
    for port in (5432, 8001, 65000):
        done = on("app1").run(
            f"python3 -c \"import socket; socket.create_connection(('{address('app1')}', {port}), 2)\""
        )
        assert ("refused" in done.stderr) if port == 65000 else done.rc == 0, done.stderr


def test_a_container_reaches_what_its_host_may(on, address):
    """The application's container asks the database of another host; what is on its own host it does not need."""
    connect = "docker exec web python3 -c \"import socket; socket.create_connection(('{}', {}), 2)\""
    assert on("app1").run(connect.format(address("data1"), 5432)).rc == 0
    for port in (5432, 8002):
        assert "TimeoutError" in on("app1").run(connect.format(address("app1"), port)).stderr


def test_names_are_still_resolved(on):
    assert on("app1").check_output("getent hosts data1")
    assert on("data1").check_output("getent hosts edge1")


def test_hosts_answer_to_echo_requests(on, address):
    # A datagram socket for ICMP: ping is not installed.
    echo = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); s.settimeout(2); "
        f"s.sendto(bytes.fromhex('0800f7fd00010001'), ('{address('data1')}', 0)); s.recv(99)"
    )
    assert on("desk1").run(f'python3 -c "{echo}"').rc == 0


def test_the_administrator_comes_in(ssh):
    for name in ("app1", "data1"):
        assert ssh(name, "hostname").stdout.strip() == name


def test_it_begins_before_network_and_docker(on):
    def since(unit: str) -> int:
        return int(on("app1").check_output(f"systemctl show -p ActiveEnterTimestampMonotonic --value {unit}"))

    assert 0 < since("golive-firewall.service") <= min(since("network-pre.target"), since("docker.service"))


def test_docker_keeps_its_rules_and_leaves_ours(on, opened, rules):
    app1 = on("app1")
    before = rules(app1)
    app1.check_output("systemctl restart docker")
    until = time.monotonic() + 30
    while "web" not in app1.check_output("docker ps") and time.monotonic() < until:
        time.sleep(0.2)
    assert rules(app1) == before
    assert "dnat to" in app1.check_output("nft list chain ip nat DOCKER 2>/dev/null")
    assert opened("app1")["edge1"] == {8001, 8002, 9100}
    assert opened("app1")["desk1"] == set()


def test_a_connection_survives_a_reload(on, address):
    """From the edge to the container, with the rules loaded again in between."""
    kept = (
        "import socket, sys; s = socket.create_connection((sys.argv[1], 8001), 5); print('made', flush=True); "
        "sys.stdin.read(); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); print(s.recv(12).decode())"
    )
    command = ["docker", "exec", "-i", on("edge1").backend.name, "python3", "-c", kept, address("app1")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "made\n"
        on("app1").check_output("systemctl reload golive-firewall")
        said, _ = process.communicate(timeout=20)
    assert said.startswith("HTTP/1.0 200")


@pytest.mark.parametrize("name", ["app1", "data1"])
def test_only_the_administrator_changes_what_is_closed(on, name):
    for path, mode in [
        ("/etc/golive", 0o755),
        ("/etc/golive/firewall", 0o755),
        ("/etc/golive/firewall/rules.nft", 0o640),
        ("/etc/systemd/system/golive-firewall.service", 0o644),
        ("/etc/systemd/system/golive-firewall-trial.service", 0o644),
    ]:
        file = on(name).file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", mode), path
    assert not on(name).file("/etc/golive/firewall/trial.nft").exists


def test_the_units_are_hardened(host):
    for unit in UNITS:
        host.check_output(f"systemd-analyze security --no-pager --threshold=20 {unit}.service")


def test_the_unit_is_enabled_and_debians_is_not(host):
    assert host.service("golive-firewall").is_running
    assert host.service("golive-firewall").is_enabled
    assert not host.service("nftables").is_enabled
