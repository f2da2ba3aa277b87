"""What a TLS server shows of itself: certificate, protocol, and which old protocols and cipher suites it accepts."""

from __future__ import annotations

import socket
import ssl
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import http

OLD_PROTOCOLS: Mapping[str, ssl.TLSVersion] = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
_NAME_MISMATCH = 62  # X509_V_ERR_HOSTNAME_MISMATCH
_DAY = 86_400
_FORWARD = ("ECDHE-", "DHE-")
_AEAD = ("GCM", "CHACHA20", "CCM")


@dataclass(frozen=True)
class Seen:
    """What was seen.

    `problem` is why the certificate is not to be trusted for the name (empty: it is), `days_left` is None when the
    chain cannot be verified. `old` says for each old protocol "refused", "accepted", or why this host cannot tell.
    `suites` are those of TLS 1.2 that the server accepts, where they were looked for.
    """

    problem: str
    days_left: float | None
    protocol: str
    old: Mapping[str, str] = field(default_factory=dict)
    suites: Sequence[str] = ()

    @property
    def weak(self) -> list[str]:
        """The suites without forward secrecy, or that do not authenticate what they encrypt (no AEAD).

        These two are what Mozilla's intermediate profile has of TLS 1.2.
        """
        return [suite for suite in self.suites if not (suite.startswith(_FORWARD) and any(map(suite.count, _AEAD)))]


def _handshake(host: str, port: int, name: str, context: ssl.SSLContext, timeout: float) -> tuple[float | None, str]:
    """Return days left (when the context verifies) and the negotiated protocol."""
    with socket.create_connection((host, port), timeout) as plain:
        with context.wrap_socket(plain, server_hostname=name) as sock:
            end = (sock.getpeercert() or {}).get("notAfter")
            days = (ssl.cert_time_to_seconds(end) - time.time()) / _DAY if isinstance(end, str) else None
            return days, (sock.version() or "").replace("TLSv", "TLS ")


def _verifying(ca_file: str, check_name: bool) -> ssl.SSLContext:
    http.tls_context(ca_file)  # says in one sentence when the authority cannot be read
    context = ssl.create_default_context(cafile=ca_file or None)
    context.check_hostname = check_name
    return context


def _only(version: ssl.TLSVersion, suites: str = "ALL") -> ssl.SSLContext:
    """Return a context that speaks one protocol only, as far as the local OpenSSL lets it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # this asks for the protocol; the certificate is judged elsewhere
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is why it is asked for
        context.minimum_version = version
        context.maximum_version = version
    return context


def speaks(version: ssl.TLSVersion) -> bool:
    """Return whether the local OpenSSL can begin a handshake with this protocol."""
    try:
        sock = _only(version).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        sock.do_handshake()
    except ssl.SSLWantReadError:
        return True  # it has said hello, and waits
    except (ssl.SSLError, ValueError):
        pass
    return False


def _accepts(host: str, port: int, name: str, version: ssl.TLSVersion, timeout: float) -> str:
    if not speaks(version):
        return "not tried: the OpenSSL of this host does not speak it"
    try:
        with socket.create_connection((host, port), timeout) as plain:
            with _only(version).wrap_socket(plain, server_hostname=name):
                return "accepted"
    except OSError:
        return "refused"


def accepted_suites(host: str, port: int, name: str, timeout: float) -> list[str]:
    """Return the cipher suites of TLS 1.2 that the server accepts, of those that the local OpenSSL can speak.

    Each handshake offers all that were not chosen yet, until the server takes none.
    """
    everything = _only(ssl.TLSVersion.TLSv1_2, "ALL:eNULL")  # those that do not encrypt are not in ALL
    left = [suite["name"] for suite in everything.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    found: list[str] = []
    while left:
        context = _only(ssl.TLSVersion.TLSv1_2, ":".join(left))
        try:
            with socket.create_connection((host, port), timeout) as plain:
                with context.wrap_socket(plain, server_hostname=name) as sock:
                    chosen = (sock.cipher() or ("",))[0]
        except OSError:
            break
        if chosen not in left:  # it would be asked forever
            break
        left.remove(chosen)
        found.append(chosen)
    return found


def look(host: str, port: int, name: str, ca_file: str = "", timeout: float = 5.0, *, suites: bool = False) -> Seen:
    """Connect as a client would, and once with each old protocol.

    :param name: the name that the certificate must carry
    :param ca_file: the only authority to trust; the system's when empty
    :param suites: also look for :func:`accepted_suites`
    :raises http.NoAnswer: when there is no TLS to look at, or the authority cannot be read
    """
    aim = http.Target("https", name, port, "/", host)
    problem, days, protocol = "", None, ""
    try:
        try:
            days, protocol = _handshake(host, port, name, _verifying(ca_file, check_name=True), timeout)
        except ssl.SSLCertVerificationError as error:
            problem = error.verify_message
            if error.verify_code == _NAME_MISMATCH:  # the chain is good, so its end can be told
                days, protocol = _handshake(host, port, name, _verifying(ca_file, check_name=False), timeout)
    except TimeoutError as error:
        raise http.NoAnswer("timeout", f"no TLS handshake with {host}:{port} within {timeout:g} s") from error
    except OSError as error:
        raise http.no_answer(error, aim) from error
    old = {label: _accepts(host, port, name, version, timeout) for label, version in OLD_PROTOCOLS.items()}
    return Seen(problem, days, protocol, old, accepted_suites(host, port, name, timeout) if suites else ())
