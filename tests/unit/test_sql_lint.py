"""What is said of a migration's SQL: by the linter's report and the table of rules, never by an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from golive_core import sql_lint

TABLE = yaml.safe_load((Path(__file__).parents[2] / "roles/migration/vars/main/lint.yml").read_text(encoding="utf-8"))[
    "__migration_lint_table"
]


def emitted(sql, code=0, error=""):
    return sql_lint.Emitted(code, sql, error)


def report(*rows):
    return json.dumps([{"line": line, "rule_name": rule, "level": "Warning"} for line, rule in rows])


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("INSERT INTO a VALUES ('x;''y');", ["INSERT INTO a VALUES ('x;''y')"]),
        ("SELECT E'a\\';b';SELECT 2;", ["SELECT E'a\\';b'", "SELECT 2"]),
        ('SELECT ";";', ['SELECT ";"']),
        ("DO $a$ BEGIN; END $a$; SELECT $$;$$", ["DO $a$ BEGIN; END $a$", "SELECT $$;$$"]),
        ("-- squawk-ignore ban-drop-column;\nSELECT 1 /* ; */ ;\n;", ["SELECT 1"]),
        ("", []),
    ],
)
def test_a_text_falls_into_statements(sql, wanted):
    assert sql_lint.statements(sql) == wanted


def test_a_line_number_names_a_statement():
    rows = sql_lint.statements("ALTER TABLE a\nADD b int;\nDROP TABLE c;")
    assert sql_lint.text_for_linter(rows) == "ALTER TABLE a ADD b int;\nDROP TABLE c;\n"
    found = sql_lint.findings(rows, report((1, "ban-drop-table")), TABLE)
    assert [(each.rule, each.verdict, each.statement) for each in found] == [("ban-drop-table", "fail", "DROP TABLE c")]


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("TRUNCATE a", "golive-truncate"),
        ("delete from a", "golive-delete-all"),
        ("LOCK TABLE a", "golive-lock-table"),
        ("ALTER TABLE a SET UNLOGGED", "golive-rewrite"),
        ("UPDATE a\nSET b = 1", "golive-update-all"),
        ("DELETE FROM a WHERE b = 1", None),
        ("UPDATE a SET b = 1 WHERE c = 2", None),
        ("LOCK TABLE a IN ACCESS SHARE MODE", None),
        ("ALTER TABLE a SET (fillfactor = 70)", None),
    ],
)
def test_our_own_patterns(statement, rule):
    assert [each.rule for each in sql_lint.findings([statement], "[]", TABLE)] == [rule] * (rule is not None)


def test_what_fails_is_named_with_its_remedy_in_both_languages():
    seen = sql_lint.measure(
        "g", emitted("DROP TABLE a; UPDATE b SET c = 1;"), report((0, "ban-drop-table")), TABLE, about="0001 to 0002"
    )
    assert (seen["n"], seen["failures"], seen["invalid"]) == (2, 1, "")
    assert "0001 to 0002: 2 statements; ban-drop-table in `DROP TABLE a`" in seen["observed"]
    assert "to be looked at: golive-update-all" in seen["observed"]
    assert "later release" in seen["remedy"]["en"]
    assert "以后的版本" in seen["remedy"]["zh"]


def test_a_clean_migration_passes_whatever_the_linter_calls_style():
    seen = sql_lint.measure("g", emitted("ALTER TABLE a ADD b int;"), report((0, "prefer-robust-stmts")), TABLE)
    assert (seen["failures"], seen["invalid"], "remedy" in seen) == (0, "", False)


def test_a_rule_that_nobody_decided_on_fails():
    seen = sql_lint.measure("g", emitted("X y;"), report((0, "brand-new-rule")), TABLE)
    assert seen["failures"] == 1
    assert "decide in migration_lint_rules" in seen["remedy"]["en"]


@pytest.mark.parametrize(
    ("what", "told", "why"),
    [
        (emitted("DROP TABLE a;", 1, "KeyError: '0009'"), "[]", "ended with code 1 (KeyError: '0009')"),
        (emitted("BEGIN; COMMIT;"), "[]", "printed no SQL"),
        (emitted(""), "[]", "printed no SQL"),
        (emitted("ALTER TABLE a ADD b int;"), "", "did not print a report: nothing"),
        (emitted("ALTER TABLE a ADD b int;"), '{"error": 1}', "did not print a report"),
        (emitted("BEGIN; DROP TABLE a;"), report((0, "ban-uncommitted-transaction")), "the SQL is not whole"),
        (emitted("ALTER TABLE a AD"), report((0, "syntax-error")), "the SQL is not whole"),
    ],
)
def test_what_is_not_whole_proves_nothing(what, told, why):
    seen = sql_lint.measure("g", what, told, TABLE)
    assert why in seen["invalid"]
    assert "remedy" not in seen


def test_sql_without_its_last_revision_proves_nothing():
    seen = sql_lint.measure("g", emitted("ALTER TABLE a ADD b int;"), "[]", TABLE, mark="0002")
    assert 'ends before its last revision: "0002" is not in it' in seen["invalid"]


def test_the_table_is_well_defined_and_a_bad_one_is_refused():
    assert sql_lint.wrong_rules(TABLE) == []
    assert "rule a has the verdict 'maybe'" in sql_lint.wrong_rules({"a": {"verdict": "maybe"}})[0]
    assert "rule b needs a remedy in en and zh" in sql_lint.wrong_rules({"b": {"verdict": "fail"}})[0]
