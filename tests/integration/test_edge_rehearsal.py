"""The requests of a rehearsal: they are sent when they are due, whatever became of those before."""

from __future__ import annotations

import time

from support import program, serving


def test_requests_that_hang_do_not_delay_those_after_them() -> None:
    rehearsal = program("library/edge_rehearsal.py")
    with serving() as port:
        params = {"url": f"http://127.0.0.1:{port}/slow?3", "address": "", "ca_file": "", "rate": 25}
        with rehearsal._asking(params) as asked:
            time.sleep(1)
    assert len(asked) >= 20
    assert max(each.began for each in asked) < min(each.ended for each in asked)  # none waited for another
    assert not [each.problem for each in asked if each.problem]
