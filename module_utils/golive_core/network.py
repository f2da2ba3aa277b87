"""Networks in CIDR form: which are none, and one for the lab that nobody uses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def free_subnet(used: Iterable[str], pool: str = "10.213.0.0/16", prefix: int = 24) -> str:
    """Return the first subnet of `pool` that overlaps none of `used`.

    :param used: networks in CIDR form; what is not one is passed over (a routing table holds words, too)
    :raises ValueError: when the whole pool is taken
    """
    taken = []
    for text in used:
        try:
            taken.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    for candidate in ipaddress.ip_network(pool).subnets(new_prefix=prefix):
        if not any(candidate.version == other.version and candidate.overlaps(other) for other in taken):
            return str(candidate)
    raise ValueError(f"every /{prefix} network in {pool} is in use; remove one, or set lab_pool to another range")


def not_networks(texts: Iterable[str]) -> list[str]:
    """Return those of `texts` that are neither a network in CIDR form nor an address."""
    wrong = []
    for text in texts:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            wrong.append(text)
    return wrong
