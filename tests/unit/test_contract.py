"""Which contract steps may be carried out, and what they mean for a release."""

from __future__ import annotations

import pytest
from golive_core.contract import gone_query, needed_by, refusal, unlisted

STEPS = [
    {"name": "drop-notes", "statement": "DROP TABLE notes", "gone": "SELECT to_regclass('notes') IS NULL;"},
    {"name": "drop-it's", "statement": "x", "gone": "SELECT true"},
]


@pytest.mark.parametrize(
    ("name", "steps", "sentence"),
    [
        ("drop-notes", STEPS, ""),
        ("drop-note", STEPS, 'no contract step is named "drop-note"; did you mean drop-notes? There are drop-notes'),
        ("", STEPS, 'no contract step is named "". There are drop-notes, drop-it\'s: say -e step=NAME'),
        ("drop-notes", [], "migration_contracts describes no contract step"),
    ],
)
def test_a_step_that_is_not_described_is_refused(name, steps, sentence):
    assert refusal(name, steps).startswith(sentence)
    assert bool(refusal(name, steps)) is bool(sentence)


def test_every_release_that_may_come_back_must_say_so():
    kept = {"1.2.0": {"does_without": ["drop-notes", "other"]}, "1.1.0": {"does_without": ["other"]}, "1.0.0": {}}
    assert needed_by("drop-notes", kept) == ["1.0.0", "1.1.0"]
    assert needed_by("drop-notes", {}) == []


def test_a_release_is_asked_about_the_others_only():
    assert [step["name"] for step in unlisted(STEPS, ["drop-notes"])] == ["drop-it's"]


def test_the_query_asks_for_all_at_once():
    assert gone_query(STEPS) == (
        "SELECT step.name FROM (VALUES ('drop-notes', (SELECT to_regclass('notes') IS NULL)), "
        "('drop-it''s', (SELECT true))) AS step (name, gone) WHERE step.gone ORDER BY 1"
    )
