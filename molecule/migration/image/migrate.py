"""Migrations of an application as small as can be: HEADS has the newest revision."""

import os
import sys
from pathlib import Path

import psycopg2

# One revision is one transaction, but for those of LOOSE: each of their statements stands by itself.
STEPS = {
    "0001": ["CREATE TABLE match (id serial PRIMARY KEY, name text)"],
    "0002": ["ALTER TABLE match ADD COLUMN stadium text"],
    "0003": ["INSERT INTO match (name) VALUES ('half')", "ALTER TABLE match ADD COLUMN stadium text"],  # exists already
    "0004": ["ALTER TABLE match DROP COLUMN stadium", "CREATE INDEX match_name ON match (name)"],
    "0005": ["ALTER TABLE match ADD COLUMN seats int", "SELECT pg_sleep(1.2)"],
    "0006": [
        "ALTER TABLE match ADD COLUMN IF NOT EXISTS opened date",
        "SELECT pg_sleep(20)",
        "ALTER TABLE match ADD COLUMN IF NOT EXISTS closed date",
    ],
}
LOOSE = {"0006"}
HEADS = os.environ["HEADS"].split()


def pending(current):
    """Return the revisions that follow."""
    skipped = os.environ.get("SKIP", "").split()
    return [
        step for step in STEPS if (current == "none" or step > current) and step <= HEADS[0] and step not in skipped
    ]


def emit(old):
    """Print the SQL; some tools die in the middle of it."""
    for revision in pending(old):
        print("BEGIN;")
        for number, statement in enumerate(STEPS[revision]):
            if os.environ.get("EMIT_DIES") and number:
                print("football cannot emit: no such column", file=sys.stderr)
                sys.exit(1)
            print(f"{statement};")
        print(f"INSERT INTO run VALUES ('{revision}');\nCOMMIT;")


def connect():
    """Over TLS, with the password from a file."""
    return psycopg2.connect(
        host=os.environ["DATABASE_HOST"],
        user="football_migrator",
        dbname="football",
        password=Path("/run/golive/database").read_text().strip(),
        sslmode="verify-full",
        sslrootcert="/run/golive-ca.crt",
    )


def upgrade(connection, revision):
    """Run one revision."""
    print("to", revision, flush=True)
    connection.autocommit = revision in LOOSE
    with connection.cursor() as cursor:
        for statement in STEPS[revision]:
            if revision in LOOSE and "sleep" in statement:
                statement = f"SELECT pg_sleep({os.environ.get('SLEEP', '0')})"
            cursor.execute(statement)
        cursor.execute("INSERT INTO run VALUES (%s, now(), inet_client_addr())", (revision,))
    if not connection.autocommit:
        connection.commit()


def main(command, *words):
    """Run one command."""
    if command == "head":
        print("\n".join(f"{head} (head)" for head in HEADS))
        return
    if command == "emit":
        emit(words[0])
        return
    connection = connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS run (revision text, at timestamptz DEFAULT now(), client inet)")
        cursor.execute("SELECT max(revision) FROM run")
        current = cursor.fetchone()[0] or "none"
    if command == "current":
        print(current)
    elif command == "migrate":
        for revision in pending(current):
            upgrade(connection, revision)
    elif command == "seed":
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM match")
            if cursor.fetchone()[0]:
                print("unchanged: matches are there")
            else:
                cursor.execute("INSERT INTO match (name) VALUES ('first')")
                print("seeded 1 match")


try:
    main(*sys.argv[1:])
except psycopg2.Error as error:
    # Not to stderr: the engine keeps no order between two streams, and the scenario compares the last words.
    print(f"football cannot {sys.argv[1]}: {' '.join(str(error).split())}")
    sys.exit(1)
