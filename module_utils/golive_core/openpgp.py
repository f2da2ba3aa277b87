"""The fingerprint of an OpenPGP public key (RFC 9580), without GnuPG."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

PUBLIC_KEY = 6
BLOCK = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*?\n(?:[^\n:]+:[^\n]*\n)*\s*\n(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.S
)


def fingerprints(armoured: str) -> list[str]:
    """Return the fingerprint of each primary key in a text, in capital hexadecimal digits.

    :param armoured: one or more blocks from ``-----BEGIN PGP PUBLIC KEY BLOCK-----`` on
    :raises ValueError: when there is none, or what is there is no key of version 4 or 6
    """
    found = []
    for block in BLOCK.findall(armoured.replace("\r", "")):
        # The last line may be a checksum: = and four characters.
        body = re.sub(r"\n=[A-Za-z0-9+/]{4}\s*$", "\n", block)
        try:
            packets = list(_packets(base64.b64decode("".join(body.split()), validate=True)))
        except (binascii.Error, IndexError) as error:
            raise ValueError(f"the key cannot be read: {error}") from error
        found += [_fingerprint(content) for tag, content in packets if tag == PUBLIC_KEY]
    if not found:
        raise ValueError("the text holds no public key (-----BEGIN PGP PUBLIC KEY BLOCK-----)")
    return found


def _fingerprint(key: bytes) -> str:
    if key[0] == 4:
        return hashlib.sha1(b"\x99" + len(key).to_bytes(2, "big") + key, usedforsecurity=False).hexdigest().upper()
    if key[0] == 6:
        return hashlib.sha256(b"\x9b" + len(key).to_bytes(4, "big") + key).hexdigest().upper()
    raise ValueError(f"the key is of version {key[0]}, wanted 4 or 6")


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give tag and content of each packet (section 4.2)."""
    at = 0
    while at < len(data):
        head = data[at]
        if head & 0x40:
            tag, first = head & 0x3F, data[at + 1]
            if first < 192:
                start, length = at + 2, first
            elif first < 224:
                start, length = at + 3, (first - 192) * 256 + data[at + 2] + 192
            elif first == 255:
                start, length = at + 6, int.from_bytes(data[at + 2 : at + 6], "big")
            else:
                raise ValueError("the key has a packet of unknown length")
        else:
            tag, size = head >> 2 & 0x0F, 1 << (head & 3)
            if not head & 0x80 or size == 8:
                raise ValueError("the key has a packet of unknown length")
            start, length = at + 1 + size, int.from_bytes(data[at + 1 : at + 1 + size], "big")
        if start + length > len(data):
            raise ValueError("the key ends in the middle of a packet")
        yield tag, data[start : start + length]
        at = start + length
