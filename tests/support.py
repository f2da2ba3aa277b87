"""What tests of several files share: servers with planted faults, certificates, a release with its evidence."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import ipaddress
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from golive_core.evidence import Check, measure
from golive_core.measurement import Measurement

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "tests" / "integration" / "server.py"
NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)

Run = Callable[..., dict[str, Any]]  # of a module: what it returned


def program(path: str) -> ModuleType:
    """Return a program of the project that stands on the hosts alone, as a module; from the root of the project."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[int]:
    """Run tests/integration/server.py and give its port."""
    command = [sys.executable, str(SERVER), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.terminate()


# --- certificates


@dataclass(frozen=True)
class Certificates:
    """An authority, and a way to have certificates made by it."""

    directory: Path
    authority: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def ca_file(self) -> str:
        """Return the file of the authority."""
        return str(self.directory / "ca.crt")

    def issue(self, name: str, days: int = 90, responder: str = "") -> tuple[str, str]:
        """Make a certificate for a name and 127.0.0.1, which may name a responder; return its file and the key's."""
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(self.authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=400))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(issuer_key, critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        )
        if responder:
            place = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        stem = self.directory / f"{name}-{days}"
        stem.with_suffix(".crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        stem.with_suffix(".key").write_bytes(_private_bytes(key))
        return str(stem.with_suffix(".crt")), str(stem.with_suffix(".key"))


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_authority(directory: Path) -> Certificates:
    """Make an authority whose certificate lies in DIRECTORY/ca.crt."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "golive test authority")])
    no_usage = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    usage = dict.fromkeys([*no_usage.split(), "encipher_only", "decipher_only"], False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=500))
        .not_valid_after(now + timedelta(days=500))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (directory / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Certificates(directory, certificate, key)


# --- evidence

RELEASE = {"release": "1.4.0", "commit": "3f2a9c1" + "0" * 33, "image_id": "sha256:" + "a" * 64}
JUNIT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="0" tests="99">
<testcase classname="tests.test_a" name="test_one" time="0.1" />
<testcase classname="tests.test_a" name="test_two" time="0.1">%s</testcase>
<testcase classname="tests.test_a" name="test_three"><skipped message="no" /></testcase>
</testsuite></testsuites>"""
MYPY = """<?xml version="1.0"?><testsuite errors="0" failures="%d" name="mypy" skips="0" tests="1" time="1">
<testcase classname="mypy" file="mypy" line="1" name="mypy-py3_13-linux" time="1">%s</testcase></testsuite>"""
COVERAGE = {
    "meta": {},
    "files": {},
    "totals": {"percent_covered": 91.4, "num_statements": 1_200, "covered_lines": 1_097},
}
BANDIT = {
    "errors": [],
    "metrics": {"_totals": {"loc": 900}, "app/main.py": {"loc": 500}, "app/db.py": {"loc": 400}},
    "results": [
        {
            "filename": "app/main.py",
            "line_number": 3,
            "test_id": "B105",
            "issue_text": "password",
            "issue_severity": "LOW",
        },
        {"filename": "app/db.py", "line_number": 9, "test_id": "B608", "issue_text": "SQL", "issue_severity": "MEDIUM"},
    ],
}


class Release:
    """A release's directory that passes every check, to be spoilt by a test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = directory / "evidence"
        self.folder.mkdir()
        self.json(directory / "release.json", RELEASE)
        self.write("junit.xml", JUNIT % "")
        self.write("mypy.xml", MYPY % (0, ""))
        self.write("coverage.json", json.dumps(COVERAGE))
        self.write("ruff.json", "[]")
        self.write("bandit.json", json.dumps(BANDIT))
        self.seal()

    def write(self, name: str, text: str | bytes) -> None:
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def json(self, path: Path, document: Any) -> None:
        path.write_text(json.dumps(document))

    def seal(self, **changes: Any) -> None:
        """Write evidence.json over the reports as they are; `reports` changes some of them."""
        reports = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in self.folder.iterdir()
            if file.name != "evidence.json"
        }
        created = (NOW - timedelta(minutes=12)).isoformat().replace("+00:00", "Z")
        reports |= changes.pop("reports", {})
        evidence = {**RELEASE, "dirty": False, "created": created, "reports": reports, **changes}
        self.json(self.folder / "evidence.json", evidence)

    def ask(self, kind: str, **options: Any) -> Measurement:
        return measure(self.directory, Check(f"evidence.{kind}", kind, **options), NOW)
