"""The fingerprint that the role compares is the one that GnuPG shows."""

from __future__ import annotations

import base64

import pytest
from golive_core.openpgp import fingerprints
from support import ROOT

# GnuPG made both, and said this of the key.
KEY = (ROOT / "molecule/docker/repository/key.asc").read_text(encoding="utf-8")
FINGERPRINT = "2BDB07E5B7CB66C6A2E8C38E7740765246386F2F"


def armoured(data: bytes, headers: str = "") -> str:
    body = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n{headers}\n{body}-----END PGP PUBLIC KEY BLOCK-----\n"


def test_a_key_has_the_fingerprint_that_gnupg_shows():
    assert fingerprints(KEY) == [FINGERPRINT]


@pytest.mark.parametrize(
    "text",
    [
        f"a line before\n{KEY}and behind\n",
        KEY.replace("\n", "\r\n"),
        KEY.replace("BLOCK-----\n", "BLOCK-----\nComment: hello\n", 1),
    ],
    ids=["text around it", "line ends of another system", "a comment"],
)
def test_what_stands_around_the_key_does_not_matter(text):
    assert fingerprints(text) == [FINGERPRINT]


def test_every_key_counts():
    assert fingerprints(KEY + KEY) == [FINGERPRINT, FINGERPRINT]


def test_a_changed_key_has_another_fingerprint():
    lines = KEY.splitlines(keepends=True)
    lines[3] = lines[3].translate(str.maketrans("AB", "BA"))
    assert fingerprints("".join(lines)) != [FINGERPRINT]


def test_a_key_of_version_6_has_the_longer_fingerprint():
    assert [len(found) for found in fingerprints(armoured(b"\xc6\x03\x06ab"))] == [64]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "holds no public key"),
        ("<html>not found</html>", "holds no public key"),
        (armoured(b"\xc5\x03\x04ab"), "holds no public key"),
        (armoured(b"\xc6\x03\x03ab"), "version 3"),
        (armoured(b"\xc6\x09\x04ab"), "middle of a packet"),
        (armoured(b"\x9b\x04ab"), "unknown length"),
        (armoured(b"\xc6"), "cannot be read"),
        (KEY.replace(KEY.splitlines()[3], "!" * 64), "cannot be read"),
    ],
)
def test_what_is_no_key_is_said(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        fingerprints(text)
