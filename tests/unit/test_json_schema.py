"""The form of an API's answer, by the part of JSON Schema that is known."""

from __future__ import annotations

from typing import Any

import pytest
from golive_core.json_schema import problems, refusals

PREDICTION: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["match_id", "home_win_prob"],
    "properties": {
        "match_id": {"type": "integer", "minimum": 1},
        "home_win_prob": {"type": "number", "minimum": 0, "maximum": 1},
        "team": {"type": ["string", "null"], "minLength": 2, "pattern": "^[A-Z]"},
        "tags": {"type": "array", "maxItems": 2, "items": {"enum": ["a", 1, {"b": [True]}]}},
    },
    "additionalProperties": False,
}
GOOD = {"match_id": 1, "home_win_prob": 0.4, "team": None, "tags": ["a", {"b": [True]}]}


def test_a_document_of_the_form_has_no_problem() -> None:
    assert refusals(PREDICTION) == []
    assert list(problems(GOOD, PREDICTION)) == []
    assert list(problems({**GOOD, "match_id": 2.0, "team": "Rovers"}, PREDICTION)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"match_id": "1"}, "the body.match_id is of type string, wanted integer"),
        ({"match_id": True}, "the body.match_id is of type boolean, wanted integer"),
        ({"match_id": 1.5}, "the body.match_id is of type number, wanted integer"),
        ({"match_id": 0}, "the body.match_id is 0, wanted at least 1"),
        ({"home_win_prob": 1.2}, "the body.home_win_prob is 1.2, wanted at most 1"),
        ({"team": "R"}, "the body.team has 1 characters, wanted at least 2"),
        ({"team": "rovers"}, "the body.team does not match ^[A-Z]"),
        ({"team": 5}, "the body.team is of type number, wanted string or null"),
        ({"tags": ["a", True]}, "the body.tags[1] is none of the values that it may have"),
        ({"tags": [{"b": [1]}]}, "the body.tags[0] is none of the values that it may have"),
        ({"tags": ["a"] * 3}, "the body.tags has 3 items, wanted at most 2"),
        ({"more": 1}, "the body.more should not be there"),
    ],
)
def test_what_is_of_another_form_is_named(change: dict[str, Any], said: str) -> None:
    assert list(problems({**GOOD, **change}, PREDICTION)) == [said]


def test_what_is_missing_is_named() -> None:
    assert list(problems({"match_id": 1}, PREDICTION)) == ["the body has no home_win_prob"]
    assert list(problems([], PREDICTION)) == ["the body is of type array, wanted object"]
    assert list(problems({"a": 1}, {"additionalProperties": {"type": "string"}})) != []
    assert list(problems(2, {"const": 1})) == ["the body is not the one value that it must have"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ([], "`schema` must be an object with keywords of JSON Schema"),
        ({"oneOf": []}, "`schema` uses 'oneOf', which is not known here"),
        ({1: 2}, "`schema` uses 1, which is not known here"),
        ({"type": {"a": 1}}, "`schema.type` is {'a': 1}, which is no type of JSON"),
        ({"type": [["string"]]}, "`schema.type` is ['string'], which is no type of JSON"),
        ({"type": "text"}, "`schema.type` is 'text', which is no type of JSON"),
        ({"items": {"minimum": "1"}}, "`schema.items.minimum` must be a number"),
        ({"properties": {"a": {"pattern": "("}}}, "`schema.properties.a.pattern` is not a regular expression: "),
        ({"properties": []}, "`schema.properties` must be an object"),
        ({"required": "a"}, "`schema.required` must be a list of names"),
        ({"required": [[]]}, "`schema.required` must be a list of names"),
        ({"enum": "a"}, "`schema.enum` must be a list"),
        ({"additionalProperties": 1}, "`schema.additionalProperties` must be a schema, true or false"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused(schema: Any, said: str) -> None:
    (told,) = refusals(schema)
    assert told.startswith(said)
