"""What is gone, and what stays."""

from __future__ import annotations


def test_every_port_is_open_again(opened):
    for name in ("app1", "data1"):
        published = {8001, 8002} if name == "app1" else set()
        everything = {22, 80, 5432, 6379, 7000, 8003, 9090, 9100, 9187} | published
        assert set(map(frozenset, opened(name).values())) == {frozenset(everything)}


def test_the_rules_of_others_stay(on):
    tables = on("app1").check_output("nft list tables 2>/dev/null")
    assert "table inet golive" not in tables
    assert "table ip nat" in tables
    assert "dnat to" in on("app1").check_output("nft list chain ip nat DOCKER 2>/dev/null")
    assert on("data1").check_output("getent hosts app1")


def test_nothing_is_left(host):
    assert not host.file("/etc/golive/firewall").exists
    assert host.check_output("ls /etc/systemd/system | grep golive-firewall || true") == ""
    assert host.check_output("systemctl list-units --all --no-legend 'golive-firewall*'") == ""
