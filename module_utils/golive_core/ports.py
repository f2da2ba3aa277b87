"""Whether TCP ports of other hosts can be reached from here."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

from .measurement import summarise

State = Literal["open", "refused", "filtered", "unknown"]
Expectation = Literal["open", "closed"]

_AT_ONCE = 64


class Seen(NamedTuple):
    """What came of one connection; `why` is the system's word when nothing is known."""

    place: str
    state: State
    why: str = ""


def connect(host: str, port: int, timeout: float) -> Seen:
    """Try to connect.

    Open: somebody accepted. Refused: the host answered that nobody listens. Filtered: nothing came back, or a word that
    the way is closed. Unknown: the try never left this host (no such name, no route).
    """
    place = f"{host}:{port}"
    try:
        socket.create_connection((host, port), timeout).close()
    except ConnectionRefusedError:
        return Seen(place, "refused")
    except TimeoutError:
        return Seen(place, "filtered")
    except OSError as error:
        state: State = "filtered" if error.errno == errno.EHOSTUNREACH else "unknown"
        return Seen(place, state, str(error.strerror or error))
    return Seen(place, "open")


def connect_all(hosts: Iterable[str], ports: Sequence[int], timeout: float) -> list[Seen]:
    """Try every port of every host, many at once: each that is filtered takes the whole time-out."""
    places = [(host, port) for host in hosts for port in ports]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda place: connect(place[0], place[1], timeout), places))


def wrong(seen: Iterable[Seen], expect: Expectation) -> list[Seen]:
    """Return what did not end as expected. Filtered and refused are both closed; what is unknown is neither."""
    return [row for row in seen if row.state == "unknown" or (row.state == "open") != (expect == "open")]


def sentence(seen: Sequence[Seen], expect: Expectation, source: str) -> str:
    """Return what was seen from `source`: what is wrong, or else the places by their state."""
    if failed := wrong(seen, expect):
        told = (f"{row.place} {row.why or row.state} from {source}, wanted {expect}" for row in failed)
        return summarise(told)
    by_state = {state: [row.place for row in seen if row.state == state] for state in ("open", "refused", "filtered")}
    parts = [f"{state} from {source}: {', '.join(places)}" for state, places in by_state.items() if places]
    return "; ".join(parts)
