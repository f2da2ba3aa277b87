"""Which releases work with which schema of the database.

A schema only grows by migrations (expand), and shrinks by contract steps, which run on their own when no release needs
any more what they take away. So two things are known of a database: its revision, and the contract steps that were
done. A release says in its release.json, at the time of its build::

    {"schema_revisions": ["0001", "0002"],   every revision that it knows, oldest first
     "schema_min": "0002",                   the first of them that has all that it uses
     "schema_contracts": ["c001", "c002"],   every contract step that it knows, oldest first
     "schema_max": "c001"}                   the last of them that takes away nothing that it uses; empty for none

A revision that it does not know is newer, and newer ones only add. A contract step that it does not know may take away
what it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

KEYS = ("schema_revisions", "schema_min", "schema_contracts", "schema_max")


def of_release(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a manifest says of the schema: the keys above that it has."""
    return {key: manifest[key] for key in KEYS if key in manifest}


def tolerated(manifest: Mapping[str, Any]) -> list[str]:
    """Return the contract steps that a release can live with."""
    known, last = list(manifest.get("schema_contracts") or ()), manifest.get("schema_max") or ""
    return known[: known.index(last) + 1] if last in known else []


def refusals(manifest: Mapping[str, Any], revision: str, contracted: Iterable[str] = ()) -> list[str]:
    """Return why a release does not fit a database, one sentence each; nothing when it does.

    :param manifest: of the release, with its name in `release`
    :param revision: of the live database; empty when it has none
    :param contracted: the contract steps that were done there
    """
    name, least = manifest.get("release", "the release"), manifest.get("schema_min") or ""
    known: Sequence[str] = list(manifest.get("schema_revisions") or ())
    wrong = []
    if least and (not revision or (revision in known and known.index(revision) < known.index(least))):
        at = f"is at revision {revision}" if revision else "is empty"
        wrong.append(f"release {name} needs a schema of revision {least} or later, and the database {at}")
    gone = [step for step in contracted if step not in tolerated(manifest)]
    if gone:
        wrong.append(
            f"release {name} still uses what contract step {gone[0]} took away from the database (it works with "
            f"{', '.join(tolerated(manifest)) or 'no contract step'})"
        )
    return wrong


def needed_by(step: str, manifests: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the releases, among those that serve or can be rolled back to, that a contract step would break."""
    return [str(manifest.get("release", "?")) for manifest in manifests if step not in tolerated(manifest)]
