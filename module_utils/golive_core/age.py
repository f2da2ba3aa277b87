"""Names of keys as age(1) writes them (Bech32, BIP 173). Pure.

The key pair of the archives comes from one secret of the controller's store, so that it is kept, escrowed and vaulted
like all others: the private key is what scrypt makes of the secret, and the hosts only learn the public one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

_DIGITS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_SALT = b"golive state backup, X25519"  # says what the bytes are for; the secret is random already


@cache
def private_key(secret: str) -> bytes:
    """Return the 32 bytes of the X25519 key that belongs to a secret."""
    return hashlib.scrypt(secret.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=32)


def identity(key: bytes) -> str:
    """Return a private key as age reads it from a file."""
    return _bech32("age-secret-key-", key).upper()


def recipient(public: bytes) -> str:
    """Return a public key as age takes it as a recipient."""
    return _bech32("age", public)


def _bech32(prefix: str, data: bytes) -> str:
    digits = _fives(data)
    expanded = [*(ord(one) >> 5 for one in prefix), 0, *(ord(one) & 31 for one in prefix)]
    checked = _polymod([*expanded, *digits, 0, 0, 0, 0, 0, 0]) ^ 1
    return f"{prefix}1" + "".join(_DIGITS[n] for n in [*digits, *((checked >> 5 * (5 - i)) & 31 for i in range(6))])


def _fives(data: bytes) -> list[int]:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[i : i + 5], 2) for i in range(0, len(bits), 5)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    return check
