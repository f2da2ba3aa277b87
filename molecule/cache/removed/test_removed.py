"""What is gone, and what stays."""

from __future__ import annotations


def test_the_server_is_gone_and_its_data_is_not(host):
    assert not host.exists("redis-server")
    assert not host.file("/etc/redis/users.acl").exists
    assert host.file("/var/lib/redis/appendonlydir").is_directory
