"""A host whose disk was full when a release came: what served went on, and nothing half was left."""

from __future__ import annotations

import json

import pytest

UNITS = ["docker"]


@pytest.fixture(scope="module")
def host(on):
    return on("app3")


def test_no_request_was_lost(host):
    seen = json.loads(host.file("/root/client.json").content_string)
    assert seen["lost"] == []
    assert seen["sent"] > 100


def test_it_served_as_the_same_process(host, inspect):
    blue = inspect(host, "football-blue")
    assert (blue["State"]["Running"], blue["RestartCount"]) == (True, 0)


def test_nothing_half_was_left(host):
    assert host.check_output("find /var/lib/docker/tmp -type f") == ""
    assert not host.file("/opt/golive/football/releases/1.1.0/image.tar").exists


def test_the_release_came_when_there_was_room(host, inspect, released):
    assert inspect(host, "football-green")["Image"] == released("1.1.0")["image_id"]
