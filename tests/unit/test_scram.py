"""SCRAM verifiers as PostgreSQL stores them."""

from __future__ import annotations

import base64

import pytest
from golive_core import scram

# Made by PostgreSQL 17: CREATE ROLE x PASSWORD 'golive-Test-1'.
STORED = (
    "SCRAM-SHA-256$4096:ko6Z3oi/1ZwUkJH8CFcDIQ==$VemNJBZbaMm6T/Vnh/W1en9wd3rRDTaIGGSuuP4/170="
    ":Ov3Nt/fYnULEHFQcr3dHLMsR+ITKvKODX/ZJxCDP1u0="
)


def test_a_verifier_of_postgresql_is_recognised() -> None:
    assert scram.matches("golive-Test-1", STORED)
    assert not scram.matches("golive-Test-2", STORED)


def test_the_verifier_is_the_servers_own_for_the_same_salt() -> None:
    salt = base64.b64decode(STORED.split("$")[1].split(":")[1])
    assert scram.verifier("golive-Test-1", salt) == STORED


@pytest.mark.parametrize(
    "stored", ["", "md5d41d8cd98f00b204e9800998ecf8427e", "SCRAM-SHA-256$x:y$z:w", "PLAIN$1:YQ==$a:b"]
)
def test_another_hash_never_matches(stored: str) -> None:
    assert not scram.matches("golive-Test-1", stored)


@pytest.mark.parametrize("password", ["", "tab\there", "中文"])
def test_what_would_need_saslprep_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        scram.verifier(password, b"salt")


def test_a_role_whose_secret_is_empty_has_no_login_and_no_password() -> None:
    roles = [{"name": "a", "secret": "x_a"}, {"name": "b", "secret": "x_b", "connection_limit": 5}]
    secrets = {"x_a": "one", "x_b": ""}
    assert scram.open_roles(roles, secrets) == [{"name": "a", "secret": "x_a"}, {"name": "b", "connection_limit": 5}]
    present = {"a": scram.verifier("one", b"0123456789abcdef"), "b": STORED}
    assert scram.passwords(roles, secrets, present) == [{"name": "b", "password": ""}]


def test_passwords_change_only_where_the_server_differs_and_are_verifiers() -> None:
    roles = [{"name": "kept", "secret": "a"}, {"name": "rotated", "secret": "b"}, {"name": "owner"}, {"name": "closed"}]
    present = {"kept": scram.verifier("one", b"0123456789abcdef"), "rotated": STORED, "owner": None, "closed": STORED}
    rotated, closed = scram.passwords(roles, {"a": "one", "b": "two-Secret"}, present)
    assert rotated["name"] == "rotated"
    assert rotated["password"].startswith("SCRAM-SHA-256$4096:")
    assert scram.matches("two-Secret", rotated["password"])
    assert closed == {"name": "closed", "password": ""}
