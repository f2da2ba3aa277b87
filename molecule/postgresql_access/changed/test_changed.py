"""What the second set of variables takes away, and a password that was changed."""

from __future__ import annotations

UNITS = ["postgresql@*"]


def test_the_new_password_is_in_force_and_the_old_is_not(connect):
    assert connect("app1", "football_writer", "SELECT 1", password="another-password").startswith("done")
    assert "password authentication failed" in connect("app1", "football_writer", "SELECT 1")


def test_the_writer_may_only_look_now(connect):
    assert connect("app1", "football_writer", "SELECT * FROM match", password="another-password").startswith("done")
    for statement in (
        "INSERT INTO match (name) VALUES ('other')",
        "DELETE FROM match",
        "SELECT nextval('match_id_seq')",
    ):
        assert connect("app1", "football_writer", statement, password="another-password").startswith("refused 42501")


def test_who_is_no_longer_a_client_is_refused(connect):
    assert "pg_hba.conf rejects connection" in connect("app1", "football_reader", "SELECT 1")
    assert "pg_hba.conf rejects connection" in connect("ops1", "golive_monitor", "SELECT 1")


def test_future_tables_have_the_new_rights(connect):
    assert connect("app1", "football_migrator", "CREATE TABLE later (id int)").startswith("done")
    assert connect("app1", "football_writer", "SELECT * FROM later", password="another-password").startswith("done")
    assert connect("app1", "football_writer", "DELETE FROM later", password="another-password").startswith(
        "refused 42501"
    )
