"""record.html as people meet it, in a real browser: filters, languages, a dark screen, a phone, paper, and no barrier.

Pictures of what was seen are left in .golive/screenshots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from golive_core import notes, record
from golive_core.page import html
from playwright.sync_api import Browser, Page, sync_playwright
from support import ROOT

from golive import engine

PICTURES = ROOT / ".golive" / "screenshots"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 700}
START = "2026-11-25T01:00:00.000Z"
SAMPLES = {"raw/a.txt": [0.01] * 90 + [0.2] * 9 + [1.5], "raw/b.txt": [60.0] * 30, "raw/c.txt": [1797.0, 1799.0]}
LONG = "the certificate of edge1 ends in 5 d, wanted more than 14 d; " * 4


def gate(name: str, verdict: str = "PASS", **values: Any) -> dict[str, Any]:
    return {
        "gate": name, "host": "edge1", "phase": name.split(".")[0], "verdict": verdict,
        "title": {"en": f"Title of {name}", "zh": f"{name} 的标题"},
        "value": 0.2, "bound": 0.3, "threshold": 0.5, "unit": "s", "n": 100, "message": LONG,
        "remedy": {"en": "Look at `journalctl`.", "zh": "查看 `journalctl`。"},
        "waived": None, "started": "2026-11-25T01:00:05.000Z", "seconds": 30, **values,
    }  # fmt: skip


def told() -> dict[str, Any]:
    """Return a record that has everything: each verdict, charts, a switch, a note, somebody to call."""
    waived = {"reason": "known", "who": "ada", "until": "2027-01-01"}
    events: list[tuple[str, dict[str, Any]]] = [
        ("run.started", {
            "id": "r1", "app": "shop", "release": "1.1.0", "kind": "golive", "who": "ada", "where": "desk",
            "team": ["ada"],
            "contacts": [{"role": {"en": "Operations", "zh": "运维"}, "name": "Ada", "contact": "+00"}],
            "manifest": {"changes": [{"kind": "added", "text": {"en": "Odds", "zh": "赔率"}}], "image_id": "sha256:0"},
        }),
        ("phase.completed", {"phase": "preflight"}),
        ("gate", gate("performance.latency_p95", raw="raw/a.txt")),
        ("gate", gate("performance.throughput", raw="raw/b.txt", unit="1/s", bound=58.0, threshold=50)),
        ("gate", gate("performance.errors", "FAIL", raw="raw/c.txt", unit="1", bound=0.02, threshold=0.01, n=1800)),
        ("gate", gate("security.certificate", "NO-EVIDENCE", waived=waived)),
        ("gate", gate("release.idle_image", value="sha256:" + "a8c32031" * 8, bound=None, threshold=604800, n=2)),
        ("note", notes.complete({"note": "release.away", "values": {"hosts": ["app2"]}})),
        ("switch", {"before": "1.0.0", "after": "1.1.0"}),
    ]  # fmt: skip
    chain: list[dict[str, Any]] = []
    for second, (kind, data) in enumerate(events):
        chain.append(
            record.chained(kind, data, chain[-1] if chain else None, START.replace(":00.", f":{second * 5:02d}."))
        )
    return record.tell(chain)


@dataclass
class Shown:
    """A page in the browser, with all that it complained of or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def rows(self) -> list[str]:
        """Return the gates whose rows are to be seen."""
        seen = [row for row in self.page.locator("#gates tbody tr").all() if row.is_visible()]
        return [row.locator("code").inner_text() for row in seen]

    def sees(self, words: str) -> bool:
        return self.page.get_by_text(words).first.is_visible()

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"record-{name}.png", full_page=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    engine.install_packages(["chromium"])
    with sync_playwright() as play:
        # Root needs --no-sandbox; the only page that is opened is our own.
        started = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Any]:
    opened: list[Shown] = []

    def open_page(language: str = "both", *, dark: bool = False, size: Any = DESK) -> Shown:
        path = tmp_path / "record.html"
        path.write_text(html(told(), SAMPLES, language), encoding="utf-8")
        page = browser.new_page(viewport=size, color_scheme="dark" if dark else "light")
        shown = Shown(page)
        page.on("console", lambda said: shown.complaints.append(said.text))
        page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        page.on("request", lambda asked: shown.complaints.append(asked.url) if asked.url != path.as_uri() else None)
        page.goto(path.as_uri())
        opened.append(shown)
        return shown

    yield open_page
    for shown in opened:
        assert shown.complaints == []
        shown.page.close()


def test_filters_leave_what_was_asked_for(show: Any) -> None:
    shown = show("en")
    assert len(shown.rows()) == 5
    shown.page.select_option("#phase", "performance")
    assert len(shown.rows()) == 3
    shown.page.select_option("#verdict", "FAIL")
    assert shown.rows() == ["performance.errors"]
    assert shown.page.inner_text("#shown") == "1 / 5"
    shown.page.select_option("#verdict", "")
    shown.page.fill("#words", "TITLE OF performance.thr")
    assert shown.rows() == ["performance.throughput"]
    shown.page.fill("#words", "")
    shown.page.select_option("#phase", "")
    assert len(shown.rows()) == 5


def test_a_button_changes_the_language_of_everything(show: Any) -> None:
    shown = show("both")
    assert shown.sees("Title of performance.errors")
    assert not shown.sees("performance.errors 的标题")
    shown.page.get_by_role("button", name="中文").click()
    assert shown.page.get_attribute("html", "lang") == "zh"
    assert shown.sees("performance.errors 的标题")
    assert shown.sees("无法操作 app2")
    assert not shown.sees("Title of performance.errors")
    assert shown.page.get_by_role("button", name="中文").get_attribute("aria-pressed") == "true"
    shown.page.get_by_role("button", name="English").click()
    assert shown.sees("app2 cannot be worked on")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["en", "zh", "both"])
def test_no_barrier_is_found(show: Any, language: str, size: Any, dark: bool) -> None:
    shown = show(language, dark=dark, size=size)
    shown.picture(f"{language}-{'dark' if dark else 'light'}-{size['width']}")
    found = Axe().run(shown.page)
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found.response["violations"]] == []


@pytest.mark.parametrize("width", [375, 1000, 1280])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_word_is_broken_and_no_drawing_cut_off(show: Any, language: str, width: int) -> None:
    page = show(language, size={**DESK, "width": width}).page
    heights = page.evaluate("[...document.querySelectorAll('#gates th')].map((head) => head.clientHeight)")
    assert max(heights) <= 40, "a heading takes more than a line"
    cut = """[...document.querySelectorAll("svg[role=img] text")].filter((text) => {
      const [box, all] = [text, text.ownerSVGElement].map((each) => each.getBoundingClientRect());
      return box.left < all.left - 1 || box.right > all.right + 1;
    }).map((text) => text.textContent)"""
    assert page.evaluate(cut) == []


@pytest.mark.parametrize("width", [375, 800, 1160, 1280])
def test_nothing_lies_beside_the_screen(show: Any, width: int) -> None:
    page = show("both", size={**DESK, "width": width}).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_every_gate_is_there_and_no_tool(show: Any) -> None:
    shown = show("en", dark=True)
    shown.page.emulate_media(media="print")
    assert len(shown.rows()) == 5
    assert not shown.page.locator("#phase").is_visible()
    assert shown.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shown.page.pdf()[:4] == b"%PDF"
