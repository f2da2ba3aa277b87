"""A certificate before it is served: whether clients would accept it, when to renew it, and its way into HAProxy.

Nothing is parsed here. A certificate is offered to a client in the same process, so that what refuses it is what will
refuse it later: chain, key, names and dates are judged by the handshake itself.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .haproxy import Ask, EdgeError, read_workers

_DAY = 86_400
_NOT_ITS_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NO_WAY_TO_AUTHORITY = (2, 18, 19, 20, 21)  # an issuer is missing, or the last certificate signed itself


class Unfit(Exception):
    """A certificate that must not be served; the message says why in the middle of a sentence."""


@dataclass(frozen=True)
class Certificate:
    """What a client learns of a certificate that it accepts; times are seconds since 1970."""

    serial: str
    names: tuple[str, ...]
    begins: float
    ends: float

    def days_left(self, now: float) -> float:
        """Return the days until it ends."""
        return (self.ends - now) / _DAY


def _no_password() -> str:
    raise Unfit("the key is encrypted; a service that starts by itself cannot enter a password")


def _served(chain: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # 0600; the ssl module reads keys from files only
        file.write(f"{chain.strip()}\n{key.strip()}\n")
        file.flush()
        try:
            context.load_cert_chain(file.name, password=_no_password)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise Unfit("the key does not belong to the certificate") from error
            raise Unfit("certificate and key cannot be read; both must be PEM, the host's own first") from error
    return context


def _trusting(authority: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError) as error:
        raise Unfit("the authority cannot be read; it must be PEM") from error
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT  # as clients from Python 3.13 on
    return context


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> Mapping[str, Any]:
    """Return what the client learned of the certificate.

    :raises ssl.SSLCertVerificationError: when the client refuses it
    """
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    serving = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (asking, serving, asking):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return asking.getpeercert() or {}


def _refusal(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _NO_WAY_TO_AUTHORITY:
        return (
            "nothing leads from it to the authority: an intermediate certificate is missing from the chain, "
            "or another authority issued it"
        )
    return f"a client refuses it ({error.verify_message})"


def examine(chain: str, key: str, authority: str, names: Iterable[str]) -> Certificate:
    """Return a certificate that clients would accept under each of `names`.

    :param chain: PEM, the server's own certificate first, then the intermediates
    :param key: PEM
    :param authority: PEM, the only authorities that the clients trust; empty for those of this system
    :raises Unfit: when they would not
    """
    server, client = _served(chain, key), _trusting(authority)
    client.check_hostname = False
    try:
        seen = _handshake(server, client, "any.invalid")
    except ssl.SSLCertVerificationError as error:
        raise Unfit(_refusal(error)) from error
    carried = tuple(str(value) for _, value in seen.get("subjectAltName", ()))
    client.check_hostname = True
    for name in names:
        try:
            _handshake(server, client, name)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code not in _NOT_ITS_NAME:
                raise Unfit(_refusal(error)) from error
            raise Unfit(f"it does not carry the name {name}, only {', '.join(carried) or 'none'}") from error
    begins, ends = (ssl.cert_time_to_seconds(str(seen[key])) for key in ("notBefore", "notAfter"))
    return Certificate(str(seen["serialNumber"]), carried, begins, ends)


def problem(chain: str, key: str, authority: str, names: Iterable[str], days: float, now: float) -> str:
    """Return why a certificate should not be taken into service, or nothing when it should.

    :param days: it must be valid for longer than this
    """
    try:
        found = examine(chain, key, authority, names)
    except Unfit as error:
        return str(error)
    if found.days_left(now) > days:
        return ""
    return f"it ends in {found.days_left(now):.1f} days, wanted more than {days:g}"


def due(certificate: Certificate, renew_days: float, now: float) -> str:
    """Return why a certificate is to be renewed, or nothing when it is not time yet.

    One with a short life would always be due by `renew_days`: it is renewed when a third of its life is left.
    """
    life = certificate.ends - certificate.begins
    if certificate.ends - now >= min(renew_days * _DAY, life / 3):
        return ""
    return f"it ends on {datetime.fromtimestamp(certificate.ends, UTC):%Y-%m-%d %H:%M:%S} UTC"


def nonce_refused(log: str) -> bool:
    """Return whether a run of certbot ended because the server refused a nonce, which says nothing about the request.

    :param log: certbot's log of that run; what it prints is the server's own words, without the kind of the error
    """
    *_, end = log.rpartition("Exiting abnormally:")
    kinds = re.findall(r"^acme\.messages\.Error: urn:ietf:params:acme:error:(\w+)", end, re.MULTILINE)
    return kinds[-1:] == ["badNonce"]


def certbot_reason(output: str) -> str:
    """Return the telling part of what certbot printed when it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    details = [line.removeprefix("Detail:").strip() for line in lines if line.startswith("Detail:")]
    if details:
        return "; ".join(dict.fromkeys(details))
    # Around it certbot says that something failed, and points to the forum and the log.
    telling = [line for line in lines if not re.match(r"Ask for help|See the logfile|Saving debug|An unexpected", line)]
    return telling[-1] if telling else "it said nothing"


def hand_to_haproxy(ask: Ask, file: str, pem: str) -> bool:
    """Give HAProxy a certificate in place of the one that it read from `file`, without a reload.

    Only the newest worker takes new connections; one that a reload leaves behind does no more handshakes.

    :returns: False when its configuration does not name the file
    :raises EdgeError: when HAProxy refuses; it then serves what it served before
    """
    workers = read_workers(ask("show proc"))
    if not workers:
        raise EdgeError("HAProxy has no worker; see systemctl status haproxy")
    worker = f"@!{workers[0]}"
    if file not in ask(f"{worker} show ssl cert").split():
        return False
    ask(f"{worker} set ssl cert {file} <<\n{pem.strip()}\n")
    said = ask(f"{worker} commit ssl cert {file}")
    if "Success" not in said:
        ask(f"{worker} abort ssl cert {file}")  # a transaction left open would stand in the way of the next
        raise EdgeError(f"HAProxy refused the certificate: {' '.join(said.split())}")
    return True


def exchange(
    new: Mapping[str, str],
    old: Mapping[str, str],
    write: Callable[[Mapping[str, str]], None],
    hand: Callable[[Mapping[str, str]], bool],
    prove: Callable[[], None],
) -> bool:
    """Put a new certificate where the old one is, on the disk and in HAProxy, or leave everything as it was.

    The files come first: a reload or a restart in between must not bring the old certificate back.

    :param new: path to content
    :param old: the same for what is there; empty when there is nothing yet
    :param hand: gives files to HAProxy and returns whether it serves them
    :param prove: raises when the wire does not show the new certificate
    :returns: whether HAProxy serves it
    """
    write(new)
    handed = False
    try:
        handed = hand(new)
        if handed:
            prove()
    except EdgeError:
        if old:
            write(old)
            if handed:
                hand(old)
        raise
    return handed
