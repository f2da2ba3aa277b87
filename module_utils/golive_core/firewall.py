"""From the catalogue of services to the lines of nftables that let their clients in."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Service = Mapping[str, Any]
Groups = Mapping[str, Sequence[str]]
HostVars = Mapping[str, Mapping[str, Any]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def scraped(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the services that Prometheus's jobs read, each open to monitoring.

    :param jobs: `prometheus_jobs`: job, group and port of each
    """
    return [
        {"service": f"metrics of {job['job']}", "ports": [job["port"]], "to": job["group"], "from": ["monitoring"]}
        for job in jobs
    ]


def clients(service: Service, groups: Groups) -> list[str]:
    """Return the hosts that need a service, each once, in the inventory's order."""
    return list(dict.fromkeys(host for group in service.get("from", []) for host in groups.get(group, [])))


def rules(
    services: Iterable[Service], groups: Groups, hostvars: HostVars, host: str, containers: Sequence[str]
) -> list[str]:
    """Return the lines that let the clients of the services of `host` in, one for each service and kind of address.

    Ports are those that the client asked for: Docker has put another in their place when the lines are read.

    :param services: {service, ports, to, from, networks, protocol}; `to` is the group that has the service, `from` the
        groups that need it, `networks` further clients in CIDR form, `protocol` is tcp unless given; one
        without ports is named by its number, and not for containers, which are no such host
    :param containers: interfaces of the host's own containers, which count as the host itself
    """
    lines = []
    for service in services:
        if host not in groups.get(service["to"], []):
            continue
        hosts = clients(service, groups)
        networks = [hostvars[name]["golive_address"] for name in hosts if name != host] + service.get("networks", [])
        sources = _sources(networks)
        if host in hosts and containers and service["ports"]:
            sources.append("iifname " + _set(f'"{name}"' for name in containers))
        what = f"meta l4proto {service.get('protocol', 'tcp')}"
        if service["ports"]:
            what += f" ct original proto-dst {_set(dict.fromkeys(map(str, service['ports'])))}"
        lines += [f'{source} {what} accept comment "{service["service"]}"' for source in sources]
    return lines


def refusals(
    services: Iterable[Service],
    networks: Mapping[str, Iterable[str]],
    own: Iterable[Service],
    groups: Groups,
    hostvars: HostVars,
) -> list[str]:
    """Return one sentence for each thing of which no rules can be made; empty when they can.

    :param services: all of them
    :param networks: variables that hold networks in CIDR form
    :param own: the services that the inventory adds, whose groups must exist
    """
    own, services = list(own), list(services)
    named = {**networks, **{f"firewall_services ({row['service']})": row.get("networks", []) for row in own}}
    found = [f"{name}: {wrong}" for name, rows in named.items() for wrong in _not_networks(rows)]
    for row in own:
        unknown = [group for group in [row["to"], *row.get("from", [])] if group not in groups]
        found += [f"firewall_services ({row['service']}): the inventory has no group {group}" for group in unknown]
    for row in services:
        wrong = [port for port in row["ports"] if not 0 < int(port) < 65_536]
        found += [f"service {row['service']}: port {port} is not one of 1 to 65535" for port in wrong]
    needed = dict.fromkeys(host for row in services for host in clients(row, groups))
    if silent := [host for host in needed if not hostvars[host].get("golive_address")]:
        found.append(
            f"golive_address of {', '.join(silent)} is not known; run without --limit, so that every host is asked"
        )
    return found


def _not_networks(rows: Iterable[str]) -> list[str]:
    found = []
    for row in rows:
        try:
            ipaddress.ip_network(row)
        except ValueError as error:
            found.append(f"{error}, wanted a network such as 192.0.2.0/24")
    return found


def _sources(networks: Iterable[str]) -> list[str]:
    """Return what matches packets from any of the networks: one expression for each version of IP among them."""
    every = [ipaddress.ip_network(network) for network in networks]
    # Collapsed, because overlapping networks are an error in a set of nftables.
    four = list(ipaddress.collapse_addresses(row for row in every if isinstance(row, ipaddress.IPv4Network)))
    six = list(ipaddress.collapse_addresses(row for row in every if isinstance(row, ipaddress.IPv6Network)))
    return [*_match("ip", "ipv4", four), *_match("ip6", "ipv6", six)]


def _match(header: str, family: str, networks: Sequence[Network]) -> list[str]:
    if any(network.prefixlen == 0 for network in networks):
        return [f"meta nfproto {family}"]
    return [f"{header} saddr {_set(map(_short, networks))}"] if networks else []


def _short(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _set(elements: Iterable[str]) -> str:
    return f"{{ {', '.join(elements)} }}"
