"""Which colour serves: the map file of an edge, its only home between reboots."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

COLOURS = ("blue", "green")
NONE = "none"  # before the first release; be_none answers 503
MAINTENANCE = ("off", "hold", "page")  # whoever is not known: is served, waits, is told to come back
# Who is in a canary's share: clients, with their lot in a cookie; requests, one by one; declared addresses that ask.
CANARY_BY = ("cookie", "random", "header")
MAP_FILE = "/etc/haproxy/live.map"


def other(colour: str) -> str:
    """Return the colour that a release comes up in while `colour` serves; blue while none does."""
    return "green" if colour == "blue" else "blue"


@dataclass(frozen=True)
class Live:
    """Content of the map, one entry a field.

    Who serves, who gets a share of the clients beside it, how often that changed, whether the public is served, which
    release each colour has, for the access log, and who is in the share.
    """

    live: str = NONE
    canary: str = NONE
    canary_share: int = 0
    generation: int = 0
    maintenance: str = MAINTENANCE[0]
    release_blue: str = NONE
    release_green: str = NONE
    canary_by: str = CANARY_BY[0]

    def __post_init__(self) -> None:
        """Refuse what the edge could not serve.

        :raises ValueError: naming the entry that is wrong
        """
        for key, colour in (("live", self.live), ("canary", self.canary)):
            if colour not in (*COLOURS, NONE):
                raise ValueError(f'{key} is "{colour}", wanted one of {", ".join((*COLOURS, NONE))}')
        if self.maintenance not in MAINTENANCE:
            raise ValueError(f'maintenance is "{self.maintenance}", wanted one of {", ".join(MAINTENANCE)}')
        for release in (self.release_blue, self.release_green):
            if not re.fullmatch(r"[\w.+-]{1,128}", release, re.ASCII):
                raise ValueError(f'the release is "{release}", wanted letters, digits and ._+- only')
        if self.canary_by not in CANARY_BY:
            raise ValueError(f'canary_by is "{self.canary_by}", wanted one of {", ".join(CANARY_BY)}')
        if not 0 <= self.canary_share <= 100:
            raise ValueError(f"canary_share is {self.canary_share}, wanted 0 to 100")
        if self.canary_share and (self.live == NONE or self.canary != other(self.live)):
            raise ValueError(f"a canary share of {self.canary_share} needs a live colour and the other one as canary")

    def becoming(
        self,
        colour: str | None,
        canary_share: int = 0,
        maintenance: str | None = None,
        release: str | None = None,
        at_least: int = 0,
        canary_by: str = CANARY_BY[0],
        canary_release: str | None = None,
    ) -> Live:
        """Return the map that follows this one; None leaves as it is, and the generation counts changes of traffic.

        :param canary_share: per cent of the clients that the other colour gets, when a colour is given
        :param canary_by: how these are chosen; without a share it says nothing
        :param canary_release: what the other colour runs
        :param release: what the colour runs
        :param at_least: the generation is no lower, whether or not traffic changes
        :raises ValueError: when the edge could not serve it
        """
        wanted = replace(self, maintenance=maintenance or self.maintenance)
        if colour is not None:
            canary = other(colour) if canary_share else NONE
            chosen_by = canary_by if canary_share else CANARY_BY[0]
            wanted = replace(wanted, live=colour, canary=canary, canary_share=canary_share, canary_by=chosen_by)
        named: dict[str, Any] = {}
        if release is not None:
            if colour not in COLOURS:
                raise ValueError(f"release {release} needs a colour that runs it, not {colour}")
            named[f"release_{colour}"] = release
        if canary_release is not None:
            named[f"release_{wanted.canary}"] = canary_release
        wanted = replace(wanted, **named)
        changed = wanted.traffic != self.traffic
        return replace(wanted, generation=max(self.generation + changed, at_least))

    def after_asking(self, others: Iterable[Live]) -> Live:
        """Return the map with which an edge begins that has asked those that serve.

        A higher generation was switched while this edge was away. Of the same one, what the generation does not count
        is theirs: they served meanwhile. Where the traffic of the same generation differs, nobody is known to be newer.
        """
        newest = max(others, key=lambda other: other.generation, default=self)
        if newest.generation > self.generation:
            return newest
        return newest if (newest.generation, newest.traffic) == (self.generation, self.traffic) else self

    @property
    def traffic(self) -> tuple[str, str, int, str]:
        """What the generation counts: which colours get requests."""
        return self.live, self.canary, self.canary_share, self.canary_by

    @property
    def described(self) -> str:
        """What serves, in a few words."""
        share = f" with {self.canary_share} % for {self.canary}" if self.canary_share else ""
        closed = f" with maintenance {self.maintenance}" if self.maintenance != MAINTENANCE[0] else ""
        return f"{self.live}{share}{closed}"

    def entries(self) -> dict[str, str]:
        """Return the keys and values of the map."""
        return {key: str(value) for key, value in asdict(self).items()}


def from_entries(entries: Mapping[str, str]) -> Live:
    """Read the map from its keys and values.

    :raises ValueError: when an entry is missing or cannot be served
    """
    optional = {"canary_by", "maintenance", "release_blue", "release_green"}  # the map of an older golive lacks them
    keys = [field.name for field in fields(Live)]
    if missing := [key for key in keys if key not in entries and key not in optional]:
        raise ValueError(f"it has no {', '.join(missing)}")
    known: dict[str, Any] = {key: entries[key] for key in keys if key in entries}
    return Live(**known | {key: int(known[key]) for key in ("canary_share", "generation")})


def read_map(text: str) -> Live:
    """Read the map file: one `key value` a line, comments begin with #.

    :raises ValueError: when an entry is missing or cannot be served
    """
    rows = (line.split(None, 1) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return from_entries({row[0]: row[1].strip() for row in rows if len(row) == 2})


def write_map(live: Live) -> str:
    """Return the text of the map file."""
    rows = "".join(f"{key} {value}\n" for key, value in live.entries().items())
    return f"# Which colour serves. Changed by edge_switch only, which tells the running workers too.\n{rows}"


def replace_map(path: Path, live: Live) -> None:
    """Replace the map file in one step that also survives a power cut."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(write_map(live))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
