"""Filters that lend pure functions of golive_core to templates."""

from __future__ import annotations

import ipaddress
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import DEFAULT_TYPE_VALIDATORS

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import (
    alertmanager,
    bundle,
    catalogue,
    certificate,
    compose,
    firewall,
    notify,
    record,
    rehearsal,
    slo,
    stack,
    status,
    texts,
    variables,
    workers,
)
from golive_core.certificate_files import wrong_files
from golive_core.image_archive import read_archive
from golive_core.network import free_subnet, not_networks
from golive_core.openpgp import fingerprints
from golive_core.request import RELEASE, absent, manifest_refusals, refusals


def nth_address(network: str, number: int) -> str:
    """Return the address `number` places after the start of a network in CIDR form."""
    return str(ipaddress.ip_network(network)[number])


def app_target(host: str, hostvars: Mapping[str, Any], port: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return a target of role prometheus: the application's port on a host."""
    return {"address": f"{hostvars[host]['golive_address']}:{port}", "labels": {**labels, "host": host}}


def peer(host: str, hostvars: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host as one of its kind knows it: name and address."""
    return {"name": host, "address": hostvars[host]["golive_address"]}


def role_specs(roles: str) -> dict[str, Any]:
    """Return role name to the content of its meta/argument_specs.yml, of every role in a directory."""
    return _meta(Path(roles), "argument_specs.yml")


def variable_refusals(names: Iterable[str], roles: str) -> list[str]:
    """Return one sentence for each variable that no role in a directory knows, or knows by another name now."""
    directory = Path(roles)
    renamed = {old: new for pairs in _meta(directory, "renamed.yml").values() for old, new in pairs.items()}
    return variables.variable_refusals(names, _meta(directory, "argument_specs.yml"), renamed, _used(directory))


def type_refusals(hosts: Iterable[str], hostvars: Any, roles: str) -> list[str]:
    """Return one sentence for each variable of these hosts whose value no role in a directory would take."""
    given = {host: hostvars.raw_get(host) for host in hosts}
    return variables.type_refusals(given, role_specs(roles), _wrong)


def _wrong(name: str, spec: Mapping[str, Any], value: Any) -> list[str]:
    """Return why an option of a role does not take a value; the value is shown where it cannot be a secret."""
    wanted = str(spec.get("type", "str"))
    try:
        DEFAULT_TYPE_VALIDATORS[wanted](value)
    except (TypeError, ValueError):
        kind = next(kind.__name__ for kind in (bool, int, float, str, list, dict, object) if isinstance(value, kind))
        seen = f'"{value}"' if wanted in ("int", "float", "bool") else f"of type {kind}"
        return [f"variable {name} is {seen}, wanted {wanted}"]
    return list(ArgumentSpecValidator({name: dict(spec)}).validate({name: value}).error_messages)


def _meta(roles: Path, name: str) -> dict[str, Any]:
    """Return role name to the content of one of its files in meta/, of every role that has it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C: this is read in every play
    return {file.parts[-3]: yaml.load(file.read_bytes(), loader) for file in roles.glob(f"*/meta/{name}")}


def _used(roles: Path) -> set[str]:
    """Return every word in tasks and playbooks: among them are the facts and parameters that no spec names."""
    files = [*roles.glob("*/tasks/**/*.yml"), *roles.parent.glob("playbooks/**/*.yml")]
    return {word for file in files for word in re.findall(r"\w+", file.read_text(encoding="utf-8"))}


def key_fingerprints(text: str) -> list[str]:
    """Return the fingerprint of each OpenPGP key in a text; none when it holds no key."""
    try:
        return fingerprints(text)
    except ValueError:
        return []


def release_refusals(directory: str, app: str, release: str) -> list[str]:
    """Return what is wrong with the manifest of a release in a directory on the controller; nothing without one."""
    file = Path(directory) / release / "release.json"
    if not RELEASE.fullmatch(release) or not file.is_file():
        return []
    return manifest_refusals(file.read_text(encoding="utf-8", errors="replace"), app, release, str(file))


def releases(directory: str) -> list[str]:
    """Return the names of the releases in a directory on the controller."""
    return sorted(file.parent.name for file in Path(directory).glob("*/release.json"))


def image_archive(path: str) -> dict[str, Any]:
    """Return ids and unpacked size of an image archive on the controller, and what is wrong with it."""
    try:
        archive = read_archive(path)
    except ValueError as error:
        return {"ids": [], "size": 0, "wrong": str(error)}
    return {"ids": list(archive.ids), "size": archive.size, "wrong": ""}


def certificate_problem(chain: str, key: str, authority: str, names: Iterable[str], days: float) -> str:
    """Return why a certificate should not be taken into service now, or nothing when it should."""
    return certificate.problem(chain, key, authority, names, days, time.time())


def relayed(receivers: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the receivers of alerts that Alertmanager does not speak to, as the relay wants them."""
    return [
        dict(receiver)
        for receiver in receivers
        if receiver["kind"] not in notify.NATIVE and "alert" in (receiver.get("events") or notify.EVENTS)
    ]


def probed(receivers: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return name and kind of the receivers that the synthetic alert goes to; what they hold stays out of it."""
    return [{"name": receiver["name"], "kind": receiver["kind"]} for receiver in alertmanager.probed(receivers)]


def status_lines(
    hosts: Iterable[str], hostvars: Mapping[str, Any], groups: Mapping[str, Any], records: str, language: str
) -> list[str]:
    """Return what playbooks/status.yml says; `__release_*` of a host are the answers of its modules."""
    answers = {"edge": "__release_edge", "release": "__release_host", "state": "__release_state"}
    marks = {"edge": "live", "release": "colours", "state": "lock"}  # a key that only a whole answer has
    seen = {
        host: {
            key: hostvars[host][name] for key, name in answers.items() if marks[key] in (hostvars[host].get(name) or {})
        }
        for host in hosts
    }
    return status.lines(list(seen), groups, seen, record.last(Path(records)), time.time(), language)


def rehearsal_covered(measurements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return measurements, that of the load beside a rehearsal invalid unless it ran all the time."""
    return rehearsal.covered(measurements, "release.rehearsal_lost", "release.rehearsal_seconds")


def waivers_problem(waivers: Any) -> str:
    """Return why something is no list of waivers; empty when it is one."""
    keys = {"gate", "reason", "who", "until"}
    rows = waivers if isinstance(waivers, list) else [waivers]
    strange = [row for row in rows if not isinstance(row, dict) or set(row) != keys]
    if not strange and isinstance(waivers, list):
        return ""
    found = (strange or rows)[0]
    return f"gates_waivers_asked must be a list of {{gate, reason, who, until}}, one in a line, and has {found!r}."


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_absent": absent,
            "golive_certificate_problem": certificate_problem,
            "golive_failure_sentence": catalogue.failure_sentence,
            "golive_free_subnet": free_subnet,
            "golive_alertmanager": alertmanager.configuration,
            "golive_app_target": app_target,
            "golive_bundle_refusals": bundle.refusals,
            "golive_bundle_suite_refusals": bundle.suite_refusals,
            "golive_compose_refusals": compose.refusals,
            "golive_compose_taken": compose.taken,
            "golive_compose_variables": compose.variables,
            "golive_event": catalogue.as_event,
            "golive_firewall_refusals": firewall.refusals,
            "golive_firewall_rules": firewall.rules,
            "golive_firewall_scraped": firewall.scraped,
            "golive_gate_check": catalogue.check,
            "golive_gates_expected": catalogue.expected,
            "golive_gates_here": catalogue.gates_here,
            "golive_gate_refusal": catalogue.refusal,
            "golive_gate_refusals": catalogue.refusals,
            "golive_gates_judged": catalogue.judged,
            "golive_hosts_with": catalogue.hosts_with,
            "golive_image_archive": image_archive,
            "golive_key_fingerprints": key_fingerprints,
            "golive_not_networks": not_networks,
            "golive_nth_address": nth_address,
            "golive_peer": peer,
            "golive_phase_hosts": catalogue.phase_hosts,
            "golive_probed": probed,
            "golive_receiver_refusals": notify.refusals,
            "golive_relayed": relayed,
            "golive_rehearsal_covered": rehearsal_covered,
            "golive_release_refusals": release_refusals,
            "golive_releases": releases,
            "golive_refusals": refusals,
            "golive_role_specs": role_specs,
            "golive_slo_rules": slo.rules,
            "golive_stack": stack.stack,
            "golive_stack_refusals": stack.refusals,
            "golive_stack_tasks": stack.tasks,
            "golive_status_lines": status_lines,
            "golive_swarm_strangers": stack.strangers,
            "golive_swarm_unready": stack.unready,
            "golive_text": texts.pick,
            "golive_unfinished": catalogue.unfinished,
            "golive_type_refusals": type_refusals,
            "golive_variable_refusals": variable_refusals,
            "golive_waivers_problem": waivers_problem,
            "golive_without": catalogue.without,
            "golive_workers_grace": workers.longest_grace,
            "golive_workers_here": workers.names_here,
            "golive_workers_on": workers.on_host,
            "golive_workers_refusals": workers.refusals,
            "golive_wrong_files": wrong_files,
        }
