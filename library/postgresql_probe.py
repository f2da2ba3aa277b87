#!/usr/bin/python
"""Ask a PostgreSQL server as a client would."""

from __future__ import annotations

DOCUMENTATION = r"""
module: postgresql_probe
short_description: Measure what a PostgreSQL server answers or refuses
description:
  - Connects for each check, runs one statement, rolls it back, and compares what came with what was wanted.
  - Never fails for what it measures. A server that cannot be reached is a failure of V(ok) and V(value), and no
    evidence for V(refused).
requirements: [python3-psycopg2]
options:
  checks:
    description: What to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate.
        type: str
        required: true
      host:
        description: Name or address of the server, which its certificate must carry; or a directory with its socket.
        type: str
        required: true
      port:
        description: Port of the server.
        type: int
        default: 5432
      user:
        description: Role to log in as.
        type: str
        required: true
      password:
        description: Password of the role.
        type: str
        default: ''
      database:
        description: Database to connect to.
        type: str
        default: postgres
      sslmode:
        description: As in libpq.
        type: str
        choices: [disable, require, verify-ca, verify-full]
        default: verify-full
      ca_file:
        description: Authority that signed the server's certificate.
        type: path
      statement:
        description: One statement, which is always rolled back.
        type: str
        default: SELECT 1
      expect:
        description:
          - What is wanted. V(value) compares the first column of the first row.
          - V(refused) is a failed login or missing privilege; another error, such as a table that does not exist, shows
            nothing about rights and is no evidence.
        type: str
        choices: [ok, refused, value]
        default: ok
      sqlstate:
        description: With O(checks[].expect=refused), the only code that counts.
        type: str
        default: ''
      value:
        description: The text wanted with O(checks[].expect=value).
        type: str
        default: ''
      samples:
        description: How often to ask.
        type: int
        default: 1
      timeout_seconds:
        description: How long a connection or the statement may take.
        type: int
        default: 5
attributes:
  check_mode:
    support: full
    description: Every statement is rolled back.
  diff_mode:
    support: none
author: [golive developers]
"""

EXAMPLES = r"""
- name: Measure whether the writer can create a table
  postgresql_probe:
    checks:
      - id: security.writer_creates
        host: 192.0.2.3
        user: football_writer
        password: "{{ golive_secrets.db_writer }}"
        database: football
        ca_file: /etc/golive/tls/ca.crt
        statement: CREATE TABLE public.golive_probe (i int)
        expect: refused
        sqlstate: "42501"
  register: seen
"""

RETURN = r"""
measurements:
  description: One measurement for each check, as docs/contributing.md describes them.
  type: list
  elements: dict
  returned: always
"""

import textwrap
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core.answers import Answer, measure
from ansible.module_utils.golive_core.measurement import Measurement
from ansible.module_utils.golive_core.sqlstate import is_refusal, login_sqlstate

try:
    import psycopg2

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

CHECK_SPEC: dict[str, dict[str, Any]] = {
    "id": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "default": "", "no_log": True},
    "database": {"type": "str", "default": "postgres"},
    "sslmode": {"type": "str", "choices": ["disable", "require", "verify-ca", "verify-full"], "default": "verify-full"},
    "ca_file": {"type": "path"},
    "statement": {"type": "str", "default": "SELECT 1"},
    "expect": {"type": "str", "choices": ["ok", "refused", "value"], "default": "ok"},
    "sqlstate": {"type": "str", "default": ""},
    "value": {"type": "str", "default": ""},
    "samples": {"type": "int", "default": 1},
    "timeout_seconds": {"type": "int", "default": 5},
}


def _run(check: dict[str, Any]) -> str:
    """Connect, run the statement, roll it back; return the first column of the first row, or the command's tag."""
    connection = psycopg2.connect(
        host=check["host"],
        port=check["port"],
        user=check["user"],
        password=check["password"],
        dbname=check["database"],
        sslmode=check["sslmode"],
        sslrootcert=check["ca_file"] or "",
        gssencmode="disable",
        passfile="/dev/null",  # a password file of the host must not answer for a password that is missing
        connect_timeout=check["timeout_seconds"],
        options=f"-c statement_timeout={check['timeout_seconds']}s",
        application_name="golive",
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(check["statement"])
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else str(cursor.statusmessage)
    finally:
        connection.rollback()
        connection.close()


def _ask(check: dict[str, Any]) -> Answer:
    try:
        return Answer("answered", _run(check))
    except psycopg2.Error as error:
        text = str(error).strip().partition("\n")[0]
        code = error.pgcode or login_sqlstate(text)
    if not code:
        return Answer("unreachable", text)
    return Answer("refused" if is_refusal(code, check["sqlstate"]) else "failed", f"{code} {text}")


def _measure(check: dict[str, Any]) -> Measurement:
    server = f"{check['host']}:{check['port']}/{check['database']} ({check['sslmode']})"
    what = f"{textwrap.shorten(check['statement'], 60)} as {check['user']} at {server}"
    return measure(check["id"], what, lambda: _ask(check), check["expect"], check["value"], check["samples"])


def main() -> None:
    """Parse, ask, return."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK_SPEC}},
        supports_check_mode=True,
    )
    if MISSING:
        module.fail_json(msg=f"This host cannot ask a database: {MISSING}. Install python3-psycopg2.")
    module.exit_json(changed=False, measurements=[_measure(check) for check in module.params["checks"]])


if __name__ == "__main__":
    main()
