"""Make an authority that is not ours, with an intermediate: DIRECTORY, then FILE=NAME,NAME... for each certificate."""

from __future__ import annotations

import datetime
import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Signer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def sign(name: str, by: Signer | None, names: list[str]) -> Signer:
    """Return a certificate and its key; an authority when it carries no names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, authority = datetime.datetime.now(datetime.UTC), not names
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    issuer = by[1].public_key() if by else key.public_key()
    builder = (
        x509.CertificateBuilder(by[0].subject if by else subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=800))
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([alt_name(n) for n in names]), critical=False)
    return builder.sign(by[1] if by else key, hashes.SHA256()), key


def alt_name(name: str) -> x509.GeneralName:
    """Return a name or an address in its form."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def main() -> None:
    """Write root.crt, and for each FILE: FILE.crt with the intermediate, FILE.alone.crt without, FILE.key."""
    directory = Path(sys.argv[1])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    root = sign("Somebody else", None, [])
    middle = sign("Somebody else, intermediate", root, [])
    (directory / "root.crt").write_bytes(root[0].public_bytes(Encoding.PEM))
    for argument in sys.argv[2:]:
        file, _, names = argument.partition("=")
        leaf, key = sign(file, middle, names.split(","))
        alone = leaf.public_bytes(Encoding.PEM)
        (directory / f"{file}.alone.crt").write_bytes(alone)
        (directory / f"{file}.crt").write_bytes(alone + middle[0].public_bytes(Encoding.PEM))
        (directory / f"{file}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


if __name__ == "__main__":
    main()
