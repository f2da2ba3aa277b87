"""A colour's Compose file as a stack of Swarm: nothing is left out without a word; nodes against the inventory."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from golive_core.stack import DEPLOYED, NAME, refusals, stack, strangers, tasks, unready

# As `docker compose config` of Compose 2.26 tells it.
DESCRIBED: dict[str, Any] = {
    "name": "shop-green",
    "networks": {"default": {"name": "shop-green", "ipam": {}, "external": True}},
    "services": {
        "app": {
            "image": "sha256:1",
            "command": None,
            "container_name": "shop-green",
            "restart": "unless-stopped",
            "environment": {"COST": "$$5"},
            "labels": {"golive.colour": "green"},
            "cpus": 1.5,
            "mem_limit": "536870912",
            "memswap_limit": "536870912",
            "pids_limit": 256,
            "networks": {"default": None},
            "ports": [
                {"mode": "ingress", "host_ip": "10.0.0.1", "target": 8000, "published": "8002", "protocol": "tcp"}
            ],
            "security_opt": ["no-new-privileges:true"],
            "tmpfs": ["/tmp:mode=1777", "/cache:size=8m,mode=1777"],
            "volumes": [
                {"type": "bind", "source": "/a", "target": "/b", "bind": {"create_host_path": True}, "read_only": True}
            ],
        },
    },
}


def described(**changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(DESCRIBED)
    document["services"]["app"].update(changes)
    return document


def made(marks: tuple[Any, ...] = (1,), **changes: Any) -> dict[str, Any]:
    document = stack(described(**changes), "shop-green", "node.labels.golive.shop.green == 1.4.0", marks)
    service: dict[str, Any] = document["services"]["app"]
    return service


def test_a_colour_has_nothing_that_swarm_would_leave_out() -> None:
    assert refusals(DESCRIBED) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"devices": ["/dev/fuse"]}, "Swarm has no devices: take it out, or use app_engine compose"),
        ({"privileged": True}, "Swarm has no privileged: take it out, or use app_engine compose"),
        ({"security_opt": ["seccomp:unconfined"]}, "Swarm has no security_opt (seccomp:unconfined): take it out"),
        ({"networks": {"default": None, "back": None}}, "one network under Swarm: take network back out"),
    ],
)
def test_what_swarm_would_leave_out_is_refused(changes: dict[str, Any], sentence: str) -> None:
    (found,) = refusals(described(**changes))
    assert sentence in found


def test_what_is_switched_off_is_not_refused() -> None:
    assert refusals(described(privileged=False, devices=[])) == []


def test_the_edge_asks_each_host_and_no_routing_mesh() -> None:
    service = made()
    assert service["ports"] == [{"target": 8000, "published": 8002, "protocol": "tcp", "mode": "host"}]
    assert service["deploy"]["endpoint_mode"] == "dnsrr"
    assert service["deploy"]["mode"] == "global"
    assert service["deploy"]["placement"] == {"constraints": ["node.labels.golive.shop.green == 1.4.0"]}


def test_limits_are_those_of_the_description() -> None:
    assert made()["deploy"]["resources"]["limits"] == {"cpus": "1.5", "memory": "536870912", "pids": 256}


def test_paths_in_memory_are_volumes_in_memory_because_a_stack_leaves_tmpfs_out() -> None:
    document = stack(DESCRIBED, "shop-green", "x == y", [])
    service = document["services"]["app"]
    assert "tmpfs" not in service
    assert service["volumes"][0] == {"type": "bind", "source": "/a", "target": "/b", "read_only": True}
    assert all(row["volume"] == {"nocopy": True} for row in service["volumes"][1:])  # empty, as tmpfs is
    memory = {row["target"]: document["volumes"][row["source"]]["driver_opts"] for row in service["volumes"][1:]}
    assert memory["/tmp"]["o"] == "noexec,nosuid,nodev,mode=1777,mode=1777"
    assert memory["/cache"] == {
        "type": "tmpfs",
        "device": "tmpfs",
        "o": "noexec,nosuid,nodev,mode=1777,size=8m,mode=1777",
    }


def test_a_volume_of_other_options_is_another_one() -> None:
    assert made(tmpfs=["/tmp"])["volumes"][1]["source"] != made(tmpfs=["/tmp:size=1m"])["volumes"][1]["source"]


def test_the_colours_network_is_the_one_that_stands_under_every_name_that_others_know() -> None:
    document = stack(DESCRIBED, "shop-green", "x == y", [])
    assert document["networks"] == {"default": {"name": "shop-green", "external": True}}
    assert made()["networks"] == ["default"]
    assert made(networks={"default": {"aliases": ["web"]}})["networks"] == {"default": {"aliases": ["web"]}}


def test_a_container_is_known_by_golives_name_and_by_its_deployment() -> None:
    labels = made()["labels"]
    assert labels[NAME] == "shop-green"
    assert labels["golive.colour"] == "green"
    assert made()["labels"] == labels
    assert made(marks=(2,))["labels"][DEPLOYED] != labels[DEPLOYED]  # a secret was replaced
    assert made(environment={"COST": "6"})["labels"][DEPLOYED] != labels[DEPLOYED]


def node(id_: str, name: str, state: str = "ready", availability: str = "active") -> dict[str, Any]:
    return {
        "ID": id_,
        "Description": {"Hostname": name},
        "Status": {"State": state},
        "Spec": {"Availability": availability},
    }


def test_a_node_that_no_host_is_is_named() -> None:
    nodes = [node("1", "app1"), node("2", "old"), node("3", "app2")]
    assert strangers(nodes, ["1", "3"]) == ["old"]
    assert strangers(nodes, ["1", "2", "3"]) == []


def test_a_host_that_takes_no_work_is_named() -> None:
    nodes = [node("1", "a"), node("2", "b", state="down"), node("3", "c", availability="drain")]
    assert unready(nodes, {"app1": "1"}) == []
    assert unready(nodes, {"app1": "1", "app2": "2", "app3": "3", "app4": "4"}) == [
        "app2 is down and active",
        "app3 is ready and drain",
        "app4 is no node",
    ]


def task(host: str, state: str, error: str = "") -> dict[str, str]:
    return {"Node": host, "CurrentState": state, "Error": error, "DesiredState": "Running"}


def test_of_each_node_what_went_wrong_is_told() -> None:
    rows = [
        task("app1", "Running 3 seconds ago"),
        task("app2", "Preparing 1 second ago"),
        task("app2", "Rejected 2 seconds ago", '"No such image: sha256:1"'),
        task("app2", "Rejected 9 seconds ago", '"older"'),
    ]
    told = 'app1: Running 3 seconds ago, app2: Rejected 2 seconds ago "No such image: sha256:1"'
    assert tasks(rows) == told
    assert tasks([]) == "no node may have it"
    assert tasks([task("", "Pending 1 second ago", '"no suitable node"')]) == (
        'no node: Pending 1 second ago "no suitable node"'
    )
