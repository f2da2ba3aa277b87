"""What is gone, and what stays."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/etc/haproxy/haproxy.cfg",
        "/etc/haproxy/hold.lua",
        "/etc/haproxy/maintenance.html",
        "/etc/systemd/system/haproxy.service.d/golive.conf",
        "/usr/local/lib/golive/keep-server-states",
        "/usr/sbin/haproxy",
    ],
)
def test_nothing_of_the_edge_is_left(host, path):
    assert not host.file(path).exists


def test_nobody_listens(host):
    assert host.check_output("ss -Hltn 'sport = :443 or sport = :80 or sport = :8405'") == ""


def test_who_served_is_not_forgotten(host):
    assert "live blue\n" in host.file("/etc/haproxy/live.map").content_string
