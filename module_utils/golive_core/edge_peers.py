"""How an edge asks another one for the map that it serves: over TLS, and only who can show its name is believed."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from .colours import Live, read_map

LARGEST = 65_536


class Unusable(Exception):
    """A peer answers, but not as one that can be believed; the message is one sentence."""


def ask(peer: Mapping[str, Any], authority: str, deadline: float) -> Live | None:
    """Return the map that a peer serves; None when it does not serve.

    Who refuses the connection does not serve, and is not asked again; what cannot be reached is tried until the end.

    :param peer: its name, address and port
    :param authority: file with the certificate of who vouches for it
    :param deadline: of time.monotonic()
    :raises Unusable: when who answers is not the peer, or answers something else
    """
    context = ssl.create_default_context(cafile=authority)
    while True:
        left = max(0.1, deadline - time.monotonic())
        try:
            with socket.create_connection((peer["address"], peer["port"]), timeout=left) as plain:
                with context.wrap_socket(plain, server_hostname=peer["name"]) as connection:
                    return _understood(peer["name"], _said(connection))
        except ConnectionRefusedError:
            return None
        except ssl.SSLCertVerificationError as error:
            raise Unusable(f"{peer['name']} cannot show that it is {peer['name']}: {error.verify_message}") from error
        except OSError:  # the network is not there yet, or the peer has died
            if time.monotonic() + 0.2 > deadline:
                return None
        time.sleep(0.2)


def _said(connection: ssl.SSLSocket) -> bytes:
    """Return what is answered."""
    connection.sendall(b"GET /map HTTP/1.0\r\n\r\n")
    answer = b""
    while len(answer) < LARGEST and (piece := connection.recv(LARGEST)):
        answer += piece
    return answer


def _understood(name: str, answer: bytes) -> Live:
    """Return the map in an answer.

    :raises Unusable: when there is none
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n")[0].decode(errors="replace")
    if status.split()[1:2] != ["200"]:
        raise Unusable(f'{name} answers "{status}", wanted its map')
    try:
        return read_map(body.decode())
    except ValueError as error:
        raise Unusable(f"{name} answers with a map that cannot be used: {error}") from error
