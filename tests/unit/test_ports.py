"""What was seen of ports, as a sentence and a count."""

from __future__ import annotations

import pytest
from golive_core.ports import Seen, sentence, wrong

OPEN, REFUSED, FILTERED = Seen("a:1", "open"), Seen("b:2", "refused"), Seen("c:3", "filtered")
UNKNOWN = Seen("d:4", "unknown", "Name or service not known")


@pytest.mark.parametrize(
    ("expect", "found"),
    [("open", [REFUSED, FILTERED, UNKNOWN]), ("closed", [OPEN, UNKNOWN])],
)
def test_refused_and_filtered_are_closed_and_what_is_unknown_is_neither(expect, found):
    assert wrong([OPEN, REFUSED, FILTERED, UNKNOWN], expect) == found


@pytest.mark.parametrize(
    ("seen", "expect", "said"),
    [
        ([OPEN, REFUSED], "closed", "a:1 open from edge1, wanted closed"),
        ([FILTERED, OPEN], "open", "c:3 filtered from edge1, wanted open"),
        ([UNKNOWN], "closed", "d:4 Name or service not known from edge1, wanted closed"),
        ([FILTERED, REFUSED, FILTERED], "closed", "refused from edge1: b:2; filtered from edge1: c:3, c:3"),
        ([OPEN] * 2, "open", "open from edge1: a:1, a:1"),
    ],
)
def test_what_is_wrong_comes_first(seen, expect, said):
    assert sentence(seen, expect, "edge1") == said
