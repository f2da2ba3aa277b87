"""What psql is told to bring one database of a cluster back beside the one that serves. Pure.

The statements are made by the server itself, from its catalogue, with format(): names and values are quoted where they
are known, and psql hands its variables over as literals.
"""

from __future__ import annotations

from collections.abc import Iterable

MOST = 63  # bytes of a name in PostgreSQL


class Refused(ValueError):
    """It cannot be done. The message is one sentence."""


def beside(database: str) -> str:
    """Return under which name a database is brought back."""
    return _fits(f"{database}_golive_restored")


def kept(database: str, stamp: str) -> str:
    """Return under which name the one of before stays.

    :param stamp: of the time, as 20261130T120000Z
    """
    return _fits(f"{database}_before_{stamp.lower()}")


def _fits(name: str) -> str:
    if len(name.encode()) > MOST:
        raise Refused(f"the name {name} has {len(name.encode())} bytes, PostgreSQL takes {MOST}")
    return name


# Asked of the copy, in the database that is wanted; :'new' is its other name. What pg_dump leaves out without --create.
CREATE = """
SELECT format('CREATE DATABASE %I TEMPLATE template0 OWNER %I ENCODING %L LOCALE_PROVIDER %s LC_COLLATE %L'
              ' LC_CTYPE %L%s CONNECTION LIMIT %s;', :'new', pg_get_userbyid(datdba), pg_encoding_to_char(encoding),
              CASE datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, datcollate, datctype,
              CASE datlocprovider WHEN 'i' THEN format(' ICU_LOCALE %L', datlocale)
                                  WHEN 'b' THEN format(' BUILTIN_LOCALE %L', datlocale) ELSE '' END, datconnlimit)
  FROM pg_database WHERE datname = current_database();
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC;', :'new')
  FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL;
SELECT format('GRANT %s ON DATABASE %I TO %s%s;', privilege_type, :'new',
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
              CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database, aclexplode(datacl) WHERE datname = current_database();
SELECT format('BEGIN; SELECT set_config(%L, %L, true); ALTER %s SET %I FROM CURRENT; COMMIT;',
              split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1),
              CASE setrole WHEN 0 THEN format('DATABASE %I', :'new')
                           ELSE format('ROLE %s IN DATABASE %I', setrole::regrole, :'new') END,
              split_part(setting, '=', 1))
  FROM pg_db_role_setting, unnest(setconfig) AS setting
 WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database());
"""

# Asked of both: rows and a checksum of each table whatever the order of its rows, and where each sequence is.
CONTENT = r"""
SET DateStyle = ISO; SET IntervalStyle = postgres; SET TimeZone = UTC; SET extra_float_digits = 1;
SET bytea_output = hex; SET lc_monetary = 'C'; SET row_security = off; SET search_path = pg_catalog;
SELECT format('SELECT %L, count(*), coalesce(sum(hashtextextended((golive_row.*)::text, 0)::numeric), 0)'
              ' FROM ONLY %I.%I AS golive_row', format('%I.%I', nspname, relname), nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'r' AND relpersistence = 'p' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
 ORDER BY nspname, relname \gexec
SELECT format('SELECT %L, last_value, is_called FROM %I.%I', format('%I.%I', nspname, relname), nspname, relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'S' AND relpersistence = 'p' AND nspname !~ '^pg_' ORDER BY nspname, relname \gexec
"""

# Nobody comes in while names change hands, and those who are in are asked to leave.
CLOSE = """
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS false;', :'name') FROM pg_database WHERE datname = :'name' \\gexec
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'name', :'new') AND pid <> pg_backend_pid();
"""
OPEN = """
SELECT format('ALTER DATABASE %I ALLOW_CONNECTIONS true;', datname)
  FROM pg_database WHERE datname IN (:'name', :'old') AND NOT datallowconn \\gexec
"""
# Both or none.
SWAP = """
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I;', :'name', :'old') FROM pg_database WHERE datname = :'name' \\gexec
SELECT format('ALTER DATABASE %I RENAME TO %I;', :'new', :'name') \\gexec
COMMIT;
"""
DROP = """
SELECT format('DROP DATABASE %I;', :'new') FROM pg_database WHERE datname = :'new' \\gexec
"""


def differences(wanted: Iterable[str], found: Iterable[str]) -> list[str]:
    """Return, in sentences, what is not the same in two outputs of CONTENT.

    :param wanted: lines `name|rows|sum` of the copy
    :param found: those of what was made from it
    """
    left, right = (dict(line.partition("|")[::2] for line in lines if "|" in line) for lines in (wanted, found))
    return [
        f"{name} is {right.get(name, 'not there')}, in the copy {left.get(name, 'not there')}"
        for name in sorted(left.keys() | right.keys())
        if left.get(name) != right.get(name)
    ]


def extent(content: Iterable[str]) -> str:
    """Return how much an output of CONTENT covers: "2 tables, 20,500 rows"."""
    rows = [
        parts[1] for line in content if (parts := line.split("|")) and len(parts) == 3 and parts[2] not in ("t", "f")
    ]
    return f"{len(rows)} table{'' if len(rows) == 1 else 's'}, {sum(map(int, rows)):,} rows"
