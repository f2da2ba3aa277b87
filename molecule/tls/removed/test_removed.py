"""What is gone."""

from __future__ import annotations


def test_nothing_of_the_role_is_left(host):
    assert not host.file("/etc/golive/tls").exists
    assert not host.group("golive-tls").exists
