"""API keys: what has to be issued and revoked, from what is described against what the application lists."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from golive_core import api_keys

DAY = 86400
MADE = 1_790_000_000  # 2026-09-21
COMMANDS = {
    "list": ["keys", "list"],
    "issue": ["keys", "issue", "{name}", "--file", "-"],
    "scope": ["--scope", "{scope}"],
    "expires": ["--until={expires}"],
    "revoke": ["keys", "revoke", "{name}"],
}
VALUES = {"one": "1" * 32, "one_old": "", "two": "2" * 32, "two_old": "", "vaulted": "3" * 32}
ONE: dict[str, Any] = {"name": "reports", "secret": "one", "scopes": ["read"]}
TWIN: dict[str, Any] = {"name": "golive", "secret": "two", "scopes": []}


def secrets(slot: str = "", **values: str) -> api_keys.Secrets:
    slots, made = {"one": "", "two": slot}, {"one": MADE, "two": MADE, "vaulted": None}
    return api_keys.Secrets({**VALUES, **values}, slots, frozenset({"two"}), made)


def row(name: str, value: str = "", state: str = "active", **more: Any) -> dict[str, Any]:
    told = {"sha256": sha256(value.encode()).hexdigest()[:16]} if value else {}
    return {"name": name, "state": state, "scopes": [], "expires": None, **told, **more}


def plan(
    described: list[dict[str, Any]], listed: list[dict[str, Any]], unknown: bool = False, **known: Any
) -> dict[str, Any]:
    return api_keys.plan(described, json.dumps(listed), secrets(**known), COMMANDS, unknown)


def steps(*arguments: Any, **known: Any) -> list[str]:
    planned = plan(*arguments, **known)
    assert planned["wrong"] == []
    return [f"{step['what']} {step['name']}" for step in planned["steps"]]


def test_what_is_missing_is_issued_and_its_value_is_in_no_argument():
    (step,) = plan([{**ONE, "scopes": ["write", "read"], "expires": "2027-06-30"}], [])["steps"]
    assert step["argv"] == [
        *("keys", "issue", "reports", "--file", "-"), *("--scope", "read", "--scope", "write", "--until=2027-06-30"),
    ]  # fmt: skip
    assert (step["secret"], step["why"]) == ("one", "the application does not know it")
    assert VALUES["one"] not in json.dumps(step)


@pytest.mark.parametrize("expires", [None, "2027-06-30", "2027-06-30T00:00:00+00:00", "2027-06-30T02:00:00+02:00"])
def test_what_is_there_is_left_alone(expires):
    described = {**ONE, "expires": expires and "2027-06-30"}
    assert steps([described], [row("reports", VALUES["one"], scopes=["read"], expires=expires)]) == []


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        (row("reports", "another", scopes=["read"]), "its value is another one"),
        (row("reports", VALUES["one"], scopes=["read", "write"]), "its scopes are read, write"),
        (row("reports", VALUES["one"]), "its scopes are none"),
        (row("reports", VALUES["one"], "expired", scopes=["read"], expires="2020-01-01"), "it expires 2020-01-01"),
    ],
)
def test_what_is_different_is_issued_again(listed, why):
    (step,) = plan([ONE], [listed])["steps"]
    assert (step["what"], step["why"]) == ("issue", why)


def test_a_key_that_has_expired_as_described_is_left_alone():
    described = {**ONE, "expires": "2020-01-01"}
    listed = row("reports", VALUES["one"], "expired", scopes=["read"], expires="2020-01-01")
    assert steps([described], [listed]) == []


def test_days_count_from_the_making_of_the_value():
    (step,) = plan([{**ONE, "days": 90}], [])["steps"]
    assert step["argv"][-1] == "--until=2026-12-20"
    assert steps([{**ONE, "days": 90}], [row("reports", VALUES["one"], scopes=["read"], expires="2026-12-20")]) == []


def test_a_key_that_must_be_refused_is_issued_and_revoked_at_once():
    described = {**ONE, "state": "revoked"}
    assert steps([described], []) == ["issue reports", "revoke reports"]
    assert steps([described], [row("reports", VALUES["one"])]) == ["revoke reports"]
    assert steps([described], [row("reports", VALUES["one"], "revoked")]) == []
    assert steps([described], [row("reports", "another", "revoked")]) == ["issue reports", "revoke reports"]


def test_a_key_without_a_value_is_only_ever_revoked():
    described = {"name": "former", "state": "revoked"}
    assert steps([described], []) == []
    assert steps([described], [row("former")]) == ["revoke former"]
    assert steps([described], [row("former", state="expired")]) == ["revoke former"]
    assert steps([described], [row("former", state="revoked")]) == []


def test_a_key_that_was_revoked_in_the_application_is_not_let_in_again():
    for listed in (row("reports", VALUES["one"], "revoked"), row("reports", "", "revoked")):
        planned = plan([ONE], [listed])
        assert planned["steps"] == []
        assert "API key reports was revoked in the application" in planned["wrong"][0]
        assert "rotate its secret (one)" in planned["wrong"][0]
    assert steps([ONE], [row("reports", "the value before", "revoked")]) == ["issue reports"]


def test_twins_take_turns():
    first, second = VALUES["two"], "4" * 32
    before = [row("golive", first)]
    assert steps([TWIN], before) == []
    rotating = {"slot": "_b", "two": second, "two_old": first}
    assert steps([TWIN], before, **rotating) == ["issue golive_b"]
    both = [*before, row("golive_b", second)]
    assert steps([TWIN], both, **rotating) == []
    withdrawn = {**rotating, "two_old": ""}
    assert steps([TWIN], both, **withdrawn) == ["revoke golive"]
    assert steps([TWIN], [row("golive", first, "revoked"), both[1]], **withdrawn) == []


@pytest.mark.parametrize("told", [True, False], ids=["hash-told", "hash-not-told"])
def test_a_twin_that_was_revoked_gets_a_new_value_in_its_turn(told):
    listed = [row("golive", "first" if told else "", "revoked"), row("golive_b", "second" if told else "")]
    assert steps([TWIN], listed, two="third", two_old="second") == ["issue golive"]


def test_what_nobody_describes_is_reported_and_revoked_only_when_told_so():
    listed = [row("reports", VALUES["one"], scopes=["read"]), row("support"), row("gone", state="revoked")]
    planned = plan([ONE], listed)
    assert (planned["steps"], planned["unknown"]) == ([], ["support"])
    (line,) = api_keys.describe(planned, False)
    assert line.startswith("left alone, described nowhere: support; describe them in app_api_keys")
    assert steps([ONE], listed, True) == ["revoke support"]


def test_a_long_report_is_cut():
    (line,) = api_keys.describe(plan([ONE], [row(f"k{i}") for i in range(30)]) | {"steps": []}, False)
    assert "k9 and 20 more;" in line


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("Traceback", "Expecting value"),
        ('{"keys": []}', "a JSON dict"),
        ('[{"name": "x"}]', "wanted name, and state"),
        ('[{"name": "--all", "state": "active"}]', "'--all' cannot be the name of a key"),
        ('[{"name": "x", "state": "active", "expires": "soon"}]', "x expires 'soon'"),
        ('[{"name": "x", "state": "active", "sha256": "abc"}]', "sha256 of x is not"),
    ],
)
def test_a_list_that_is_none_is_a_sentence_and_nothing_is_done(listed, said):
    planned = api_keys.plan([ONE], listed, secrets(), COMMANDS, True)
    assert planned["steps"] == []
    assert "printed no list of keys" in planned["wrong"][0]
    assert said in planned["wrong"][0]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"name": "-x", "secret": "one"}, "wanted a name of letters"),
        ({"name": "x", "secret": "none"}, "no secret is named none"),
        ({"name": "x"}, "say which secret holds its value"),
        ({"name": "x", "secret": "one", "expires": "2027-01-01", "days": 3}, "exclude each other"),
        ({"name": "x", "secret": "one", "expires": "tomorrow"}, "tomorrow is no day"),
        ({"name": "x", "secret": "one", "days": 0, "expires": ""}, ""),
        ({"name": "x", "secret": "one", "days": -1}, "wanted 1 or more"),
        ({"name": "x", "secret": "vaulted", "days": 3}, "a day for vaulted in secrets_made"),
        ({"name": "golive_b", "secret": "one"}, "golive_b is there 2 times"),
        ({"name": "x", "secret": "two"}, "2 keys have secret two"),
    ],
)
def test_a_description_that_cannot_be_meant_is_refused(key, said):
    found = api_keys.refusals([TWIN, key], COMMANDS, secrets())
    assert (said in found[0]) if said else found == []


def test_commands_that_are_needed_and_missing_are_named():
    described = [{**ONE, "expires": "2027-01-01"}]
    assert api_keys.refusals([], {}, secrets()) == []
    found = " ".join(api_keys.refusals(described, {"list": ["l"]}, secrets()))
    for name in ("no issue", "no revoke", "no scope", "no expires"):
        assert name in found


def test_secrets_are_taken_from_the_store():
    catalogue = [{"name": "two", "rotation": "twin"}, {"name": "one", "rotation": "none"}]
    found = api_keys.Secrets.of(VALUES, {"two": "_b"}, catalogue, [{"name": "one", "made": MADE}])
    assert found.twins == {"two"}
    assert found.made == {"one": MADE}
