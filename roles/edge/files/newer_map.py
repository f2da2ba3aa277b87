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
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from golive_core.colours import read_map, replace_map
from golive_core.edge_peers import Unusable, ask

SETTINGS = Path("/etc/haproxy/peers.json")  # what role edge wrote
MASTER_SOCKET = "/run/haproxy-master.sock"
WITHIN_SECONDS = 5.0  # for all peers together; the network of a host that boots may come up meanwhile


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
