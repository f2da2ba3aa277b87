"""What is gone, and what stays."""

from __future__ import annotations

import pytest


def test_the_engine_is_gone_and_its_data_is_not(host):
    assert not host.exists("dockerd")
    assert host.file("/var/lib/docker/volumes/kept").is_directory
    assert host.file("/etc/docker/daemon.json").exists


@pytest.mark.parametrize(
    "path",
    [
        "/etc/systemd/system/golive-docker-prune.service",
        "/etc/systemd/system/golive-docker-prune.timer",
        "/etc/systemd/system/timers.target.wants/golive-docker-prune.timer",
        "/usr/local/lib/golive/docker_prune.py",
        "/etc/apt/sources.list.d/golive-docker.sources",
        "/etc/apt/keyrings/golive-docker.asc",
    ],
)
def test_what_the_role_wrote_is_gone(host, path):
    assert not host.file(path).exists


def test_systemd_knows_the_timer_no_more(host):
    assert "could not be found" in host.run("systemctl status golive-docker-prune.timer").stderr
