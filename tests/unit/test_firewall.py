"""From the catalogue of services to rules."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from golive_core import firewall

ROLES = Path(__file__).parents[2] / "roles"
GROUPS = {"all": ["app1", "app2", "data1", "ops1"], "app": ["app1", "app2"], "database": ["data1"], "ops": ["ops1"]}
HOSTVARS = {
    "app1": {"golive_address": "10.0.0.1"},
    "app2": {"golive_address": "10.0.0.3"},
    "data1": {"golive_address": "10.0.0.8"},
    "ops1": {"golive_address": "fd00::9"},
}
DATABASE = {"service": "database", "ports": [5432], "to": "database", "from": ["app", "ops"]}


def rules(service, host, groups=GROUPS, containers=()):
    return firewall.rules([service], groups, HOSTVARS, host, containers)


def test_clients_come_by_their_addresses_one_rule_for_each_version_of_ip():
    assert rules(DATABASE, "data1") == [
        'ip saddr { 10.0.0.1, 10.0.0.3 } meta l4proto tcp ct original proto-dst { 5432 } accept comment "database"',
        'ip6 saddr { fd00::9 } meta l4proto tcp ct original proto-dst { 5432 } accept comment "database"',
    ]


def test_a_host_without_the_service_has_no_rule():
    assert rules(DATABASE, "app1") == []


def test_a_service_that_nobody_needs_has_no_rule():
    assert rules({**DATABASE, "from": ["logs"]}, "data1") == []


def test_containers_come_as_their_host_and_only_where_it_is_a_client():
    everything = {**GROUPS, "app": ["data1"], "ops": []}
    assert rules(DATABASE, "data1", everything, ["docker0", "br-*"]) == [
        'iifname { "docker0", "br-*" } meta l4proto tcp ct original proto-dst { 5432 } accept comment "database"'
    ]
    assert rules(DATABASE, "data1", containers=["docker0"]) == rules(DATABASE, "data1")
    assert rules(DATABASE, "data1", everything) == []


def test_networks_that_overlap_are_one():
    service = {"service": "x", "ports": [1, 2], "to": "all", "networks": ["10.0.0.0/8", "10.0.0.7", "192.0.2.1/32"]}
    assert rules(service, "app1") == [
        'ip saddr { 10.0.0.0/8, 192.0.2.1 } meta l4proto tcp ct original proto-dst { 1, 2 } accept comment "x"'
    ]


def test_everybody_is_not_a_set():
    service = {"service": "x", "ports": [53], "to": "all", "networks": ["0.0.0.0/0", "::/0"], "protocol": "udp"}
    assert rules(service, "app1") == [
        'meta nfproto ipv4 meta l4proto udp ct original proto-dst { 53 } accept comment "x"',
        'meta nfproto ipv6 meta l4proto udp ct original proto-dst { 53 } accept comment "x"',
    ]


def test_what_prometheus_reads_is_open_to_monitoring():
    assert firewall.scraped([{"job": "node", "group": "all", "port": 9100}]) == [
        {"service": "metrics of node", "ports": [9100], "to": "all", "from": ["monitoring"]}
    ]


@pytest.mark.parametrize(
    ("own", "networks", "said"),
    [
        ([], [], []),
        ([{**DATABASE, "networks": ["192.0.2.0/24"]}], ["fd00::/8"], []),
        ([], ["192.0.2.1/24"], ["firewall_x: 192.0.2.1/24 has host bits set, wanted a network such as 192.0.2.0/24"]),
        ([{**DATABASE, "networks": ["lan"]}], [], ["firewall_services (database): 'lan' does not appear to be"]),
        ([{**DATABASE, "to": "db"}], [], ["firewall_services (database): the inventory has no group db"]),
        ([{**DATABASE, "from": ["web"]}], [], ["firewall_services (database): the inventory has no group web"]),
        ([{**DATABASE, "ports": [0, 22]}], [], ["service database: port 0 is not one of 1 to 65535"]),
    ],
)
def test_what_no_rules_can_be_made_of_is_named(own, networks, said):
    found = firewall.refusals([DATABASE, *own], {"firewall_x": networks}, own, GROUPS, HOSTVARS)
    assert len(found) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True)), found


def test_a_client_whose_address_nobody_asked_for_is_named():
    found = firewall.refusals([DATABASE], {}, [], GROUPS, {**HOSTVARS, "app2": {}})
    assert found == ["golive_address of app2 is not known; run without --limit, so that every host is asked"]


def test_the_catalogue_opens_what_prometheus_reads():
    """Its jobs are defaults of another role, which this one cannot read."""
    jobs = yaml.safe_load((ROLES / "prometheus/defaults/main.yml").read_text(encoding="utf-8"))["prometheus_jobs"]
    catalogue = yaml.safe_load((ROLES / "firewall/vars/main.yml").read_text(encoding="utf-8"))["__firewall_catalogue"]
    opened = {
        (port, row["to"])
        for row in catalogue
        if isinstance(row["ports"], list) and "monitoring" in row.get("from", [])
        for port in row["ports"]
    }
    assert {(job["port"], job["group"]) for job in jobs} - opened == set()


def test_a_protocol_without_ports_is_let_in_from_its_hosts_and_not_from_containers():
    service = {"service": "x", "ports": [], "protocol": 112, "to": "app", "from": ["app"]}
    assert rules(service, "app1", containers=["docker0"]) == [
        'ip saddr { 10.0.0.3 } meta l4proto 112 accept comment "x"'
    ]
