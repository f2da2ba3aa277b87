"""What releases.toml says about this tree."""

import tomllib
from pathlib import Path

import pytest

from football import RELEASE, migrate

TREE = Path(__file__).resolve().parent.parent
RELEASES = {row["version"]: row for row in tomllib.loads((TREE / "releases.toml").read_text("utf-8"))["release"]}


def test_the_code_is_the_release_that_it_says_it_is() -> None:
    assert migrate.head() == RELEASES[RELEASE]["alembic_head"]
    for name in RELEASES[RELEASE]["leave_out"]:
        assert not (TREE / name).exists()
        assert not Path(migrate.__file__).parent.parent.joinpath(name).exists()


def test_the_newest_release_leaves_nothing_out() -> None:
    newest = next(iter(RELEASES.values()))
    assert newest["leave_out"] == []
    assert list(RELEASES) == sorted(RELEASES, key=lambda version: [int(part) for part in version.split(".")])[::-1]


@pytest.mark.parametrize("version", RELEASES)
def test_every_change_is_told_in_both_languages(version: str) -> None:
    assert RELEASES[version]["changes"]
    for change in RELEASES[version]["changes"]:
        assert change["kind"] in {"added", "improved", "fixed", "config"}
        assert set(change["text"]) == {"en", "zh"}
        assert all(change["text"].values())
