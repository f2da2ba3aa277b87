"""Names and lines of text that PostgreSQL and PgBouncer want in a form of their own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_LONGEST = 63  # bytes of a name, NAMEDATALEN - 1


def replication_slot(host: str) -> str:
    """Return the name of the slot of a replica: of its inventory name, what a slot's name may have.

    Lower-case letters, digits and underscores (PostgreSQL's manual, "Querying and Manipulating Replication Slots").
    """
    return f"golive_{re.sub('[^a-z0-9_]', '_', host.lower())}"[:_LONGEST]


def pgbouncer_users(names: Iterable[str], verifiers: Mapping[str, str]) -> str:
    """Return the text of PgBouncer's ``auth_file``.

    :param verifiers: name of a role to what the server stores for it
    """
    return "".join(f'"{_quoted(name)}" "{_quoted(verifiers[name])}"\n' for name in names)


def _quoted(text: str) -> str:
    return text.replace('"', '""')
