"""tls_probe against real servers."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from golive_core import tls
from support import Certificates, Run, serving


@contextlib.contextmanager
def old_server(cert: str, key: str, version: ssl.TLSVersion, suites: str = "ALL") -> Iterator[int]:
    """Serve handshakes from an old protocol on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is meant to be old
        context.minimum_version = version
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return  # closed: the test is over
                with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as sock:
                    sock.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def look(run_module: Run, certificates: Certificates) -> Callable[..., dict[str, Any]]:
    """Return a function that makes one check of a port and returns its measurement."""

    def one(port: int, name: str = "edge.example", **check: Any) -> dict[str, Any]:
        asked = {"id": "tls.x", "host": "127.0.0.1", "port": port, "server_name": name, "ca_file": certificates.ca_file}
        (seen,) = run_module("tls_probe", {"checks": [{**asked, **check}]})["measurements"]
        return dict(seen)

    return one


def test_a_good_certificate_has_days_left(look: Callable[..., dict[str, Any]], tls_port: int) -> None:
    seen = look(tls_port)
    assert seen["failures"] == 0, seen["observed"]
    assert (seen["unit"], round(seen["value"])) == ("d", 90)
    assert "valid for another" in seen["observed"]
    assert "TLS 1.3 negotiated" in seen["observed"]
    assert "TLS 1.1 accepted" not in seen["observed"]


@pytest.mark.parametrize(
    ("check", "said", "value"),
    [
        ({"name": "other.example"}, "not to be trusted for other.example: Hostname mismatch", 90),
        ({"ca_file": ""}, "unable to get local issuer certificate", None),
    ],
)
def test_a_certificate_that_is_not_to_be_trusted_is_a_failure(
    look: Callable[..., dict[str, Any]], tls_port: int, check: dict[str, Any], said: str, value: float | None
) -> None:
    seen = look(tls_port, **check)
    assert seen["failures"] == 1
    assert said in seen["observed"]
    assert (seen["value"] and round(seen["value"])) == value


def test_an_expired_certificate_is_a_failure(look: Callable[..., dict[str, Any]], certificates: Certificates) -> None:
    with serving("--cert", (pair := certificates.issue("edge.example", days=-1))[0], "--key", pair[1]) as port:
        seen = look(port)
    assert seen["failures"] == 1
    assert "certificate has expired" in seen["observed"]


def test_an_old_protocol_that_is_accepted_is_a_failure(
    look: Callable[..., dict[str, Any]], certificates: Certificates
) -> None:
    able = tls.speaks(ssl.TLSVersion.TLSv1_1)
    with old_server(*certificates.issue("edge.example"), ssl.TLSVersion.TLSv1_1) as port:
        seen = look(port)
    assert seen["failures"] == int(able)
    assert ("TLS 1.1 accepted" if able else "TLS 1.1 not tried: the OpenSSL of this host") in seen["observed"]
    assert "TLS 1.0 accepted" not in seen["observed"]


def test_an_old_protocol_that_cannot_be_tried_is_said_so(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "speaks", lambda _: False)
    with old_server(*certificates.issue("edge.example"), ssl.TLSVersion.TLSv1_2) as port:
        seen = tls.look("127.0.0.1", port, "edge.example", certificates.ca_file)
    assert set(seen.old.values()) == {"not tried: the OpenSSL of this host does not speak it"}
    assert (seen.problem, seen.protocol) == ("", "TLS 1.3")


def test_a_weak_cipher_suite_that_is_accepted_is_a_failure(
    look: Callable[..., dict[str, Any]], certificates: Certificates
) -> None:
    pair = certificates.issue("edge.example")
    strong = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"
    with old_server(*pair, ssl.TLSVersion.TLSv1_2, strong) as port:
        fine = look(port, suites=True)
    with old_server(*pair, ssl.TLSVersion.TLSv1_2, f"{strong}:ECDHE-ECDSA-AES128-SHA256") as port:
        weak = look(port, suites=True)
    with old_server(*pair, ssl.TLSVersion.TLSv1_2, f"{strong}:ECDHE-ECDSA-NULL-SHA") as port:
        clear = look(port, suites=True)
    assert fine["failures"] == 0, fine["observed"]
    assert "2 cipher suites of TLS 1.2, none of them weak" in fine["observed"]
    assert (weak["failures"], weak["n"] - fine["n"]) == (1, 1)
    assert "weak cipher suites accepted: ECDHE-ECDSA-AES128-SHA256" in weak["observed"]
    assert "weak cipher suites accepted: ECDHE-ECDSA-NULL-SHA" in clear["observed"]


