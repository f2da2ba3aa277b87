"""PostgreSQL's SCRAM-SHA-256 verifiers, so that a password never reaches the server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from typing import Any

ITERATIONS = 4096  # what PostgreSQL itself uses; a generated password needs no more
SALT_BYTES = 16


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return what PostgreSQL stores for a password (RFC 5802, section 3; the form is that of pg_authid.rolpassword).

    :raises ValueError: for a password with other than printable ASCII, which would need SASLprep
    """
    if not (password and password.isascii() and password.isprintable()):
        raise ValueError("a database password must be printable ASCII and not empty")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return "SCRAM-SHA-256${}:{}${}:{}".format(iterations, *parts)


def matches(password: str, stored: str) -> bool:
    """Whether a stored verifier is that of the password; another kind of hash never is."""
    try:
        mechanism, parameters, _ = stored.split("$")
        iterations, salt = parameters.split(":")
        if mechanism != "SCRAM-SHA-256":
            return False
        return hmac.compare_digest(verifier(password, base64.b64decode(salt), int(iterations)), stored)
    except ValueError:
        return False


def open_roles(roles: Iterable[Mapping[str, Any]], secrets: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the roles, without `secret` where that is empty: such a role cannot log in for now."""
    return [{key: value for key, value in role.items() if key != "secret" or secrets.get(value, "")} for role in roles]


def passwords(
    roles: Iterable[Mapping[str, Any]], secrets: Mapping[str, str], present: Mapping[str, str | None]
) -> list[dict[str, str]]:
    """Return `name` and `password` for each role whose stored verifier is not that of its secret.

    The password is a verifier, and empty for a role that shall have none: what postgresql_user takes.

    :param roles: with `name`, and `secret` when the role has a password
    :param secrets: name of a secret to the password; a role whose secret is empty has none
    :param present: name of a role to what the server stores for it, None for nothing
    """
    wanted: list[dict[str, str]] = []
    for role in roles:
        name, stored = role["name"], present.get(role["name"])
        if password := secrets.get(role.get("secret", ""), ""):
            if not matches(password, stored or ""):
                wanted.append({"name": name, "password": verifier(password, os.urandom(SALT_BYTES))})
        elif stored:
            wanted.append({"name": name, "password": ""})
    return wanted
