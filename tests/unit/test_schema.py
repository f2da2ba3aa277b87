"""Whether a release works with a database is told by its manifest alone, and what is not known does not fit."""

from __future__ import annotations

import pytest
from golive_core import schema

RELEASE = {
    "release": "1.1.0",
    "schema_revisions": ["0001", "0002", "0003"],
    "schema_min": "0002",
    "schema_contracts": ["c1", "c2"],
    "schema_max": "c1",
}


@pytest.mark.parametrize(
    ("revision", "contracted", "said"),
    [
        ("0002", [], None),
        ("0003", ["c1"], None),
        ("0009", [], None),  # of a newer release: it only added
        ("0001", [], "needs a schema of revision 0002 or later, and the database is at revision 0001"),
        ("", [], "and the database is empty"),
        ("0003", ["c1", "c2"], "still uses what contract step c2 took away"),
        ("0003", ["c9"], "still uses what contract step c9 took away"),  # nobody knew of it then
    ],
)
def test_a_release_fits_or_says_why_not(revision, contracted, said):
    wrong = schema.refusals(RELEASE, revision, contracted)
    assert (wrong == []) if said is None else (len(wrong) == 1 and said in wrong[0])


def test_a_release_that_says_nothing_fits_until_something_was_taken_away():
    assert schema.refusals({"release": "0.9"}, "0005") == []
    assert "it works with no contract step" in schema.refusals({"release": "0.9"}, "0005", ["c1"])[0]


def test_a_step_is_held_by_each_release_that_still_needs_the_object():
    old = {**RELEASE, "release": "1.0.0", "schema_max": ""}
    assert schema.needed_by("c1", [RELEASE, old]) == ["1.0.0"]
    assert schema.needed_by("c2", [RELEASE]) == ["1.1.0"]
    assert schema.needed_by("c1", [RELEASE]) == []


def test_only_what_concerns_the_schema_is_kept_of_a_manifest():
    assert schema.of_release({**RELEASE, "image_id": "x"}) == {key: RELEASE[key] for key in schema.KEYS}
    assert schema.of_release({"release": "0.9"}) == {}
