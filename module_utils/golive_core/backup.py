"""What a dump holds, by the listing of pg_restore."""

from __future__ import annotations

import re

# "3461; 0 16444 TABLE DATA public teams football_owner": the data, not the definition, is what a backup is for.
_DATA = re.compile(r"^\d+; \d+ \d+ TABLE DATA (\S+) (\S+) ", re.MULTILINE)


def tables_with_data(listing: str) -> set[str]:
    """Return "schema.table" of each table whose data is in the dump (`pg_restore --list`)."""
    return {f"{schema}.{table}" for schema, table in _DATA.findall(listing)}
