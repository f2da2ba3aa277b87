"""From the Compose file of a colour to the stack that Docker Swarm runs of it, and whether nodes are the inventory's.

Swarm leaves out what it does not know, with a line that nobody reads (``Ignoring unsupported options``); here that is
refused. What a key means: the Compose specification, and ``docker stack deploy`` of engine 26.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .compose import API

# By this label a container is found under the name that golive gives it: Swarm names containers itself.
NAME = "golive.container"
# Containers of the same deployment have the same value.
DEPLOYED = "golive.deployed"

_TAKEN = (
    "image", "command", "entrypoint", "environment", "user", "working_dir", "hostname", "init", "read_only", "labels",
    "healthcheck", "stop_grace_period", "stop_signal", "cap_add", "cap_drop", "ulimits", "sysctls", "volumes",
    "secrets", "configs", "dns", "dns_search", "extra_hosts", "logging", "tty", "stdin_open",
)  # fmt: skip
# What stands for these in a stack, or holds for the whole engine (security_opt, see role docker), or is golive's own.
_TURNED = (
    "container_name", "restart", "mem_limit", "memswap_limit", "cpus", "pids_limit", "ports", "tmpfs", "security_opt",
    "networks",
)  # fmt: skip
_CLOSED = ["no-new-privileges:true"]
# As the engine mounts `tmpfs`, and role app wants it.
_IN_MEMORY = "noexec,nosuid,nodev,mode=1777"


def refusals(document: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each thing that a stack cannot have.

    :param document: the Compose file of a colour as ``docker compose config`` tells it
    """
    service = document["services"][API]
    strange = [key for key, value in service.items() if value and key not in (*_TAKEN, *_TURNED)]
    found = [f"Swarm has no {key}: take it out, or use app_engine compose" for key in sorted(strange)]
    if (options := service.get("security_opt") or []) not in ([], _CLOSED):
        found.append(f"Swarm has no security_opt ({', '.join(options)}): take it out, or use app_engine compose")
    if others := sorted(set(service.get("networks") or {}) - {"default"}):
        found.append(f"all of a colour shares one network under Swarm: take network {', '.join(others)} out")
    return found


def stack(document: Mapping[str, Any], network: str, constraint: str, marks: Sequence[Any]) -> dict[str, Any]:
    """Return the stack of a colour: one copy of its API on each node that the constraint allows.

    :param document: the Compose file of a colour as ``docker compose config`` tells it
    :param network: the network of the colour, which stands already
    :param constraint: which nodes, such as ``node.labels.golive.shop.blue == 1.4.0``
    :param marks: of what the containers read beside it: another value deploys them anew
    """
    given = document["services"][API]
    service = {key: given[key] for key in _TAKEN if given.get(key) not in (None, [], {})}
    memory = [_in_memory(row) for row in given.get("tmpfs") or ()]
    mounts = [*map(_mount, given.get("volumes") or ()), *(mount for mount, _ in memory)]
    limits = {"cpus": str(given["cpus"]), "memory": str(given["mem_limit"]), "pids": int(given["pids_limit"])}
    service |= {"volumes": mounts} if mounts else {}
    service |= {
        "ports": [
            # No virtual address and no routing mesh: the edge asks each host, as with Compose.
            {
                "target": int(row["target"]),
                "published": int(row["published"]),
                "protocol": row.get("protocol", "tcp"),
                "mode": "host",
            }
            for row in given["ports"]
        ],
        "networks": {"default": {"aliases": _aliases(given)}} if _aliases(given) else ["default"],
        "deploy": {
            "mode": "global",
            "endpoint_mode": "dnsrr",
            "placement": {"constraints": [constraint]},
            "resources": {"limits": limits},
            "restart_policy": {"condition": "any", "delay": "1s"},
            # Of the colour that serves nobody, all at once. The port is free only when the old one has gone.
            "update_config": {"order": "stop-first", "parallelism": 0, "failure_action": "pause"},
        },
    }
    found = {key: document[key] for key in ("volumes", "secrets", "configs") if document.get(key)}
    if memory:
        volumes = {mount["source"]: volume for mount, volume in memory}
        found["volumes"] = {**(found.get("volumes") or {}), **volumes}
    found |= {"networks": {"default": {"name": network, "external": True}}}
    written = json.dumps([found, service, list(marks)], sort_keys=True)
    labels = {NAME: given["container_name"], DEPLOYED: hashlib.sha256(written.encode()).hexdigest()[:16]}
    service["labels"] = {**(service.get("labels") or {}), **labels}
    return {**found, "services": {API: service}}


def _aliases(service: Mapping[str, Any]) -> list[str]:
    told = (service.get("networks") or {}).get("default") or {}
    return list(told.get("aliases") or [])


def _mount(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mount without what only Compose knows: a directory that is missing on a host is an error for Swarm."""
    return {key: value for key, value in row.items() if key not in ("bind", "consistency")}


def _in_memory(row: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the mount and the volume for a line of `tmpfs`, which a stack leaves out without a word.

    Its mounts of type tmpfs know no mode, and take that of the directory below. A volume that the engine keeps in
    memory has one; it is empty again with each container. Its name says what it is: one that is there is not changed.
    """
    path, _, options = row.partition(":")
    told = ",".join(filter(None, (_IN_MEMORY, options)))
    name = f"memory-{hashlib.sha256(f'{path}:{told}'.encode()).hexdigest()[:8]}"
    mount = {"type": "volume", "source": name, "target": path, "volume": {"nocopy": True}}
    return mount, {"driver": "local", "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": told}}


def tasks(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return what the manager says of a stack, of each node the newest task that went wrong, or else the newest.

    :param rows: as module docker_stack_task_info has them, of a node the newest first
    """
    told: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row["Node"] not in told or (row["Error"] and not told[row["Node"]]["Error"]):
            told[row["Node"]] = row
    lines = [f"{node or 'no node'}: {row['CurrentState']} {row['Error']}".strip() for node, row in told.items()]
    return ", ".join(lines) or "no node may have it"


def strangers(nodes: Iterable[Mapping[str, Any]], hosts: Iterable[str]) -> list[str]:
    """Return the nodes of a swarm that no host of the inventory is.

    :param nodes: as the manager's engine tells them
    :param hosts: ids of the nodes that the hosts are
    """
    known = set(hosts)
    return sorted(str(node["Description"]["Hostname"]) for node in nodes if node["ID"] not in known)


def unready(nodes: Iterable[Mapping[str, Any]], hosts: Mapping[str, str]) -> list[str]:
    """Return what is wrong with hosts that should be nodes; arguments as in :func:`strangers`, by the host's name."""
    there = {node["ID"]: node for node in nodes}
    found = []
    for host, id_ in hosts.items():
        if id_ not in there:
            found.append(f"{host} is no node")
            continue
        state, availability = there[id_]["Status"]["State"], there[id_]["Spec"]["Availability"]
        if (state, availability) != ("ready", "active"):
            found.append(f"{host} is {state} and {availability}")
    return found
