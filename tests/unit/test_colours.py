"""The map file: what may stand in it, and which colour takes over."""

from __future__ import annotations

import pytest
from golive_core.colours import Live, from_entries, other, read_map, replace_map, write_map


@pytest.mark.parametrize(("live", "idle"), [("blue", "green"), ("green", "blue"), ("none", "blue")])
def test_the_colour_that_takes_over(live: str, idle: str) -> None:
    assert other(live) == idle


def test_what_is_written_is_read_back() -> None:
    live = Live("blue", generation=6).becoming("green", 20, release="1.1.0")
    assert read_map(write_map(live)) == live == Live("green", "blue", 20, 7, release_green="1.1.0")


def test_without_a_share_there_is_no_canary() -> None:
    assert Live("blue", "green", 20, 6).becoming("green").canary == "none"


def test_a_colour_keeps_the_name_of_its_release() -> None:
    there = Live("blue", release_blue="1.0.0").becoming("green", release="1.1.0")
    assert (there.release_blue, there.release_green) == ("1.0.0", "1.1.0")
    assert there.becoming("blue") == Live("blue", generation=2, release_blue="1.0.0", release_green="1.1.0")
    assert there.becoming("green", release="1.1.1").generation == there.generation


def test_comments_and_blank_lines_are_skipped() -> None:
    assert read_map("# live blue\n\nlive none\ncanary none\n canary_share 0\ngeneration 0\n") == Live()


def test_who_is_in_a_share_is_told_while_there_is_one_and_counts_as_a_change() -> None:
    shared = Live("blue", generation=5).becoming("blue", 10, canary_by="random", canary_release="1.1.0")
    assert shared == Live("blue", "green", 10, 6, release_green="1.1.0", canary_by="random")
    assert shared.described == "blue with 10 % for green"
    assert shared.becoming("blue", 10, canary_by="header").generation == 7
    assert shared.becoming("green", canary_by="random") == Live("green", generation=7, release_green="1.1.0")


@pytest.mark.parametrize("colour", [None, "none"])
def test_a_release_without_its_colour_is_refused(colour: str | None) -> None:
    with pytest.raises(ValueError, match="needs a colour that runs it"):
        Live("blue").becoming(colour, release="1.1.0")


def test_a_switch_back_and_forth_changes_the_generation_but_not_the_traffic() -> None:
    assert Live("blue", generation=1).traffic == Live("blue", generation=3).traffic


def test_maintenance_changes_neither_the_traffic_nor_the_generation() -> None:
    live = Live("blue", "green", 5, 12)
    held = live.becoming(None, 0, "hold")
    assert held == Live("blue", "green", 5, 12, "hold")
    assert held.becoming("green", 0, None) == Live("green", "none", 0, 13, "hold")
    assert held.becoming(None, 0, "off") == live


def test_a_map_of_before_maintenance_and_releases_is_read() -> None:
    assert read_map("live blue\ncanary none\ncanary_share 0\ngeneration 3\n") == Live("blue", generation=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("live blue\n", "no canary, canary_share, generation"),
        ("live red\ncanary none\ncanary_share 0\ngeneration 1\n", 'live is "red"'),
        ("live blue\ncanary green\ncanary_share 101\ngeneration 1\n", "canary_share is 101"),
        ("live blue\ncanary blue\ncanary_share 10\ngeneration 1\n", "needs a live colour and the other one"),
        ("live none\ncanary green\ncanary_share 10\ngeneration 1\n", "needs a live colour"),
        ("live blue\ncanary none\ncanary_share 0\ngeneration 1\nmaintenance on\n", 'maintenance is "on"'),
        ("live blue\ncanary none\ncanary_share 0\ngeneration 1\nrelease_blue 1 0\n", 'release is "1 0"'),
        ("live blue\ncanary green\ncanary_share 5\ngeneration 1\ncanary_by luck\n", 'canary_by is "luck"'),
        ("live blue\ncanary none\ncanary_share many\ngeneration 1\n", "many"),
    ],
)
def test_a_map_that_the_edge_could_not_serve_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_map(text)


def test_entries_of_a_worker_are_read_like_the_file() -> None:
    live = Live("blue", "green", 5, 12, "page", "1.0.0")
    assert from_entries(live.entries()) == live


def test_no_edge_counts_past_another() -> None:
    assert Live("blue", generation=4).becoming("green", at_least=8).generation == 8
    assert Live("blue", generation=9).becoming("green", at_least=8).generation == 10
    assert Live("blue", generation=4).becoming("blue", at_least=8) == Live("blue", generation=8)
    assert Live("blue", generation=9).becoming("blue", at_least=8) == Live("blue", generation=9)


@pytest.mark.parametrize(
    ("others", "begins"),
    [
        ([], Live("blue", generation=4)),
        ([Live("green", generation=5), Live("blue", generation=3)], Live("green", generation=5)),
        ([Live("green", generation=3)], Live("blue", generation=4)),
        ([Live("blue", generation=4, maintenance="page")], Live("blue", generation=4, maintenance="page")),
        ([Live("green", generation=4)], Live("blue", generation=4)),
    ],
    ids=["alone", "switched meanwhile", "behind", "same traffic", "torn"],
)
def test_an_edge_that_comes_back_begins_with_the_newest_map(others: list[Live], begins: Live) -> None:
    assert Live("blue", generation=4).after_asking(others) == begins


def test_the_file_is_replaced_as_a_whole(tmp_path) -> None:
    path = tmp_path / "live.map"
    replace_map(path, Live("blue", generation=4))
    replace_map(path, Live("green", generation=5))
    assert read_map(path.read_text(encoding="utf-8")) == Live("green", generation=5)
    assert [file.name for file in tmp_path.iterdir()] == ["live.map"]
    assert path.stat().st_mode & 0o777 == 0o644
