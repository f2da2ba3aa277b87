"""Filters that tell of the secrets without showing one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from golive_core import age, store


def ages(
    directory: str, catalogue: list[Mapping[str, Any]], vault: Iterable[str], made: Mapping[str, str], now: datetime
) -> list[dict[str, Any]]:
    """Return what is known of each secret, see golive_core.store.ages.

    :param now: of Ansible's `now(utc=true)`, which does not say its time zone
    """
    return store.ages(Path(directory), catalogue, vault, made, now.replace(tzinfo=UTC).timestamp())


def recipient(secret: str) -> str:
    """Return the public key that belongs to a secret, as age(1) takes it."""
    return age.recipient(X25519PrivateKey.from_private_bytes(age.private_key(secret)).public_key().public_bytes_raw())


def identity(secret: str) -> str:
    """Return the private key that belongs to a secret, as age(1) reads it from a file."""
    return age.identity(age.private_key(secret))


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_age_identity": identity,
            "golive_age_recipient": recipient,
            "golive_secret_ages": ages,
            "golive_secret_list": store.describe,
            "golive_secret_metrics": store.metrics,
            "golive_secret_refusal": store.refusal,
        }
