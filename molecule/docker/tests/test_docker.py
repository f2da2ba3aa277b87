"""The engine as its clients meet it, after a reboot."""

from __future__ import annotations

import json

UNITS = ["docker"]


def test_the_engine_answers_with_the_configuration_in_force(host):
    told = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert told["LoggingDriver"] == "json-file"
    assert told["LiveRestoreEnabled"] is True


def test_the_engine_starts_with_the_host(host):
    assert host.service("docker").is_running
    assert host.service("docker").is_enabled


def test_the_configuration_is_the_administrators(host):
    file = host.file("/etc/docker/daemon.json")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_nobody_is_in_the_group_that_is_root_by_another_name(host):
    assert host.group("docker").members == []
