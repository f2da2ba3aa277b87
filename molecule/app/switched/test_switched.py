"""What a host keeps when releases took over, and what it forgets. app1 switched; app2 joined before it."""

from __future__ import annotations

import json

import pytest

UNITS = ["docker"]
STATE = "/opt/golive/football"


@pytest.fixture
def images(host):
    return set(host.check_output("docker image ls --no-trunc --quiet").split())


def test_the_links_tell_what_serves_and_what_did(host):
    assert host.file(f"{STATE}/current").linked_to == f"{STATE}/releases/1.3.0"
    assert host.file(f"{STATE}/previous").linked_to == f"{STATE}/releases/1.1.0"


def test_the_previous_release_is_warm(host, address, fetch):
    for port, release in ((8001, "1.3.0"), (8002, "1.1.0")):
        said = fetch(host, f"http://{address('app1')}:{port}/version")
        assert json.loads(said["body"])["release"] == release


@pytest.mark.parametrize("release", ["1.1.0", "1.3.0"])
def test_what_serves_and_what_served_before_stay(host, release, images, released):
    assert host.file(f"{STATE}/releases/{release}/compose.yml").exists
    assert released(release)["image_id"] in images


@pytest.mark.parametrize("release", ["1.0.0", "1.2.0"], ids=["older", "never-live"])
def test_other_releases_go_with_their_images(host, release, images, released):
    assert not host.file(f"{STATE}/releases/{release}").exists
    assert released(release)["image_id"] not in images


def test_only_a_release_that_gave_over_counts_as_verified(host):
    assert host.file(f"{STATE}/releases/1.1.0/verified").exists
    assert not host.file(f"{STATE}/releases/1.3.0/verified").exists


def test_a_host_that_joined_since_knows_what_served_before_and_forgets_nothing(on):
    joined = on("app2")
    assert joined.file(f"{STATE}/previous").linked_to == f"{STATE}/releases/0.9.0"
    assert joined.file(f"{STATE}/current").linked_to == f"{STATE}/releases/1.0.0"
    assert {"1.0.0", "1.1.0"} <= set(joined.check_output(f"ls {STATE}/releases").split())
