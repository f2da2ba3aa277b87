"""Is what the operator asked for possible at all? Answered before anything is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence

NEEDED_GROUPS = ("edge", "app", "database", "cache", "monitoring", "backup")
APP = re.compile(r"[a-z][a-z0-9_]{0,30}")
HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


def absent(groups: Mapping[str, Sequence[str]], needed: Sequence[str]) -> str:
    """Return, as a sentence, which hosts an inventory lacks; empty when there is one in each group that is needed."""
    if not any(groups.values()):
        return "there is no host: name an inventory that has some with -i, `./golive init` writes one"
    empty = [group for group in needed if not groups.get(group)]
    return (
        f"the inventory has no host in {', '.join(empty)}; add one to each (one host may be in all groups)"
        if empty
        else ""
    )


def refusals(
    groups: Mapping[str, Sequence[str]],
    app: str,
    public_name: str,
    release: str,
    known_releases: Collection[str],
    releases_dir: str,
) -> list[str]:
    """Return one sentence for each thing that makes the go-live impossible; empty when it may begin.

    :param groups: the inventory's groups
    :param known_releases: names of the releases that lie in `releases_dir`
    """
    found = []
    if not APP.fullmatch(app):
        found.append(
            f'golive_app is "{app}", wanted a name of small letters, digits and underscores; set it in the inventory'
        )
    if not HOST_NAME.fullmatch(public_name):
        found.append(
            f'golive_public_name is "{public_name}", wanted the host name under which users reach the application; '
            "set it in the inventory"
        )
    if missing := absent(groups, NEEDED_GROUPS):
        found.append(missing)
    if not RELEASE.fullmatch(release):
        found.append(f'the release is "{release}", wanted its name on the command line, for example -e release=1.4.0')
    elif release not in known_releases:
        there = ", ".join(sorted(known_releases)) or "nothing"
        found.append(f"release {release} is not known: {releases_dir} holds {there}; build or fetch it there first")
    return found


def manifest_refusals(text: str, app: str, release: str, path: str) -> list[str]:
    """Return one sentence for each thing that makes the manifest of a release unusable; empty when it is right.

    :param text: content of its release.json
    :param path: of that file, to be named
    """
    again = "build or fetch the release again"
    try:
        told = json.loads(text)
    except ValueError as error:
        return [f"{path} is not JSON ({error}): {again}"]
    if not isinstance(told, dict):
        return [f"{path} holds no object: {again}"]
    wanted = {"release": release, "app": app}
    return [
        f'{path} is of {name} "{told[name]}", wanted "{value}": {again}'
        for name, value in wanted.items()
        if name in told and told[name] != value
    ]
