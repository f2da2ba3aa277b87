"""Beside the distribution of a new release stands that of the release before it, wherever there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from golive_core import baseline
from golive_core.page import html

RAW = f"raw/{'0' * 64}.txt"


def keep(records: Path, name: str, release: str, numbers: list[float], **more: Any) -> dict[str, Any]:
    """Keep a finished record with one gate that has samples."""
    gate = {
        "gate": "performance.latency_p95", "host": "ops1", "verdict": "PASS", "unit": "s", "threshold": 0.5, "n": 40,
        "raw": RAW, "title": "P95",
    }  # fmt: skip
    told = {
        "run": {"app": "shop", "release": release}, "verdict": "LIVE", "gates": [gate],
        "phases": {}, "switches": [], "notes": [], "messages": [], "failures": [], "signature": {"signed": False},
        **more,
    }  # fmt: skip
    (records / name / "raw").mkdir(parents=True)
    (records / name / RAW).write_text("".join(f"{number}\n" for number in numbers), encoding="utf-8")
    (records / name / "record.json").write_text(json.dumps(told), encoding="utf-8")
    return told


@pytest.fixture
def records(tmp_path: Path) -> Path:
    keep(tmp_path, "20261101T000000Z-1.0.0", "1.0.0", [0.1] * 40)
    keep(tmp_path, "20261102T000000Z-1.1.0", "1.1.0", [0.2] * 40)
    return tmp_path


def seen(records: Path, release: str = "1.2.0", **more: Any) -> baseline.Baseline:
    told = keep(records, f"20261110T000000Z-{release}", release, [0.3] * 40, **more)
    return baseline.of(records / f"20261110T000000Z-{release}", told)


def test_it_is_the_release_that_went_live_before(records: Path) -> None:
    assert seen(records) == baseline.Baseline("1.1.0", {("performance.latency_p95", "ops1"): [0.2] * 40})


def test_the_same_release_is_not_compared_with_itself(records: Path) -> None:
    assert seen(records, "1.1.0").release == "1.0.0"


@pytest.mark.parametrize(
    "more", [{"verdict": "ROLLED BACK"}, {"run": {"app": "other", "release": "1.1.5"}}, {"gates": []}, {"gates": 7}]
)
def test_what_failed_or_is_of_another_application_is_none(records: Path, more: dict[str, Any]) -> None:
    keep(records, "20261103T000000Z-1.1.5", "1.1.5", [9.0] * 40, **more)
    assert seen(records).release == "1.1.0"


def test_a_run_that_only_verified_is_none(records: Path) -> None:
    keep(records, "20261103T000000Z-1.1.5", "1.1.5", [9.0] * 29, verdict="VERIFIED")
    assert seen(records).release == "1.1.0"


def test_a_later_record_is_none(records: Path) -> None:
    keep(records, "20261201T000000Z-1.3.0", "1.3.0", [9.0] * 40)
    assert seen(records).release == "1.1.0"


def test_without_one_there_is_nothing_beside(tmp_path: Path) -> None:
    assert seen(tmp_path) == baseline.Baseline()


def test_the_page_draws_both_and_says_which_is_which(records: Path) -> None:
    told = json.loads((records / "20261102T000000Z-1.1.0/record.json").read_text(encoding="utf-8"))
    before = baseline.Baseline("1.0.0", {("performance.latency_p95", "ops1"): [0.1] * 40})
    samples = {RAW: [0.2] * 40}
    assert 'class="before"' not in html(told, samples, "en")
    page = html(told, samples, "en", before)
    assert page.count('<polyline class="before"') == 1
    assert '<span class="right-key">■</span> 1.1.0: 40 requests; P50 200 ms' in page
    assert '<span class="before-key">■</span> 1.0.0: 40 requests; P50 100 ms' in page
