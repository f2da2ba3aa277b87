"""Which releases and images of a host nobody can want back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """A release that is on a host.

    :param image_id: empty when none came for it
    :param verified: when it last was found good while it served, in seconds since 1970; 0 when it never was
    """

    image_id: str = ""
    verified: float = 0


def forgettable(releases: Mapping[str, Kept], wanted: Collection[str], keep: int) -> list[str]:
    """Return the names of the releases that can go.

    :param wanted: those that stay in any case: current, previous, and whatever has a container
    :param keep: how many others stay, of those that were verified live; a release that never was takes no place
    """
    others = [name for name in releases if name not in wanted]
    verified = sorted((name for name in others if releases[name].verified), key=lambda name: -releases[name].verified)
    return sorted(set(others) - set(verified[:keep]))


def oldest(names: Iterable[str], keep: int, newest: str) -> list[str]:
    """Return the names that can go when `keep` stay, `newest` among them, of names that begin with their time."""
    others = sorted(set(names) - {newest}, reverse=True)
    return sorted(others[keep - 1 :])


def unused_images(releases: Mapping[str, Kept], forgotten: Collection[str], in_use: Iterable[str]) -> list[str]:
    """Return the ids of images that only forgotten releases had.

    :param in_use: ids of the images of all containers on the host, whoever started them
    """
    needed = {release.image_id for name, release in releases.items() if name not in forgotten} | set(in_use)
    return sorted({releases[name].image_id for name in forgotten} - needed - {""})
