"""The OCSP answer that a TLS server staples to its certificate (RFC 6066, section 8, and RFC 6960).

Python's ssl module has no way to ask for it, so `openssl s_client -status` does. It shows the answer without verifying
its signature; what is judged here is whether the server keeps its staple fresh, not whether somebody forged one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from . import http

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_STATUS = re.compile(r"Cert Status: (\w+)")
_UNTIL = re.compile(r"Next Update: (.+ GMT)")


@dataclass(frozen=True)
class Staple:
    """What was stapled.

    `status` is good, revoked or unknown, and empty when nothing was; `until` is when the answer ends, None when it does
    not say; `responder` is the address that the certificate names for OCSP, empty when it names none.
    """

    status: str
    until: datetime | None = None
    responder: str = ""

    def problem(self, now: datetime) -> str:
        """Return what is wrong with it at that time; empty when nothing is."""
        if not self.status:
            return f"no OCSP answer is stapled, though the certificate names {self.responder}" if self.responder else ""
        if self.status != "good":
            return f"the stapled OCSP answer says {self.status}"
        if self.until and self.until <= now:
            return f"the stapled OCSP answer ended at {self.until:%Y-%m-%d %H:%M} UTC"
        return ""

    def __str__(self) -> str:
        if not self.status:
            return "no OCSP answer is stapled, and the certificate names no responder"
        ends = f", until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"the stapled OCSP answer says {self.status}{ends}"


def read(said: str, responder: str = "") -> Staple:
    """Return the staple that `openssl s_client -status` has printed."""
    status = _STATUS.search(said)
    if "OCSP Response Status: successful" not in said or not status:
        return Staple("", responder=responder)
    until = _UNTIL.search(said)
    ends = datetime.strptime(until[1], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC) if until else None
    return Staple(status[1], ends, responder)


def ask(host: str, port: int, name: str, timeout: float) -> Staple:
    """Connect, and return what the server staples.

    :param name: the name that is asked for
    :raises http.NoAnswer: when there is no TLS to look at, or this host has no `openssl`
    """
    address = f"[{host}]" if ":" in host else host
    said = _openssl(["s_client", "-connect", f"{address}:{port}", "-servername", name, "-status"], "", timeout)
    certificate = _CERTIFICATE.search(said)
    if not certificate:
        raise http.NoAnswer("tls", f"{host}:{port} shows no certificate")
    return read(said, _openssl(["x509", "-noout", "-ocsp_uri"], certificate[0], timeout).strip())


def _openssl(words: Sequence[str], given: str, timeout: float) -> str:
    command = ["openssl", *words]
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise http.NoAnswer("tls", "OCSP cannot be asked for: this host has no command `openssl`") from error
    except subprocess.TimeoutExpired as error:
        raise http.NoAnswer("timeout", f"openssl {words[0]} got no answer within {timeout:g} s") from error
    return done.stdout
