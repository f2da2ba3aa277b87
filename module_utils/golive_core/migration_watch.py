"""What a migration does to a database, seen from another connection.

Connections come from outside, as psycopg2 makes them (DB-API 2.0), so that nothing is needed here but the standard
library. All of this is asked as the role that migrates: it sees what its own sessions do, and everybody's locks.
"""

from __future__ import annotations

import time
from typing import Any

from . import migration
from .migration import LockSeen, Watched

LOOK_SECONDS = 0.05
SETTLE_SECONDS = 10.0  # for sessions of a migration that was cut off
WATCHER = "golive-migration-watch"

# What a session of the migrating role does, one row for each lock that it has or waits for.
SESSIONS = """
SELECT a.pid, a.query, a.state, quote_ident(n.nspname) || '.' || quote_ident(c.relname), l.mode, l.granted
FROM pg_stat_activity a
LEFT JOIN pg_locks l ON l.pid = a.pid AND l.locktype = 'relation'
LEFT JOIN pg_class c ON c.oid = l.relation
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.usename = session_user AND a.datname = current_database() AND a.application_name <> %s
  AND (n.nspname IS NULL OR n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema'))
"""
OTHERS_WAIT = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float
FROM pg_locks WHERE NOT granted AND pid <> ALL(%s) AND pg_blocking_pids(pid) && %s
"""
HOLDER = """
SELECT coalesce(string_agg(format('pid %%s from %%s since %%s', a.pid, coalesce(a.client_addr::text, 'its own host'),
                                  to_char(a.backend_start AT TIME ZONE 'UTC', 'HH24:MI:SS')), ', '), 'another session')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.classid = ((%s::bigint >> 32) & 4294967295)::oid
  AND l.objid = (%s::bigint & 4294967295)::oid
"""
# Every object that a migration can make or change, one line each.
OBJECTS = """
WITH spaces AS (
  SELECT oid, nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
)
SELECT format('table %I.%I', nspname, relname)
FROM pg_class c JOIN spaces s ON s.oid = relnamespace WHERE relkind IN ('r', 'p', 'f')
UNION ALL
SELECT format('column %I.%I.%I %s%s%s', nspname, relname, attname, format_type(atttypid, atttypmod),
              CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END,
              coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), ''))
FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid JOIN spaces s ON s.oid = relnamespace
LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum
WHERE relkind IN ('r', 'p', 'f') AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT format('index %I.%I%s %s', nspname, relname, CASE WHEN indisvalid THEN '' ELSE ' INVALID' END,
              pg_get_indexdef(indexrelid))
FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN spaces s ON s.oid = relnamespace
UNION ALL
SELECT format('constraint %I on %s %s', conname, conrelid::regclass, pg_get_constraintdef(k.oid))
FROM pg_constraint k JOIN spaces s ON s.oid = connamespace WHERE conrelid <> 0 AND contype <> 'n'
UNION ALL
SELECT format('view %I.%I %s', nspname, relname, md5(pg_get_viewdef(c.oid)))
FROM pg_class c JOIN spaces s ON s.oid = relnamespace WHERE relkind IN ('v', 'm')
UNION ALL
SELECT format('sequence %I.%I', nspname, relname)
FROM pg_class c JOIN spaces s ON s.oid = relnamespace WHERE relkind = 'S'
UNION ALL
SELECT format('function %s %s', p.oid::regprocedure, md5(prosrc))
FROM pg_proc p JOIN spaces s ON s.oid = pronamespace
UNION ALL
SELECT format('trigger %I on %s', tgname, tgrelid::regclass)
FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid JOIN spaces s ON s.oid = relnamespace WHERE NOT tgisinternal
UNION ALL
SELECT format('enum %s %s', t.oid::regtype, string_agg(enumlabel, ',' ORDER BY enumsortorder))
FROM pg_type t JOIN spaces s ON s.oid = typnamespace JOIN pg_enum e ON enumtypid = t.oid GROUP BY t.oid
"""


# Tables of this database, whether the role may read them, and for one who writes a statement that changes no row: it
# takes the locks that a write takes. A column that is generated takes no value, so another is written to itself.
TABLES = """
SELECT format('%I.%I', nspname, relname), has_table_privilege(c.oid, 'SELECT'), (
  SELECT format('UPDATE ONLY %1$I.%2$I SET %3$I = %3$I WHERE ctid = (SELECT ctid FROM ONLY %1$I.%2$I LIMIT 1)',
                nspname, relname, attname)
  FROM pg_attribute
  WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
    AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'UPDATE')
  ORDER BY attnum LIMIT 1
)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND relpersistence <> 't' AND nspname <> 'information_schema' AND nspname !~ '^pg_'
ORDER BY 1
"""


class Database:
    """The database as the role that migrates it sees it, on one connection that holds the advisory lock.

    :param connection: in autocommit, named WATCHER, with `role` none: only as itself does it see the role's sessions
    """

    def __init__(self, connection: Any, app: str) -> None:
        self._connection = connection
        self._key = migration.lock_key(app)
        self.limits = {name: self._seconds(name) for name in ("lock_timeout", "statement_timeout")}
        self.version = str(self.ask("SHOW server_version")[0][0]).split()[0]
        self.ask("SELECT set_config('statement_timeout', '60s', false), set_config('lock_timeout', '0', false)")

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def _seconds(self, name: str) -> float:
        row = self.ask("SELECT setting::float / 1000 FROM pg_settings WHERE name = %s", name)
        return float(row[0][0])

    def take_lock(self) -> str:
        """Take the advisory lock; return who has it when it is not free."""
        if self.ask("SELECT pg_try_advisory_lock(%s)", self._key)[0][0]:
            return ""
        return str(self.ask(HOLDER, self._key, self._key)[0][0])

    def sessions(self) -> list[tuple[Any, ...]]:
        return self.ask(SESSIONS, WATCHER)

    def settle(self, seconds: float) -> str:
        """Wait for sessions of a migration that was cut off; return what the first of those that stay does."""
        until = time.monotonic() + seconds
        while rows := self.sessions():
            if time.monotonic() > until:
                return f"pid {rows[0][0]} ({rows[0][2]}): {' '.join(str(rows[0][1]).split())[:200]}"
            time.sleep(0.2)
        return ""

    def end_sessions(self) -> None:
        """End the sessions of a migration whose container is gone: a statement would run on to its end, and stand."""
        for pid in {row[0] for row in self.sessions()}:
            self.ask("SELECT pg_terminate_backend(%s)", pid)
        self.settle(SETTLE_SECONDS)

    def look(self, watched: Watched) -> None:
        rows = self.sessions()
        pids = list({row[0] for row in rows})
        locks = [LockSeen(*row[3:6]) for row in rows if row[3] is not None]
        waited = float(self.ask(OTHERS_WAIT, pids, pids)[0][0]) if pids else 0.0
        at_work = [str(row[1]) for row in rows if row[2] == "active"] or [str(row[1]) for row in rows if row[1]]
        watched.look(time.monotonic(), locks, waited, at_work[0] if at_work else "")

    def objects(self) -> list[str]:
        return [str(row[0]) for row in self.ask(OBJECTS)]

    def is_thrown_away(self) -> bool:
        """Return whether this is a restored copy: role backup lets it run without fsync, which nothing else does."""
        return str(self.ask("SHOW fsync")[0][0]) == "off"

    def logins(self) -> int:
        """Return how many sessions this database has had."""
        return int(self.ask("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")[0][0])

    def rows(self) -> tuple[dict[str, int], list[str]]:
        """Return table to its number of rows, however long that takes, and the tables that may not be read."""
        tables = self.ask(TABLES)
        self.ask("SELECT set_config('statement_timeout', '0', false)")
        found = {name: int(self.ask(f"SELECT count(*) FROM ONLY {name}")[0][0]) for name, read, _ in tables if read}
        self.ask("SELECT set_config('statement_timeout', '60s', false)")
        return found, [name for name, read, _ in tables if not read]

    def size(self) -> int:
        return int(self.ask("SELECT pg_database_size(current_database())")[0][0])
