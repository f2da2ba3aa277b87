"""Two colours beside each other; the edge chooses, and the workers follow."""

from __future__ import annotations

import json

UNITS = ["docker", "golive-workers"]
HOSTS = ("app1", "app2")


def through_the_edge(on, fetch) -> dict[str, str]:
    said = fetch(
        on("edge1"),
        "https://edge1/version",
        cafile="/etc/golive/tls/ca.crt",
        headers={"Host": "football.test"},
    )
    return json.loads(said["body"]) if said["status"] == 200 else {}


def test_both_colours_serve_on_both_hosts(served, container, released):
    for name in HOSTS:
        for colour, release in (("blue", "1.0.0"), ("green", "1.1.0")):
            assert (served(name, colour)["release"], served(name, colour)["colour"]) == (release, colour)
            assert container(name, colour)["Image"] == released(release)["image_id"]


def test_the_edge_flips_and_flips_back(on, fetch, switch, becomes):
    for colour, release in (("blue", "1.0.0"), ("green", "1.1.0"), ("blue", "1.0.0")):
        switch(colour)
        assert becomes(lambda: through_the_edge(on, fetch).get("release"), release)


def test_the_workers_follow_and_find_the_application_by_its_name(on, running, switch, becomes):
    for colour in ("blue", "green"):
        switch(colour)
        assert becomes(lambda: running("app1"), [f"{colour}-mailer", f"{colour}-scheduler"], 60)
        assert becomes(lambda: running("app2"), [f"{colour}-mailer"], 60)
        for name in HOSTS:
            said = on(name).check_output(f"docker logs football-{colour}-mailer")
            assert json.loads(said.partition("asked ")[2].splitlines()[0])["colour"] == colour


def test_what_was_not_said_anew_is_as_docker_has_it(on):
    told = json.loads(on("app1").check_output("docker info --format '{{json .Swarm.Cluster.Spec}}'"))
    assert told["Orchestration"]["TaskHistoryRetentionLimit"] == 5
    assert told["Dispatcher"]["HeartbeatPeriod"] == 5_000_000_000
    assert (told["Raft"]["HeartbeatTick"], told["Raft"]["ElectionTick"]) == (1, 10)
    assert (told["Raft"]["SnapshotInterval"], told["Raft"]["LogEntriesForSlowFollowers"]) == (10_000, 500)


def test_the_certificates_of_the_nodes_are_good_for_as_long_as_was_said(on):
    told = on("app1").check_output("docker info --format '{{.Swarm.Cluster.Spec.CAConfig.NodeCertExpiry}}'")
    assert told == "720h0m0s"
