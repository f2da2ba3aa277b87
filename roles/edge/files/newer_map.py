"""Before HAProxy starts: take the map of a peer that was switched while this edge was away.

    golive-newer-map.service        write it to the map file, or leave that as it is
    newer-map try                   say what each peer answers, write nothing; fails when one answers nonsense

Who is not reached within a few seconds is not waited for: an edge alone must serve. A peer that refuses the connection
does not serve either, and is not asked again.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from golive_core.colours import Live, read_map, replace_map

SETTINGS = Path("/etc/haproxy/peers.json")  # what role edge wrote
MASTER_SOCKET = "/run/haproxy-master.sock"
WITHIN_SECONDS = 5.0  # for all peers together; the network of a host that boots may come up meanwhile
LARGEST = 65_536


class Unusable(Exception):
    """A peer answers, but not as one that can be believed; the message is one sentence."""


def ask(peer: Mapping[str, Any], authority: str, deadline: float) -> Live | None:
    """Return the map that a peer serves; None when it does not serve.

    :raises Unusable: when who answers is not the peer, or answers something else
    """
    context = ssl.create_default_context(cafile=authority)
    while True:
        left = max(0.1, deadline - time.monotonic())
        try:
            with socket.create_connection((peer["address"], peer["port"]), timeout=left) as plain:
                with context.wrap_socket(plain, server_hostname=peer["name"]) as connection:
                    return understood(peer["name"], said(connection))
        except ConnectionRefusedError:
            return None
        except ssl.SSLCertVerificationError as error:
            raise Unusable(f"{peer['name']} cannot show that it is {peer['name']}: {error.verify_message}") from error
        except OSError:  # the network is not there yet, or the peer has died
            if time.monotonic() + 0.2 > deadline:
                return None
        time.sleep(0.2)


def said(connection: ssl.SSLSocket) -> bytes:
    """Return what is answered."""
    connection.sendall(b"GET /map HTTP/1.0\r\n\r\n")
    answer = b""
    while len(answer) < LARGEST and (piece := connection.recv(LARGEST)):
        answer += piece
    return answer


def understood(name: str, answer: bytes) -> Live:
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


def serving() -> bool:
    """Whether HAProxy runs here: then the map is its workers' as well, and edge_switch alone may change it."""
    with socket.socket(socket.AF_UNIX) as master:
        master.settimeout(1)
        try:
            master.connect(MASTER_SOCKET)
        except OSError:
            return False
        return True


def main(trying: bool) -> int:
    """Ask all peers at once, take the newest map."""
    if not trying and serving():
        print("HAProxy serves already.")
        return 0
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    path = Path(settings["map_file"])
    # Like edge_switch, which writes the same file. Given back when the program ends.
    fcntl.flock(os.open(path.parent, os.O_RDONLY), fcntl.LOCK_SH if trying else fcntl.LOCK_EX)
    deadline = time.monotonic() + WITHIN_SECONDS
    peers, others, unusable = settings["peers"], [], 0
    with ThreadPoolExecutor(len(peers)) as pool:
        asked = [pool.submit(ask, peer, settings["authority"], deadline) for peer in peers]
        for peer, answer in zip(peers, asked, strict=True):
            try:
                live = answer.result()
            except Unusable as error:
                unusable += 1
                print(f"{error}.")
                continue
            print(f"{peer['name']}: {f'{live.described}, switch {live.generation}' if live else 'does not serve'}.")
            others += [live] if live else []
    own = read_map(path.read_text(encoding="utf-8"))
    newest = own.after_asking(others)
    if trying:
        return 1 if unusable else 0
    if newest != own:
        replace_map(path, newest)
        print(
            f"Took {newest.described} of switch {newest.generation}; here it was {own.described} of {own.generation}."
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["try"]))
