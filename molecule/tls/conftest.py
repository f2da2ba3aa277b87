"""Certificates, looked at and used."""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509


@pytest.fixture(scope="session")
def certificate() -> Callable[[Any], x509.Certificate]:
    """Return the certificate that a host presents."""
    return lambda host: x509.load_pem_x509_certificate(host.file("/etc/golive/tls/host.crt").content)


@pytest.fixture(scope="session")
def authority_key(state) -> str:
    """Return the key of the authority, which is on the controller alone."""
    return (state / "secrets" / "ca" / "ca.key").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def days() -> Callable[[x509.Certificate], int]:
    """Return the days that a certificate is still valid."""
    return lambda found: (found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)).days


@pytest.fixture(scope="session")
def handshake() -> Callable[..., str]:
    """Serve with a host's files there, and connect as a client: handshake(host, name, pem=, ca=)."""

    def shake(host: Any, name: str, pem: str = "/etc/golive/tls/host.pem", ca: str = "/etc/golive/tls/ca.crt") -> str:
        done = subprocess.run(
            ["docker", "exec", "-i", host.backend.name, "python3", "-", name, pem, ca],
            input=_SHAKE,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return shake


_SHAKE = """
import socket, ssl, sys, threading
name, pem, ca = sys.argv[1:]
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(pem)
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    try:
        server.wrap_socket(listener.accept()[0], server_side=True).close()
    except OSError:
        pass
threading.Thread(target=serve, daemon=True).start()
client = ssl.create_default_context(cafile=ca)
client.verify_flags |= ssl.VERIFY_X509_STRICT
try:
    with client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname=name) as wrapped:
        print("accepted", wrapped.version())
except ssl.SSLError as error:
    print("refused", error)
"""
