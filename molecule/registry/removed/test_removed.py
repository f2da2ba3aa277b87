"""What is gone, and what stays."""

from __future__ import annotations


def test_the_registry_is_gone_and_its_data_is_not(host):
    assert not host.exists("docker-registry")
    assert not host.file("/etc/docker/registry/htpasswd").exists
    assert not host.file("/etc/systemd/system/docker-registry.service.d").exists
    assert not host.file("/etc/systemd/system/golive-registry-collect.timer").exists
    assert host.file("/var/lib/docker-registry/docker").is_directory
