"""The generated secrets, how a rotation leaves them, and what is known of their age."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from golive_core import store

NOW = 1_790_000_000.0
ONE = {"name": "one", "rotation": "overlap", "max_age_days": 90, "purpose": {"en": "a test", "zh": "测试"}}
TWIN = {"name": "two", "rotation": "twin", "max_age_days": 180, "purpose": {"en": "turns", "zh": "轮流"}}
CATALOGUE = [ONE, TWIN]
KEPT = {"name": "kept", "rotation": "none", "max_age_days": 0, "purpose": {"en": "refused", "zh": "拒绝"}}


def read(directory: Path, **vaults: dict[str, str]) -> dict[str, dict[str, str]]:
    given = {"vault": {}, "vault_old": {}, "vault_slots": {}, **vaults}
    return store.read(directory, CATALOGUE, **given)


def names(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


def begin(directory: Path, name: str) -> None:
    (directory / name).rename(directory / f"{name}.old")


def test_what_is_missing_is_generated_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    first = read(directory)
    assert first == read(directory)
    assert first["secrets"]["one"] != first["secrets"]["two"]
    assert all(len(first["secrets"][name]) == store.LENGTH for name in ("one", "two"))
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()} == {"one": 0o600, "two": 0o600}


def test_a_value_that_another_process_has_generated_meanwhile_stays(tmp_path: Path) -> None:
    store.generate(tmp_path / "one")
    kept = (tmp_path / "one").read_text()
    store.generate(tmp_path / "one")
    assert (tmp_path / "one").read_text() == kept
    assert names(tmp_path) == ["one"]


def test_a_value_that_ansibles_own_lookup_generated_is_read(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("value salt=abc\n")
    assert read(tmp_path)["secrets"]["one"] == "value"


def test_with_an_overlap_both_values_are_known_until_the_old_one_is_removed(tmp_path: Path) -> None:
    before = read(tmp_path)["secrets"]
    assert before["one_old"] == ""
    begin(tmp_path, "one")
    between = read(tmp_path)
    assert between["secrets"]["one_old"] == before["one"] != between["secrets"]["one"]
    assert between["slots"]["one"] == ""
    (tmp_path / "one.old").unlink()
    after = read(tmp_path)["secrets"]
    assert (after["one"], after["one_old"]) == (between["secrets"]["one"], "")


def test_twins_take_turns(tmp_path: Path) -> None:
    first = read(tmp_path)
    assert first["slots"]["two"] == ""
    assert (first["secrets"]["two_a"], first["secrets"]["two_b"]) == (first["secrets"]["two"], "")

    begin(tmp_path, "two")
    second = read(tmp_path)
    assert second["slots"]["two"] == "_b"
    assert second["secrets"]["two_a"] == second["secrets"]["two_old"] == first["secrets"]["two"]
    assert second["secrets"]["two_b"] == second["secrets"]["two"] != first["secrets"]["two"]
    (tmp_path / "two.old").unlink()
    assert read(tmp_path)["secrets"] == {**second["secrets"], "two_a": "", "two_old": ""}

    begin(tmp_path, "two_b")
    third = read(tmp_path)
    assert third["slots"]["two"] == ""
    assert third["secrets"]["two_b"] == second["secrets"]["two"]
    assert third["secrets"]["two_a"] == third["secrets"]["two"] not in (first["secrets"]["two"], "")


def test_a_vault_wins_and_nothing_is_generated_for_it(tmp_path: Path) -> None:
    told = read(tmp_path, vault={"two": "new", "smtp": "own"}, vault_old={"two": "former"}, vault_slots={"two": "_b"})
    assert told["slots"]["two"] == "_b"
    known = told["secrets"]
    assert (known["two"], known["two_b"], known["two_a"], known["two_old"]) == ("new", "new", "former", "former")
    assert known["smtp"] == "own"
    assert names(tmp_path) == ["one"]


def test_ages(tmp_path: Path) -> None:
    read(tmp_path)
    os.utime(tmp_path / "one", (NOW - 91 * store.DAY,) * 2)
    os.utime(tmp_path / "two", (NOW - 91 * store.DAY,) * 2)
    one, two = store.ages(tmp_path, CATALOGUE, [], {}, NOW)
    assert (one["state"], two["state"]) == ("overdue", "fresh")
    assert (one["source"], one["made"], one["max_age_days"]) == ("generated", NOW - 91 * store.DAY, 90)


def test_a_rotation_that_has_not_ended_shows(tmp_path: Path) -> None:
    read(tmp_path)
    begin(tmp_path, "one")
    assert [row["state"] for row in store.ages(tmp_path, [ONE], [], {}, NOW)] == ["rotating"]


def test_what_nobody_has_asked_for_is_not_made_yet(tmp_path: Path) -> None:
    (row,) = store.ages(tmp_path, [ONE], [], {}, NOW)
    assert (row["state"], row["made"]) == ("missing", None)
    assert store.describe([row], "en") == ["one (a test): generated, not made yet"]


def test_nobody_knows_the_age_of_a_vaulted_secret_unless_the_inventory_says(tmp_path: Path) -> None:
    (unknown,) = store.ages(tmp_path, [ONE], ["one"], {}, NOW)
    assert (unknown["state"], unknown["made"], unknown["source"]) == ("unknown", None, "vault")
    (known,) = store.ages(tmp_path, [ONE], ["one"], {"one": "2026-06-01"}, NOW)
    assert (known["state"], known["made"]) == ("overdue", 1_780_272_000)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        store.ages(tmp_path, [ONE], ["one"], {"one": "last summer"}, NOW)


def test_metrics_have_no_time_where_nobody_knows_it(tmp_path: Path) -> None:
    read(tmp_path)
    os.utime(tmp_path / "one", (NOW, NOW))
    lines = store.metrics(store.ages(tmp_path, CATALOGUE, ["two"], {}, NOW)).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f'golive_secret_made_timestamp_seconds{{name="one"}} {int(NOW)}',
        'golive_secret_max_age_seconds{name="one"} 7776000',
        'golive_secret_max_age_seconds{name="two"} 15552000',
    ]


def test_the_list_says_what_to_do(tmp_path: Path) -> None:
    given = {"vault": {"vaulted": "x"}, "vault_old": {}, "vault_slots": {}}
    catalogue = [ONE, TWIN, KEPT, {**ONE, "name": "vaulted"}, {**ONE, "name": "rotating"}]
    store.read(tmp_path, catalogue, **given)
    begin(tmp_path, "rotating")
    for name, days in (("one", 91), ("two", 91), ("kept", 4000)):
        os.utime(tmp_path / name, (NOW - days * store.DAY,) * 2)
    assert store.describe(store.ages(tmp_path, catalogue, ["vaulted"], {}, NOW), "en") == [
        "one (a test): generated, 91 days old, 1 too many: run playbooks/rotate.yml -e secret=one",
        "two (turns): generated, 91 days old, to be rotated within 89 days",
        "kept (refused): generated, 4000 days old, need not be rotated",
        "vaulted (a test): from the vault, of unknown age: say in secrets_made when it was made",
        "rotating (a test): generated, its old value was not withdrawn yet: "
        "run playbooks/rotate.yml -e secret=rotating again",
    ]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("one", ""),
        ("tow", "no secret is named 'tow'; did you mean two? Those that can be rotated are one, two"),
        ("x", "no secret is named 'x'. Those that can be rotated are one, two"),
        ("", "say which secret: -e secret=NAME. Those that can be rotated are one, two"),
        ("kept", "secret kept is not rotated: it opens nothing. Those that can be rotated are one, two"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(name: str, sentence: str) -> None:
    assert store.refusal(name, [*CATALOGUE, KEPT]) == sentence
