"""The file and the workers change together, and the way back is noted before."""

from __future__ import annotations

from pathlib import Path

import pytest
from golive_core.colours import Live, read_map, replace_map
from golive_core.haproxy import EdgeError
from golive_core.switching import note_return, switch, way_back

OLD = Live(live="blue", generation=4, release_blue="1.0.0")


class Workers:
    """An edge whose workers take the old map only."""

    def set_map(self, wanted: Live) -> dict[int, Live]:
        if wanted != OLD:
            raise EdgeError("worker 7 is stuck")
        return {7: wanted}


def test_a_switch_that_a_worker_refuses_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "live.map"
    replace_map(path, OLD)
    with pytest.raises(EdgeError, match="worker 7 is stuck; blue serves as before"):
        switch(Workers(), path, OLD, OLD.becoming("green"))  # type: ignore[arg-type]
    assert read_map(path.read_text()) == OLD


def test_the_way_back_is_that_of_the_switch_that_the_map_comes_from(tmp_path: Path) -> None:
    note, new = tmp_path / "return.json", OLD.becoming("green", release="1.1.0")
    note_return(note, OLD, new)
    assert way_back(note, new) == {
        "generation": 5, "colour": "green", "release": "1.1.0", "back_colour": "blue", "back_release": "1.0.0",
    }  # fmt: skip
    assert way_back(note, new.becoming("blue")) == {}  # somebody has gone back since
    assert way_back(note, OLD) == {}  # it was noted, and then not switched


def test_before_the_first_release_the_way_back_leads_to_none(tmp_path: Path) -> None:
    first = Live().becoming("blue", release="1.0.0")
    note_return(tmp_path / "return.json", Live(), first)
    assert way_back(tmp_path / "return.json", first)["back_colour"] == "none"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"generation": 5}'])
def test_a_note_that_cannot_be_read_leads_nowhere(tmp_path: Path, text: str) -> None:
    (tmp_path / "return.json").write_text(text)
    assert way_back(tmp_path / "return.json", OLD.becoming("green")) == {}