@contextlib.contextmanager
def stapling(certificates: Certificates, pair: tuple[str, str], status: str, days: int = 7) -> Iterator[int]:
    """Serve with openssl, and staple an answer of that status, which ends in so many days; "" staples none."""
    words = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", pair[0], "-key", pair[1]]
    if status:
        now = datetime.now(UTC)
        revoked = (now, x509.ReasonFlags.key_compromise) if status == "REVOKED" else (None, None)
        answer = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                x509.load_pem_x509_certificate(Path(pair[0]).read_bytes()),
                certificates.authority,
                hashes.SHA1(),
                ocsp.OCSPCertStatus[status],
                now - timedelta(days=8),
                now + timedelta(days=days),
                *revoked,
            )
            .responder_id(ocsp.OCSPResponderEncoding.NAME, certificates.authority)
            .sign(certificates.key, hashes.SHA256())
        )
        file = certificates.directory / f"{status}{days}.der"
        file.write_bytes(answer.public_bytes(serialization.Encoding.DER))
        words += ["-status_file", str(file)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = next(int(line.rpartition(":")[2]) for line in process.stdout if line.startswith("ACCEPT"))
        yield port
        process.kill()


@pytest.mark.parametrize(
    ("status", "days", "responder", "failures", "said"),
    [
        ("GOOD", 7, "http://ocsp.example/", 0, "the stapled OCSP answer says good, until "),
        ("GOOD", -1, "http://ocsp.example/", 1, "the stapled OCSP answer ended at "),
        ("REVOKED", 7, "", 1, "the stapled OCSP answer says revoked"),
        (
            "",
            7,
            "http://ocsp.example/",
            1,
            "no OCSP answer is stapled, though the certificate names http://ocsp.example/",
        ),
        ("", 7, "", 0, "no OCSP answer is stapled, and the certificate names no responder"),
    ],
    ids=["good", "too old", "revoked", "missing", "nobody to ask"],
)
def test_a_stapled_answer_is_judged(
    look: Callable[..., dict[str, Any]],
    certificates: Certificates,
    status: str,
    days: int,
    responder: str,
    failures: int,
    said: str,
) -> None:
    pair = certificates.issue("edge.example", responder=responder)
    with stapling(certificates, pair, status, days) as port:
        without = look(port)
        seen = look(port, ocsp=True)
    assert seen["failures"] == failures, seen["observed"]
    assert seen["n"] == without["n"] + 1
    assert said in seen["observed"]


def test_a_host_without_openssl_cannot_ask_for_it(
    look: Callable[..., dict[str, Any]], tls_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    seen = look(tls_port, ocsp=True)
    assert seen["failures"] == 1
    assert seen["observed"] == "OCSP cannot be asked for: this host has no command `openssl`"


def test_no_tls_at_all_is_a_failure(look: Callable[..., dict[str, Any]], server: str) -> None:
    plain = look(int(server.rpartition(":")[2]), timeout_seconds=2)
    assert plain["failures"] == 1
    nobody = look(1)
    assert nobody["observed"] == "127.0.0.1:1 refused the connection"
    assert (nobody["n"], nobody["failures"], nobody["value"]) == (1, 1, None)


def test_a_silent_server_is_a_failure_after_the_time_out(look: Callable[..., dict[str, Any]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = look(listener.getsockname()[1], timeout_seconds=0.3)
    assert "within 0.3 s" in seen["observed"]


def test_a_mistake_is_one_sentence(run_module: Run) -> None:
    result = run_module("tls_probe", {"checks": [{"id": "tls.x", "host": "edge", "port": 0}]})
    assert result["msg"] == "Check tls.x: `port` must be 1 to 65535 and `timeout_seconds` above 0."
