"""Set to tell only, it tells and switches nothing."""

from __future__ import annotations

UNITS = ["golive-watcher"]


def test_a_dry_run_says_what_it_would_do(armed, state, plant, becomes, live, journal, fetch, host, address):
    plant("green", error=1.0)
    would = becomes(lambda: state().get("would_act"), 30)
    assert would, state()
    assert "DRY RUN, would go back to blue" in journal(armed)
    assert live()["live"] == "green"
    assert state()["frozen"] == {}
    assert fetch(host, f"http://{address('edge1')}:8417/metrics")["status"] == 200
