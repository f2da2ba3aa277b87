"""What a run says of itself to Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golive_core import record
from golive_core.run_report import metrics

TIME = "2026-11-28T04:00:00.500Z"


def gate(verdict: str, value: Any = None, **more: Any) -> dict[str, Any]:
    data = {"gate": "preflight.disk", "host": "edge1", "verdict": verdict, "value": value, "unit": "1", **more}
    return {"kind": "gate", "time": TIME, "data": data}


def test_a_gate_is_told_with_verdict_and_value() -> None:
    told = metrics([{"kind": "run.started", "time": TIME, "data": {}}, gate("PASS", 0.765)], "1.4.0", "preflight")
    names = 'gate="preflight.disk",phase="preflight",measured_on="edge1"'
    assert f'golive_gate{{{names},verdict="PASS"}} 1\n' in told
    assert f'golive_gate_value{{{names},unit="1"}} 0.765\n' in told
    assert 'golive_run_phase{release="1.4.0",phase="preflight"} 1\n' in told
    assert 'golive_run_seen_timestamp_seconds{release="1.4.0"} 1795838400\n' in told


def test_the_last_verdict_counts_and_a_waiver_shows() -> None:
    told = metrics([gate("FAIL"), gate("FAIL", waived={"reason": "known"})], "1.4.0", "preflight")
    assert told.count("golive_gate{") == 1
    assert 'verdict="WAIVED"} 0\n' in told


def test_a_text_is_no_value() -> None:
    assert "golive_gate_value" not in metrics([gate("PASS", "1.4.0"), gate("PASS", True)], "1.4.0", "release")


def test_a_strange_release_breaks_no_line() -> None:
    assert r'release="1\"\n\\"' in metrics([], '1"\n\\', "preflight")
    assert len(metrics([], '1"\n\\', "preflight").splitlines()) == 3


def test_before_the_first_event_only_the_phase_is_told() -> None:
    assert "golive_gate" not in metrics([], "1.4.0", "preflight")


def test_a_run_of_some_phases_takes_nothing_away_from_the_gates_of_others(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "filter_plugins"))
    from golive_grafana import run_report_of

    whole, part = tmp_path / "20261128T100000Z-1.4.0", tmp_path / "20261128T110000Z-1.5.0"
    for directory, value in ((whole, 0.5), (part, 0.7)):
        directory.mkdir()
        run = {"app": "a", "release": "1", "kind": "golive", "phases": [], "who": "ada", "where": "desk"}
        found = {"gate": f"preflight.{directory.name[-5:]}", "host": "edge1", "verdict": "PASS", "value": value, "n": 1}
        record.append(directory, [("run.started", run), ("gate", found | {"message": "", "remedy": ""})])
    told = run_report_of(str(part), "1.5.0", "preflight")
    assert 'gate="preflight.1.4.0",phase="preflight",measured_on="edge1",unit=""} 0.5' in told
    assert 'gate="preflight.1.5.0",phase="preflight",measured_on="edge1",unit=""} 0.7' in told
    assert 'golive_run_phase{release="1.5.0"' in told
