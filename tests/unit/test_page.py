"""record.html: whole in itself, in both languages, and safe whatever a record holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from golive_core import charts, record
from golive_core.page import html
from golive_core.render import markdown

START = "2026-11-25T01:00:00.000Z"
RAW = {"raw/a.txt": [0.01] * 90 + [0.2] * 9 + [1.5], "raw/b.txt": [60.0] * 30, "raw/c.txt": [1797.0, 1799.0]}


def gate(id: str, verdict: str = "PASS", **values: Any) -> dict[str, Any]:
    return {
        "gate": id, "host": "ops1", "phase": id.split(".")[0], "verdict": verdict,
        "title": {"en": f"T {id}", "zh": f"题 {id}"},
        "value": None, "bound": None, "threshold": None, "unit": "1", "n": 5, "message": "seen",
        "remedy": {"en": "Look.", "zh": "查看。"}, "waived": None, "started": START, "seconds": 30, **values,
    }  # fmt: skip


def told(*extra: dict[str, Any], **run: Any) -> dict[str, Any]:
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("run.started", {"app": "football", "release": "1.1.0", "who": "ada", "where": "desk", "contacts": [
            {"role": {"en": "Operations", "zh": "运维"}, "name": "Ada", "contact": "+00"}], **run}, START),
        ("phase.completed", {"phase": "preflight"}, "2026-11-25T01:00:05.000Z"),
        ("switch", {"before": "1.0.0", "after": "1.1.0"}, "2026-11-25T01:00:10.000Z"),
        *[("gate", each, "2026-11-25T01:00:40.000Z") for each in extra],
    ]  # fmt: skip
    events: list[dict[str, Any]] = []
    for kind, data, time in rows:
        events.append(record.chained(kind, data, events[-1] if events else None, time))
    return record.tell(events)


LOAD = (
    gate("performance.latency_p95", raw="raw/a.txt", unit="s", bound=0.2, threshold=0.5),
    gate("performance.throughput", raw="raw/b.txt", unit="1/s", bound=58.0, threshold=50),
    gate("performance.errors", "FAIL", raw="raw/c.txt", bound=0.02, threshold=0.01, n=1800, failures=2),
)


class Reader(HTMLParser):
    """Collects elements and text; complains of what is not closed in order."""

    VOID = frozenset(("meta", "br", "input", "rect", "line", "polyline"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words += data


@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_it_is_one_whole_page_that_asks_nobody(language: str) -> None:
    page = html(told(*LOAD), RAW, language)
    seen = Reader(page)
    asking = [
        tag for tag, attrs in seen.tags if tag in ("link", "img", "iframe", "object") or {"src", "href"} & set(attrs)
    ]
    assert asking == []
    assert re.findall(r"https?:|url\(|@import|//[a-z]", page) == []
    assert "default-src 'none'" in page
    assert not any("style" in attrs for _, attrs in seen.tags), "its own policy would refuse an inline style"


def test_each_language_alone_and_both_with_a_switch() -> None:
    data = told(*LOAD)
    english, chinese, both = (html(data, RAW, language) for language in ("en", "zh", "both"))
    assert "UNPROVEN" in english
    assert not re.search(r"[\u4e00-\u9fff]", Reader(english).words)
    assert "未证实" in chinese
    assert "UNPROVEN" not in Reader(chinese).words
    assert [attrs["data-set"] for _, attrs in Reader(both).tags if "data-set" in attrs] == ["en", "zh"]
    assert '<span lang="en">Phase</span><span lang="zh">阶段</span>' in both
    assert "data-set=" not in english.replace("button[data-set]", "")


HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<!-- --><svg onload=alert(1)>",
    "&lt;b&gt; ]]> \u202e \x00",
]


@pytest.mark.parametrize("evil", HOSTILE)
@pytest.mark.parametrize("language", ["en", "both"])
def test_nothing_in_a_record_becomes_markup(evil: str, language: str) -> None:
    texts = {"en": evil, "zh": evil + "中"}
    spoiled = gate(
        f"performance.{evil}", "FAIL", host=evil, phase=evil, title=texts, message=evil, remedy=texts,
        unit=evil, value=evil, threshold=evil, waived={"who": evil, "until": evil, "reason": evil},
    )  # fmt: skip
    contacts = [{"role": texts, "name": evil, "contact": evil}]
    manifest = {"commit": evil, "image_id": evil, "changes": [{"kind": "added", "text": texts}]}
    values: dict[str, Any] = {
        "app": evil, "release": evil, "who": evil, "team": [evil], "awx_job": evil, "contacts": contacts,
        "manifest": manifest,
    }  # fmt: skip
    data = told(spoiled, gate(evil, "FAIL", raw="raw/a.txt", unit="s", threshold=0.5, host=evil), **values)
    data["switches"][0].update(before=evil, after=evil)
    data["notes"].append({"time": START, "message": evil})
    data["failures"].append({"phase": evil, "host": evil, "message": evil})
    data["signature"] = {"signed": False, "why": evil}
    good = Reader(html(told(spoiled | gate("performance.x", "FAIL")), RAW, language))
    seen = Reader(html(data, RAW, language))
    assert {tag for tag, _ in seen.tags} <= {tag for tag, _ in good.tags} | {
        "ul",
        "li",
        "h3",
        "polyline",
        "rect",
        "line",
    }
    assert not any(name.startswith("on") for _, attrs in seen.tags for name in attrs)
    assert sum(tag == "script" for tag, _ in seen.tags) == 1
    text = markdown(data, language)
    assert not re.search(r"<[a-z/!]", text, re.IGNORECASE)


def test_the_gates_can_be_filtered_by_what_the_script_reads() -> None:
    page = html(told(*LOAD), RAW, "en")
    rows = [attrs for tag, attrs in Reader(page).tags if tag == "tr" and "data-phase" in attrs]
    assert [(row["data-phase"], row["data-verdict"]) for row in rows] == [
        ("performance", "PASS"), ("performance", "PASS"), ("performance", "FAIL"),
    ]  # fmt: skip
    ids = {attrs["id"] for _, attrs in Reader(page).tags if attrs.get("id")}
    assert ids == {"phase", "verdict", "words", "shown", "gates"}


def test_the_raw_samples_are_drawn_and_the_switch_is_marked() -> None:
    page = html(told(*LOAD), RAW, "en")
    assert "100 requests; P50 10 ms, P95 200 ms, P99 200 ms" in page
    assert "limit 500 ms</text>" in page
    assert '<polyline class="right"' in page
    assert '<polyline class="errors"' in page  # both requests that failed, in the last second
    per_second = page.split("<h2>Right answers")[1]
    assert ">switch</text>" in per_second.split("</section>")[0]
    without = html(told(*LOAD), {}, "en")
    assert without.count("The record has no raw samples of this.") == 2


def test_a_switch_outside_of_the_load_is_not_marked_in_it() -> None:
    later = [{**each, "started": "2026-11-25T01:05:00.000Z"} for each in LOAD]
    per_second = html(told(*later), RAW, "en").split("<h2>Right answers")[1].split("</section>")[0]
    assert ">switch</text>" not in per_second


def test_an_empty_record_is_a_page_too() -> None:
    Reader(html(record.tell([]), {}, "both"))


@pytest.mark.parametrize("started", ["", "soon", "2026-11-25T01:00:00", None, 7])
@pytest.mark.parametrize("number", [float("inf"), float("nan"), -1.0, True, "much", None])
def test_whatever_a_probe_wrote_a_page_comes_of_it(started: Any, number: Any) -> None:
    odd = [{**each, "started": started, "value": number, "bound": number, "threshold": number} for each in LOAD]
    page = html(told(*odd), RAW, "both")
    Reader(page)
    assert not re.search(r'="(nan|inf)"', page)


# --- charts


@pytest.mark.parametrize("samples", [[0.0], [0.1], [0.1] * 5, [1e-9, 1e9], [0.001, 0.01, 0.1]])
@pytest.mark.parametrize("limit", [None, 0.5, 0.0, -1.0])
def test_a_distribution_of_anything_holds_every_sample(samples: list[float], limit: float | None) -> None:
    drawn = charts.histogram(samples, limit, "l", "limit")
    bars = re.findall(r'class="bar" x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="([\d.]+)"', drawn)
    assert len(bars) == len({round(max(sample, 1e-6), 9) for sample in samples})
    assert all(charts.LEFT <= float(x) <= charts.WIDTH for x, _ in bars)
    assert "nan" not in drawn


def test_a_bar_is_as_high_as_its_share() -> None:
    heights = sorted(
        float(height)
        for height in re.findall(
            r'class="bar".*?height="([\d.]+)"', charts.histogram([0.01] * 30 + [1.0] * 10, None, "l", "")
        )
    )
    assert heights[1] / heights[0] == pytest.approx(3, abs=0.01)


def test_a_line_goes_through_its_numbers() -> None:
    drawn = charts.series([("right", [0, 10])], [(1, "switch"), (9, "late")], 10, "l")
    (points,) = re.findall(r'points="([^"]+)"', drawn)
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points.split())
    assert (x1 > x0, y0 > y1, y1) == (True, True, charts.TOP)
    assert "late" not in drawn


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.0123, "12.3 ms"), (0.5, "500 ms"), (1.5, "1.5 s"), (1234.5, "1234 s")]
)
def test_a_short_time_in_words(seconds: float, said: str) -> None:
    assert charts.time(seconds) == said


def test_a_value_is_drawn_beside_its_limit() -> None:
    drawn = charts.against(50, 100, "good", "l")
    bar, line = re.search(r'class="good".*?width="([\d.]+)"', drawn), re.search(r'x1="([\d.]+)"', drawn)
    assert bar
    assert line
    assert float(line[1]) == pytest.approx(2 * float(bar[1]), abs=0.2)
    assert charts.against(0, 0, "good", "l")


def test_who_is_exempt_from_the_rate_limit_is_told() -> None:
    words = Reader(html(told(rate_limit_exempt=["192.0.2.11", "198.51.100.0/24"]), {}, "en")).words
    assert all(each in words for each in ("Exempt from the rate limit", "192.0.2.11", "198.51.100.0/24"))
