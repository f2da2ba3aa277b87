"""What stays on a host when a release has taken over, and what goes."""

from __future__ import annotations

import pytest
from golive_core.retention import Kept, forgettable, oldest, unused_images

RELEASES = {
    "1.0": Kept("sha256:a", 100),
    "1.1": Kept("sha256:b", 200),
    "1.2": Kept("sha256:c"),
    "1.3": Kept("sha256:d", 400),
    "1.4": Kept("sha256:e", 500),
    "1.5": Kept("sha256:f"),
}
WANTED = {"1.5", "1.4"}


@pytest.mark.parametrize(
    ("keep", "gone"),
    [
        (0, ["1.0", "1.1", "1.2", "1.3"]),
        (1, ["1.0", "1.1", "1.2"]),
        (2, ["1.0", "1.2"]),
        (3, ["1.2"]),
        (9, ["1.2"]),
    ],
)
def test_the_last_that_were_verified_stay(keep: int, gone: list[str]) -> None:
    assert forgettable(RELEASES, WANTED, keep) == gone


def test_it_counts_when_it_last_served_and_not_its_name() -> None:
    assert forgettable({"9.0": Kept("", 1), "1.0": Kept("", 2)}, (), 1) == ["9.0"]


def test_an_image_goes_with_its_last_release() -> None:
    again = RELEASES | {"1.0-again": Kept("sha256:a", 50)}
    assert unused_images(again, ["1.0", "1.1"], ()) == ["sha256:b"]


def test_an_image_of_any_container_stays() -> None:
    assert unused_images(RELEASES, ["1.0", "1.1"], ["sha256:a"]) == ["sha256:b"]


def test_a_release_without_an_image_takes_none_along() -> None:
    assert unused_images({"1.0": Kept()}, ["1.0"], ()) == []


@pytest.mark.parametrize(
    ("keep", "gone"), [(1, ["2024", "2025", "2027"]), (2, ["2024", "2025"]), (3, ["2024"]), (4, []), (9, [])]
)
def test_of_names_that_begin_with_their_time_the_oldest_go_but_never_the_one_that_was_just_written(
    keep: int, gone: list[str]
) -> None:
    assert oldest(["2025", "2026", "2027", "2024"], keep, "2026") == gone
