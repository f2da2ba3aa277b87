"""What is gone, and what stays."""

from __future__ import annotations


def test_the_containers_are_gone_and_their_releases_are_not(host, released):
    assert host.check_output("docker ps --all --quiet") == ""
    assert "football" not in host.check_output("docker network ls")
    assert host.file("/opt/golive/football/releases/1.3.0/compose.yml").exists
    assert released("1.3.0")["image_id"] in host.check_output("docker image ls --no-trunc --quiet")
