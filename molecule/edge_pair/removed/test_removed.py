"""What is gone, and what stays."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/etc/keepalived/keepalived.conf",
        "/usr/local/lib/golive/haproxy-answers",
        "/usr/local/lib/golive/newer-map",
        "/etc/systemd/system/golive-newer-map.service",
        "/etc/haproxy/peers.json",
        "/usr/sbin/keepalived",
        "/usr/sbin/haproxy",
    ],
)
def test_nothing_of_the_pair_is_left(on, subjects, path):
    assert [name for name in subjects if on(name).file(path).exists] == []


def test_nobody_has_the_address(holders, virtual):
    assert holders() == []
    assert holders(virtual.rpartition(".")[0] + ".201") == []


def test_who_served_is_not_forgotten(on, subjects):
    for name in subjects:
        assert "live blue\n" in on(name).file("/etc/haproxy/live.map").content_string
