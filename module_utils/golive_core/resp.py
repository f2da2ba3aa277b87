"""The Redis protocol (RESP 2), over TLS, as far as a probe needs it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import BinaryIO

Reply = str | int | list["Reply"] | None


class Refused(Exception):
    """The server answered, and the answer was no."""


class Unreachable(Exception):
    """No server answered, so nothing is known about what it would say."""


def encode(command: Sequence[str]) -> bytes:
    """Return a command as an array of bulk strings."""
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def read_reply(stream: BinaryIO) -> Reply:
    """Read one reply.

    :raises Refused: for an error reply, and when the server closes instead of replying
    :raises ValueError: for what is not RESP
    """
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise Refused("the server closed the connection without a reply")
    kind, text = line[:1], line[1:-2].decode(errors="replace")
    if kind == b"+":
        return text
    if kind == b"-":
        raise Refused(text)
    if kind == b":":
        return int(text)
    if kind == b"$":
        return None if text == "-1" else stream.read(int(text) + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return None if text == "-1" else [read_reply(stream) for _ in range(int(text))]
    raise ValueError(f"not a Redis reply: {line[:40]!r}")


@contextlib.contextmanager
def connected(host: str, port: int, ca_file: str | None, timeout: float) -> Iterator[BinaryIO]:
    """Connect, with TLS when there is a `ca_file` to verify the server with, and yield the stream.

    :raises Unreachable: when there is no connection, or the certificate is not to be trusted
    """
    try:
        raw = socket.create_connection((host, port), timeout)
        if ca_file:
            raw = ssl.create_default_context(cafile=ca_file).wrap_socket(raw, server_hostname=host)
    except OSError as error:
        raise Unreachable(f"{host}:{port}: {error}") from error
    with raw, raw.makefile("rwb") as stream:
        yield stream  # type: ignore[misc]


def ask(
    host: str,
    port: int,
    commands: Sequence[Sequence[str]],
    *,
    user: str = "",
    password: str = "",
    ca_file: str | None = None,
    timeout: float = 5.0,
) -> Reply:
    """Log in, run the commands in one connection, and return the reply to the last.

    :raises Refused: when the server says no to the login or to a command
    :raises Unreachable: when there is no server to say anything
    """
    login = [["AUTH", user, password]] if user else []
    reply: Reply = None
    with connected(host, port, ca_file, timeout) as stream:
        try:
            for command in [*login, *commands]:
                stream.write(encode(command))
                stream.flush()
                reply = read_reply(stream)
        except ConnectionError as error:
            raise Refused(f"the server closed the connection: {error}") from error
        except TimeoutError as error:
            raise Unreachable(f"{host}:{port}: no reply within {timeout:g} s") from error
    return reply
