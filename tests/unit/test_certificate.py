"""Certificates before they are served: what is refused and with which words, when to renew, the way into HAProxy."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from golive_core.certificate import (
    Certificate,
    Unfit,
    certbot_reason,
    due,
    examine,
    exchange,
    hand_to_haproxy,
    nonce_refused,
    problem,
)
from golive_core.haproxy import EdgeError

DAY = 86_400
FILE = "/etc/golive/tls/public.pem"


@dataclass
class Signer:
    """An authority, or one below it."""

    key: ec.EllipticCurvePrivateKey
    cert: x509.Certificate

    @property
    def pem(self) -> str:
        return self.cert.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> str:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


def sign(name: str, by: Signer | None, names: tuple[str, ...] = (), days: float = 90, authority: bool = True) -> Signer:
    """Return a certificate with its key; its own authority when nobody signs it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.cert.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False), critical=True
        )
    )
    if by:
        of = by.cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(of), critical=False
        )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    return Signer(key, builder.sign(by.key if by else key, hashes.SHA256()))


ROOT = sign("root", None, days=3650)
MIDDLE = sign("middle", ROOT, days=3650)
NAMES = ("football.test", "www.football.test")
LEAF = sign("football.test", MIDDLE, NAMES, authority=False)
CHAIN = LEAF.pem + MIDDLE.pem
KEY = key_pem(LEAF.key)


def test_a_good_certificate_is_told() -> None:
    found = examine(CHAIN, KEY, ROOT.pem, NAMES)
    assert found.names == NAMES
    assert int(found.serial, 16) == LEAF.cert.serial_number
    assert round(found.days_left(time.time())) == 90


OLD = sign("football.test", MIDDLE, NAMES, days=-1, authority=False)


@pytest.mark.parametrize(
    ("chain", "key", "authority", "names", "said"),
    [
        (CHAIN, key_pem(MIDDLE.key), ROOT.pem, NAMES, "the key does not belong to the certificate"),
        (LEAF.pem, KEY, ROOT.pem, NAMES, "an intermediate certificate is missing"),
        (CHAIN, KEY, sign("other", None).pem, NAMES, "or another authority issued it"),
        (CHAIN, KEY, "", NAMES, "or another authority issued it"),
        (CHAIN, KEY, ROOT.pem, ("football.test", "api.test"), "does not carry the name api.test, only football.test"),
        (CHAIN, KEY, ROOT.pem, ("192.0.2.7",), "does not carry the name 192.0.2.7, only football.test"),
        (OLD.pem + MIDDLE.pem, key_pem(OLD.key), ROOT.pem, NAMES, "certificate has expired"),
        (CHAIN, key_pem(LEAF.key, b"secret"), ROOT.pem, NAMES, "the key is encrypted"),
        ("", KEY, ROOT.pem, NAMES, "must be PEM"),
        (CHAIN, KEY, "nonsense", NAMES, "the authority cannot be read"),
    ],
)
def test_what_a_client_would_refuse_is_unfit(chain, key, authority, names, said) -> None:
    with pytest.raises(Unfit, match=said):
        examine(chain, key, authority, names)
    assert said in problem(chain, key, authority, names, 0, time.time())


def test_one_that_ends_soon_is_a_problem() -> None:
    now = time.time()
    assert problem(CHAIN, KEY, ROOT.pem, NAMES, 30, now) == ""
    assert "it ends in 90.0 days, wanted more than 95" in problem(CHAIN, KEY, ROOT.pem, NAMES, 95, now)


@pytest.mark.parametrize(
    ("life_days", "left_days", "is_due"),
    [(90, 31, False), (90, 29, True), (397, 31, False), (397, 29, True), (6, 2.1, False), (6, 1.9, True)],
)
def test_renewal_is_due_by_days_or_by_a_third_of_a_short_life(life_days, left_days, is_due) -> None:
    now = time.time()
    ends = now + left_days * DAY
    found = Certificate("01", (), ends - life_days * DAY, ends)
    assert bool(due(found, 30, now)) is is_due


