"""What PostgreSQL and PgBouncer take as a name or a line."""

from __future__ import annotations

import re

from golive_core.postgresql import pgbouncer_users, replication_slot
from hypothesis import given
from hypothesis import strategies as st


def test_a_slot_is_named_after_its_host() -> None:
    assert replication_slot("data2.example.org") == "golive_data2_example_org"
    assert replication_slot("DB-2") == "golive_db_2"


@given(st.text(min_size=1, max_size=200))
def test_the_server_takes_the_name_of_any_host(host: str) -> None:
    assert re.fullmatch("[a-z0-9_]{1,63}", replication_slot(host))


def test_a_line_has_the_name_and_what_the_server_stores() -> None:
    stored = {"a": "SCRAM-SHA-256$4096:x==$y=:z=", 'od"d': "1"}
    assert pgbouncer_users(["a", 'od"d'], stored) == '"a" "SCRAM-SHA-256$4096:x==$y=:z="\n"od""d" "1"\n'
    assert pgbouncer_users([], stored) == ""
