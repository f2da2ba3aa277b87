"""The map file: what may stand in it, and which colour takes over."""

from __future__ import annotations

import pytest
from golive_core.colours import Live, from_entries, other, read_map, write_map


@pytest.mark.parametrize(("live", "idle"), [("blue", "green"), ("green", "blue"), ("none", "blue")])
def test_the_colour_that_takes_over(live: str, idle: str) -> None:
    assert other(live) == idle


def test_what_is_written_is_read_back() -> None:
    live = Live.serving("green", 20, 7)
    assert read_map(write_map(live)) == live == Live("green", "blue", 20, 7)


def test_without_a_share_there_is_no_canary() -> None:
    assert Live.serving("green", 0, 7).canary == "none"


def test_comments_and_blank_lines_are_skipped() -> None:
    assert read_map("# live blue\n\nlive none\ncanary none\n canary_share 0\ngeneration 0\n") == Live()


def test_a_switch_back_and_forth_changes_the_generation_but_not_the_traffic() -> None:
    assert Live.serving("blue", 0, 1).traffic == Live.serving("blue", 0, 3).traffic


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("live blue\n", "no canary, canary_share, generation"),
        ("live red\ncanary none\ncanary_share 0\ngeneration 1\n", 'live is "red"'),
        ("live blue\ncanary green\ncanary_share 101\ngeneration 1\n", "canary_share is 101"),
        ("live blue\ncanary blue\ncanary_share 10\ngeneration 1\n", "needs a live colour and the other one"),
        ("live none\ncanary green\ncanary_share 10\ngeneration 1\n", "needs a live colour"),
        ("live blue\ncanary none\ncanary_share many\ngeneration 1\n", "many"),
    ],
)
def test_a_map_that_the_edge_could_not_serve_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_map(text)


def test_entries_of_a_worker_are_read_like_the_file() -> None:
    live = Live.serving("blue", 5, 12)
    assert from_entries(live.entries()) == live
