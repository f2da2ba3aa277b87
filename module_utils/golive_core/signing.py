"""Sign a text with an SSH key, and tell whose signature it is, with ssh-keygen alone: no server, no other package.

The formats are those of OpenSSH: SSHSIG (PROTOCOL.sshsig) and ALLOWED SIGNERS (ssh-keygen(1)). ``-Y check-novalidate``
is never used: it accepts every signer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

NAMESPACE = "golive-record"
KEY_NAME = "record_key"
ALLOWED_NAME = "allowed_signers"
NO_TOOL = "ssh-keygen is not installed on this machine; install openssh-client"
SECONDS = 30


class SigningError(Exception):
    """Why something could not be signed, or whose signature cannot be trusted: a sentence without its full stop."""


@dataclass(frozen=True)
class Signature:
    """What a signature says of itself, before anybody has checked it.

    `fingerprint` is that of the key, as ``ssh-keygen -l`` shows it.
    """

    namespace: str
    fingerprint: str


def home(directory: Path) -> Path:
    """Return where key and allowed signers of a record lie unless said otherwise: beside the directory of all records.

    :param directory: the record's own directory
    """
    return directory.absolute().parent.parent / "signing"


def identity(user: str, host: str) -> str:
    """Return user@host as a principal of an allowed-signers file, in which space, comma, wildcards and ! mean more."""
    return re.sub(r"[^A-Za-z0-9._@-]", "-", f"{user}@{host}")


def _ssh_keygen(words: Sequence[str | Path], data: bytes = b"") -> bytes:
    """Run ssh-keygen and return what it printed.

    :raises SigningError: with what it complained of
    """
    # It must never wait for a passphrase: a session of its own has no terminal, and no window is opened.
    environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    command = ["ssh-keygen", *map(str, words)]
    try:
        done = subprocess.run(
            command,
            input=data,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env=environment,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SigningError(NO_TOOL) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SigningError(f"ssh-keygen did not do it: {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")
        lines = [line.strip().rstrip(".") for line in said.splitlines() if line.strip(" @\r")]
        raise SigningError("; ".join(lines[:4]) or f"ssh-keygen ended with exit code {done.returncode}")
    return done.stdout


def make_key(key: Path, allowed: Path, who: str, namespace: str = NAMESPACE) -> bool:
    """Make a signing key (ed25519, 0600) and the file that names it, once; what is there already stays.

    :param who: the identity under which the file names the key
    :param namespace: what it may sign
    :returns: whether a key was made
    :raises SigningError: when that is not possible
    """
    made = False
    try:
        key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not key.exists():
            with tempfile.TemporaryDirectory(dir=key.parent) as scratch:
                draft = Path(scratch) / "key"
                _ssh_keygen(
                    ["-q", "-t", "ed25519", "-N", "", "-C", f"{namespace.replace('-', ' ')}, {who}", "-f", draft]
                )
                # Whoever links first wins: two runs that begin together sign with one key.
                with suppress(FileExistsError):
                    os.link(draft, key)
                    made = True
        if not allowed.exists():
            public = " ".join(_ssh_keygen(["-y", "-f", key]).decode().split()[:2])
            with suppress(FileExistsError), allowed.open("x", encoding="utf-8") as file:
                file.write(f'{who} namespaces="{namespace}" {public}\n')
    except OSError as error:
        raise SigningError(f"no key can be made in {key.parent}: {error}") from error
    return made


def sign(data: bytes, key: Path, namespace: str = NAMESPACE) -> str:
    """Return the armoured signature of a text.

    :param key: private key, or a public one whose private half an SSH agent holds
    :param namespace: what kind of text it is: a signature of another kind is worth nothing
    :raises SigningError: when that is not possible: no such key, a passphrase, readable by others, no ssh-keygen
    """
    if not key.exists():
        raise SigningError(f"there is no key {key}")
    try:
        return _ssh_keygen(["-q", "-Y", "sign", "-n", namespace, "-f", key], data).decode()
    except SigningError as error:
        raise SigningError(f"the key {key} cannot sign: {error}") from error


def read_signature(armoured: str) -> Signature:
    """Return what a signature says of itself.

    :raises SigningError: when it is none
    """
    lines = [line.strip() for line in armoured.strip().splitlines()]
    try:
        if lines[0] != "-----BEGIN SSH SIGNATURE-----" or lines[-1] != "-----END SSH SIGNATURE-----":
            raise ValueError
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        if blob[:6] != b"SSHSIG":
            raise ValueError
        key, rest = _string(blob[10:])  # a version of four bytes is in between
        namespace, _ = _string(rest)
        fingerprint = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
        return Signature(namespace.decode(), f"SHA256:{fingerprint}")
    except (ValueError, IndexError, struct.error, binascii.Error) as error:
        raise SigningError("it is not a signature of ssh-keygen") from error


def _string(blob: bytes) -> tuple[bytes, bytes]:
    """Return the first string of SSH's wire format (RFC 4251, section 5), and what comes after it."""
    (length,) = struct.unpack(">I", blob[:4])
    if len(blob) < 4 + length:
        raise ValueError
    return blob[4 : 4 + length], blob[4 + length :]


def signer(data: bytes, signature: Path, allowed: Path, namespace: str = NAMESPACE) -> str:
    """Return the identity of whoever signed a text.

    :param signature: file with the armoured signature
    :param allowed: allowed-signers file
    :param namespace: the kind of text that must have been signed
    :raises SigningError: when nobody known did, with a sentence that says what to do
    """
    seen = read_signature(signature.read_text(encoding="utf-8", errors="replace"))
    if seen.namespace != namespace:
        raise SigningError(
            f'it was made for "{seen.namespace}", wanted "{namespace}": a signature of something else was put there'
        )
    if not allowed.is_file():
        raise SigningError(f"there is no list of allowed signers {allowed}; name the file that has them")
    try:
        found = _ssh_keygen(["-Y", "find-principals", "-s", signature, "-f", allowed]).decode().split("\n")
    except SigningError as error:
        if str(error) == NO_TOOL:
            raise
        raise SigningError(
            f"{allowed} does not name its key {seen.fingerprint}; trust it only when you know whose key that is, and "
            "then add its line there"
        ) from error
    who = next(name for name in found if name)
    try:
        _ssh_keygen(["-Y", "verify", "-n", namespace, "-s", signature, "-I", who, "-f", allowed], data)
    except SigningError as error:
        raise SigningError(f"it is not the text that {who} signed") from error
    return who
