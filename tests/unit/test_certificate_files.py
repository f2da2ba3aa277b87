"""Which certificate files of a host are wrong."""

from __future__ import annotations

import hashlib

import pytest
from golive_core.certificate_files import wrong_files

TEXTS = {"ca.crt": "authority\n", "host.crt": "certificate\n"}


def found(
    name: str, text: str = "", mode: str = "0644", group: str = "root", size: int = -1, mtime: float = 1.5
) -> dict[str, object]:
    return {
        "path": f"/etc/golive/tls/{name}",
        "mode": mode,
        "gr_name": group,
        "size": len(text) if size < 0 else size,
        "mtime": mtime,
        "checksum": hashlib.sha256(text.encode()).hexdigest(),
    }


GOOD = {
    "ca.crt": found("ca.crt", TEXTS["ca.crt"]),
    "host.crt": found("host.crt", TEXTS["host.crt"]),
    "host.key": found("host.key", "key\n", "0640", "golive-tls"),
    "host.pem": found("host.pem", "certificate\nkey\n", "0640", "golive-tls"),
    "public.pem": {"path": "/etc/golive/tls/public.pem", "mode": "0777", "gr_name": "root", "size": 8},
}


def wrong(**changes: dict[str, object] | None) -> list[str]:
    names = {name.replace("_", "."): file for name, file in changes.items()}
    files = [file for file in (GOOD | names).values() if file]
    return wrong_files(files, TEXTS, {"public.pem": "host.pem"}, ["host"], ["public.key"], "golive-tls")


def test_nothing_is_wrong() -> None:
    assert wrong() == []


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"ca_crt": None}, ["ca.crt"]),
        ({"ca_crt": found("ca.crt", "another\n")}, ["ca.crt"]),
        ({"host_key": found("host.key", "key\n", "0644", "golive-tls")}, ["host.key"]),
        ({"host_key": found("host.key", "key\n", "0640", "root")}, ["host.key"]),
        ({"host_key": found("host.key", "longer key\n", "0640", "golive-tls")}, ["host.pem"]),
        ({"host_pem": None}, ["host.pem"]),
        ({"host_crt": found("host.crt", TEXTS["host.crt"], mtime=1.6)}, ["host.pem"]),
        ({"public_pem": found("public.pem", "x", "0640", "golive-tls")}, ["public.pem"]),
        ({"public_key": found("public.key", "x", "0640", "golive-tls")}, ["public.key"]),
        ({"other_file": found("other.file", "x")}, []),
    ],
)
def test_what_is_wrong_is_named(changes, names) -> None:
    assert wrong(**changes) == names
