"""An edge under requests, what it shows on the wire, and renewals that are watched."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509

CANARY = "canary-token-of-the-dns"


@pytest.fixture(scope="session")
def secrets(host) -> list[str]:
    """What must not be seen: the operator's token and a line of the public key pair's key."""
    return [CANARY, host.file("/etc/golive/tls/public.key").content_string.splitlines()[1]]


@pytest.fixture(scope="session")
def certificate(host) -> Callable[[str], x509.Certificate]:
    """Return the first certificate in a file of golive_tls."""
    return lambda name: x509.load_pem_x509_certificate(host.file(f"/etc/golive/tls/{name}").content)


@pytest.fixture(scope="session")
def handshake(host) -> Callable[..., str]:
    """Connect to HAProxy as a strict client: handshake(name, ca=) -> the serial, or why it was refused."""

    def shake(name: str, ca: str = "public-ca.crt") -> str:
        return _python(host, _SHAKE, name, f"/etc/golive/tls/{ca}").strip()

    return shake


@dataclass
class Requests:
    """What a loop of requests met, each on a connection of its own."""

    answered: int = 0
    lost: int = 0
    serials: tuple[str, ...] = ()


@pytest.fixture(scope="session")
def under_requests(host) -> Callable[[], Any]:
    """Return a context in which requests arrive at HAProxy all the time, and which must keep its workers."""

    @contextmanager
    def loop() -> Iterator[Requests]:
        seen = Requests()
        workers = host.check_output("pgrep -x haproxy")
        process = subprocess.Popen(
            ["docker", "exec", "-i", host.backend.name, "python3", "-c", _LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "begun\n"
        try:
            yield seen
        finally:
            process.stdin.close()
            told = json.loads(process.stdout.read())
            process.wait(10)
        seen.answered, seen.lost, seen.serials = told["answered"], told["lost"], tuple(told["serials"])
        assert host.check_output("pgrep -x haproxy") == workers, "HAProxy was reloaded"

    return loop


@pytest.fixture(scope="session")
def renew(host) -> Callable[[], str]:
    """Start the service as the timer does; return the last line that it logged, "" when it succeeded."""

    def start() -> str:
        done = host.run("systemctl start golive-certificate.service")
        said = host.check_output("journalctl --identifier golive-certificate --lines 1 --output cat")
        return said if done.rc else ""

    return start


@pytest.fixture
def another(host) -> None:
    """Make a new certificate due: the service no longer knows where the last one came from."""
    host.check_output("rm -f /var/lib/golive-acme/directory")


@pytest.fixture(scope="session")
def until() -> Callable[[Callable[[], bool], float], bool]:
    """Wait until something is so; False when it is not in time."""

    def wait(so: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not (found := so()) and time.monotonic() < end:
            time.sleep(0.5)
        return found

    return wait


def _python(host: Any, script: str, *arguments: str) -> str:
    done = subprocess.run(
        ["docker", "exec", "-i", host.backend.name, "python3", "-", *arguments],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


_SHAKE = """
import socket, ssl, sys
name, ca = sys.argv[1:]
client = ssl.create_default_context(cafile=ca)
client.verify_flags |= ssl.VERIFY_X509_STRICT
try:
    with client.wrap_socket(socket.create_connection(("127.0.0.1", 443), 5), server_hostname=name) as wrapped:
        print(wrapped.getpeercert()["serialNumber"])
except OSError as error:
    print("refused", error)
"""

# The time is not checked: a certificate that lives for 45 s may be past it when the loop begins.
_LOOP = """
import json, select, socket, ssl, sys, time
client = ssl.create_default_context(cafile="/etc/golive/tls/public-ca.crt")
client.verify_flags |= 0x200000
answered, lost, serials = 0, 0, []
print("begun", flush=True)
while not select.select([sys.stdin], [], [], 0.01)[0]:
    try:
        plain = socket.create_connection(("127.0.0.1", 443), 5)
        with client.wrap_socket(plain, server_hostname="football.test") as wrapped:
            serial = wrapped.getpeercert()["serialNumber"]
            wrapped.sendall(b"GET / HTTP/1.0\\r\\nHost: football.test\\r\\n\\r\\n")
            assert wrapped.recv(4096).startswith(b"HTTP/1.1 200"), "no answer"
        answered += 1
        if serial not in serials:
            serials.append(serial)
    except (OSError, AssertionError):
        lost += 1
print(json.dumps({"answered": answered, "lost": lost, "serials": serials}))
"""
