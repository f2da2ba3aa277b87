"""One switch of an edge: the map file first, then every worker; both back when a worker refuses."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .colours import COLOURS, Live, replace_map
from .haproxy import Edge, EdgeError


@contextmanager
def one_at_a_time(map_file: Path) -> Iterator[None]:
    """Keep other switches of this edge out while the block runs."""
    directory = os.open(map_file.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def switch(edge: Edge, path: Path, before: Live, wanted: Live) -> list[int]:
    """Write the file, tell the workers; return their pids.

    :raises EdgeError: when a worker does not take it; then file and workers have what they had
    """
    replace_map(path, wanted)
    try:
        return list(edge.set_map(wanted))
    except EdgeError as error:
        replace_map(path, before)
        try:
            edge.set_map(before)
        except EdgeError as second:
            raise EdgeError(f"{error}; the map file says {before.live} again, but {second}") from error
        raise EdgeError(f"{error}; {before.live} serves as before") from error


def released(live: Live, colour: str) -> str:
    """Return the release of a colour by the map; nothing where none serves."""
    return str(getattr(live, f"release_{colour}")) if colour in COLOURS else ""


def note_return(path: Path, before: Live, wanted: Live) -> None:
    """Note what serves before a switch: `generation` is that of the map after it, so an older note leads nowhere."""
    note = {
        "generation": wanted.generation,
        "colour": wanted.live,
        "release": released(wanted, wanted.live),
        "back_colour": before.live,
        "back_release": released(before, before.live),
    }
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(note, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def way_back(path: Path, live: Live) -> dict[str, Any]:
    """Return the note of the switch that the map comes from; {} when there is none, or it is of another switch."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    fits = isinstance(note, dict) and (note.get("generation"), note.get("colour")) == (live.generation, live.live)
    return dict(note) if fits else {}
