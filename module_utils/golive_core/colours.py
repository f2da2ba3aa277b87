"""Which colour serves: the map file of an edge, its only home between reboots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COLOURS = ("blue", "green")
NONE = "none"  # before the first release; be_none answers 503
MAP_FILE = "/etc/haproxy/live.map"


def other(colour: str) -> str:
    """Return the colour that a release comes up in while `colour` serves; blue while none does."""
    return "green" if colour == "blue" else "blue"


@dataclass(frozen=True)
class Live:
    """Content of the map: who serves, who gets a share of the requests beside it, and how often that changed."""

    live: str = NONE
    canary: str = NONE
    canary_share: int = 0
    generation: int = 0

    def __post_init__(self) -> None:
        """Refuse what the edge could not serve.

        :raises ValueError: naming the entry that is wrong
        """
        for key, colour in (("live", self.live), ("canary", self.canary)):
            if colour not in (*COLOURS, NONE):
                raise ValueError(f'{key} is "{colour}", wanted one of {", ".join((*COLOURS, NONE))}')
        if not 0 <= self.canary_share <= 100:
            raise ValueError(f"canary_share is {self.canary_share}, wanted 0 to 100")
        if self.canary_share and (self.live == NONE or self.canary != other(self.live)):
            raise ValueError(f"a canary share of {self.canary_share} needs a live colour and the other one as canary")

    @classmethod
    def serving(cls, colour: str, canary_share: int, generation: int) -> Live:
        """Return the map that lets `colour` serve, and the other one `canary_share` per cent of the requests."""
        return cls(colour, other(colour) if canary_share else NONE, canary_share, generation)

    @property
    def traffic(self) -> tuple[str, str, int]:
        """What clients notice of it: everything but the generation."""
        return self.live, self.canary, self.canary_share

    def entries(self) -> dict[str, str]:
        """Return the keys and values of the map."""
        return {
            "live": self.live,
            "canary": self.canary,
            "canary_share": str(self.canary_share),
            "generation": str(self.generation),
        }


def from_entries(entries: Mapping[str, str]) -> Live:
    """Read the map from its keys and values.

    :raises ValueError: when an entry is missing or cannot be served
    """
    if missing := [key for key in Live().entries() if key not in entries]:
        raise ValueError(f"it has no {', '.join(missing)}")
    return Live(entries["live"], entries["canary"], int(entries["canary_share"]), int(entries["generation"]))


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
