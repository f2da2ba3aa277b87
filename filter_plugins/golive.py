"""Filters that lend pure functions of golive_core to templates."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import catalogue
from golive_core.network import free_subnet
from golive_core.request import refusals
from golive_core.variables import unknown_variables


def nth_address(network: str, number: int) -> str:
    """Return the address `number` places after the start of a network in CIDR form."""
    return str(ipaddress.ip_network(network)[number])


def app_target(host: str, hostvars: Mapping[str, Any], port: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a target of role prometheus: the application's port on a host."""
    return {"address": f"{hostvars[host]['golive_address']}:{port}", "labels": {**labels, "host": host}}


def role_specs(roles: str) -> dict[str, Any]:
    """Return role name to the content of its meta/argument_specs.yml, of every role in a directory."""
    files = Path(roles).glob("*/meta/argument_specs.yml")
    return {file.parent.parent.name: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def releases(directory: str) -> list[str]:
    """Return the names of the releases in a directory on the controller."""
    return sorted(file.parent.name for file in Path(directory).glob("*/release.json"))


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_failure_sentence": catalogue.failure_sentence,
            "golive_free_subnet": free_subnet,
            "golive_app_target": app_target,
            "golive_event": catalogue.as_event,
            "golive_gate_check": catalogue.check,
            "golive_gates_expected": catalogue.expected,
            "golive_gates_here": catalogue.gates_here,
            "golive_gates_judged": catalogue.judged,
            "golive_nth_address": nth_address,
            "golive_phase_hosts": catalogue.phase_hosts,
            "golive_releases": releases,
            "golive_refusals": refusals,
            "golive_role_specs": role_specs,
            "golive_unfinished": catalogue.unfinished,
            "golive_unknown_variables": unknown_variables,
        }
