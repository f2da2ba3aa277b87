"""Migrations of an application as small as can be: HEADS has the newest revision."""

import os
import sys
from pathlib import Path

import psycopg2

STEPS = {
    "0001": "CREATE TABLE match (id serial PRIMARY KEY, name text)",
    "0002": "ALTER TABLE match ADD COLUMN stadium text",
    "0003": "INSERT INTO match (name) VALUES ('half'); ALTER TABLE match ADD COLUMN stadium text",  # exists already
}
HEADS = os.environ["HEADS"].split()


def main(command):
    """Run one command over TLS, with the password from a file."""
    if command == "head":
        print("\n".join(f"{head} (head)" for head in HEADS))
        return
    connection = psycopg2.connect(
        host=os.environ["DATABASE_HOST"],
        user="football_migrator",
        dbname="football",
        password=Path("/run/golive/database").read_text().strip(),
        sslmode="verify-full",
        sslrootcert="/run/golive-ca.crt",
    )
    with connection, connection.cursor() as cursor:
        # One at a time, whoever starts it.
        cursor.execute("SELECT pg_advisory_xact_lock(4711)")
        cursor.execute("CREATE TABLE IF NOT EXISTS run (revision text, at timestamptz DEFAULT now(), client inet)")
        cursor.execute("SELECT max(revision) FROM run")
        current = cursor.fetchone()[0] or "none"
        if command == "current":
            print(current)
        elif command == "migrate":
            for revision, statement in STEPS.items():
                if (current == "none" or revision > current) and revision <= HEADS[0]:
                    print("to", revision, flush=True)
                    cursor.execute(statement)
                    cursor.execute("INSERT INTO run VALUES (%s, now(), inet_client_addr())", (revision,))
        elif command == "seed":
            cursor.execute("SELECT count(*) FROM match")
            if cursor.fetchone()[0]:
                print("unchanged: matches are there")
            else:
                cursor.execute("INSERT INTO match (name) VALUES ('first')")
                print("seeded 1 match")


try:
    main(sys.argv[1])
except psycopg2.Error as error:
    # Not to stderr: the engine keeps no order between two streams, and the scenario compares the last words.
    print(f"football cannot {sys.argv[1]}: {' '.join(str(error).split())}")
    sys.exit(1)
