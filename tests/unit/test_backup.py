"""The listing of a dump, as pg_restore 17 prints it."""

from __future__ import annotations

from golive_core.backup import tables_with_data

LISTING = """;
; Archive created at 2026-11-23 22:40:00 UTC
;     dbname: football
;     Format: CUSTOM
;
5; 2615 2200 SCHEMA - public football_owner
217; 1259 16403 TABLE public alembic_version football_owner
218; 1259 16408 TABLE public teams football_owner
3410; 0 16403 TABLE DATA public alembic_version football_owner
3432; 0 0 SEQUENCE SET public teams_id_seq football_owner
"""


def test_only_tables_whose_data_is_there_count() -> None:
    assert tables_with_data(LISTING) == {"public.alembic_version"}


def test_an_empty_listing_holds_nothing() -> None:
    assert tables_with_data("") == set()
