"""What is gone, and what stays."""

from __future__ import annotations


def test_the_engine_is_gone_and_its_data_is_not(host):
    assert not host.exists("dockerd")
    assert host.file("/var/lib/docker").is_directory
    assert host.file("/etc/docker/daemon.json").exists