DENIED = """Saving debug log to /var/log/x
Certbot failed to authenticate some domains (authenticator: standalone). The authority reported these problems:
  Domain: football.test
  Type:   connection
  Detail: 192.0.2.1: Fetching http://football.test/.well-known/acme-challenge/x: Connection refused

Hint: The Certificate Authority failed to download the challenge files

Some challenges have failed.
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile /var/log/x
"""
UNEXPECTED = """Saving debug log to /var/log/x
An unexpected error occurred:
JWS has an invalid anti-replay nonce: _K5z
Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile /var/log/x
"""
# What stands in certbot's log: a refusal that its second try got over, and how the run ended.
REPEATED = """2026-01-02 03:04:05,006:DEBUG:acme.client:Retrying request after error:
urn:ietf:params:acme:error:badNonce :: The client sent an unacceptable anti-replay nonce :: JWS has an invalid nonce
"""
ENDED = """2026-01-02 03:04:06,007:DEBUG:certbot._internal.log:Exiting abnormally:
Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/acme/client.py", line 741, in post
    return self._post_once(*args, **kwargs)
acme.messages.Error: urn:ietf:params:acme:error:badNonce :: The client sent an unacceptable anti-replay nonce :: JWS

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
acme.messages.Error: urn:ietf:params:acme:error:{kind} :: what it means :: detail
2026-01-02 03:04:06,008:ERROR:certbot._internal.log:An unexpected error occurred:
2026-01-02 03:04:06,008:ERROR:certbot._internal.log:detail
"""


@pytest.mark.parametrize(
    ("output", "said"),
    [(DENIED, "Connection refused"), (UNEXPECTED, "JWS has an invalid anti-replay nonce"), ("", "it said nothing")],
)
def test_the_reason_is_found_in_what_certbot_prints(output, said) -> None:
    assert said in certbot_reason(output)
    assert "help" not in certbot_reason(output)


@pytest.mark.parametrize(
    ("log", "refused"),
    [
        (REPEATED + ENDED.format(kind="badNonce"), True),
        (REPEATED + ENDED.format(kind="rateLimited"), False),
        (REPEATED, False),
        ("", False),
    ],
)
def test_a_run_that_a_nonce_ended_is_told_from_others(log, refused) -> None:
    assert nonce_refused(log) is refused


class Haproxy:
    """The runtime commands of HAProxy 3.0 with one certificate; its answers are those of a real one."""

    def __init__(self, file: str = FILE, accepts: bool = True) -> None:
        self.file, self.accepts = file, accepts
        self.served, self.open = "old", ""
        self.asked: list[str] = []

    def __call__(self, command: str) -> str:
        self.asked.append(command.partition("<<")[0].strip())
        if command == "show proc":
            return "#<PID>\n534 master 0\n# workers\n577 worker 0\n# old workers\n536 worker 1\n"
        assert command.startswith("@!577 "), "only the newest worker takes new connections"
        if "show ssl cert" in command:
            return f"# filename\n{self.file}\n\n"
        if "set ssl cert" in command:
            self.open = command.partition("<<\n")[2].strip()
            return f"Transaction created for certificate {FILE}!\n\n"
        if "commit" in command and not self.accepts:
            return f"inconsistencies between private key and certificate loaded '{FILE}'.\nCan't commit {FILE}!\n\n"
        if "commit" in command:
            self.served = self.open
        self.open = ""
        return f"Committing {FILE}.\nSuccess!\n\n"


def test_haproxy_takes_a_certificate() -> None:
    haproxy = Haproxy()
    assert hand_to_haproxy(haproxy, FILE, "new\n")
    assert haproxy.served == "new"


def test_haproxy_that_does_not_serve_the_file_is_left_alone() -> None:
    haproxy = Haproxy(file="/etc/golive/tls/host.pem")
    assert not hand_to_haproxy(haproxy, FILE, "new")
    assert not any("set" in command for command in haproxy.asked)


def test_what_haproxy_refuses_is_aborted() -> None:
    haproxy = Haproxy(accepts=False)
    with pytest.raises(EdgeError, match=r"refused the certificate: inconsistencies .* Can't commit"):
        hand_to_haproxy(haproxy, FILE, "new")
    assert (haproxy.served, haproxy.open) == ("old", "")


@pytest.mark.parametrize("fails", ["", "commit", "wire"])
def test_everything_is_new_or_everything_is_as_it_was(fails: str) -> None:
    haproxy = Haproxy(accepts=fails != "commit")
    disk = {FILE: "old"}

    def prove() -> None:
        assert (haproxy.served, disk[FILE]) == ("new", "new")
        if fails == "wire":
            raise EdgeError("another certificate is on the wire")

    def run() -> bool:
        return exchange(
            {FILE: "new"}, dict(disk), disk.update, lambda files: hand_to_haproxy(haproxy, FILE, files[FILE]), prove
        )

    if fails:
        with pytest.raises(EdgeError):
            run()
    else:
        assert run()
    wanted = "old" if fails else "new"
    assert (haproxy.served, disk[FILE], haproxy.open) == (wanted, wanted, "")


def test_the_first_certificate_stays_even_when_haproxy_does_not_take_it() -> None:
    disk: dict[str, str] = {}
    with pytest.raises(EdgeError):
        exchange({FILE: "new"}, {}, disk.update, lambda _: hand_to_haproxy(Haproxy(accepts=False), FILE, "new"), list)
    assert disk == {FILE: "new"}
