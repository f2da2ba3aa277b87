"""Names beside the one that serves, and what is said of two databases that are not the same."""

from __future__ import annotations

import pytest
from golive_core import database_restore
from golive_core.database_restore import Refused

COPY = ["public.team|20000|123", "public.ledger|500|9", "public.ledger_id_seq|500|t"]


def test_names_say_what_they_are():
    assert database_restore.beside("football") == "football_golive_restored"
    assert database_restore.kept("football", "20261130T120000Z") == "football_before_20261130t120000z"


def test_a_name_that_postgresql_would_cut_is_refused():
    with pytest.raises(Refused, match="has 66 bytes, PostgreSQL takes 63"):
        database_restore.beside("f" * 50)


def test_the_same_content_is_the_same_in_any_order():
    assert database_restore.differences(COPY, [*reversed(COPY), ""]) == []
    assert database_restore.extent(COPY) == "2 tables, 20,500 rows"


def test_what_differs_is_named():
    found = ["public.team|19999|122", COPY[1], "public.stray|0|0"]
    assert database_restore.differences(COPY, found) == [
        "public.ledger_id_seq is not there, in the copy 500|t",
        "public.stray is 0|0, in the copy not there",
        "public.team is 19999|122, in the copy 20000|123",
    ]
