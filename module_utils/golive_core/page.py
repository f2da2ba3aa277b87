"""The record as one HTML file that needs nothing else: no request, no library. See docs/decisions/027.

Everything that comes from a record passes through :func:`html.escape`. Should that fail once, the page's own policy
(Content-Security-Policy) still runs no script but its own, and lets it load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from . import charts, notes, report
from .baseline import SHAPE, Baseline
from .judge import quantity
from .texts import LANGUAGES, TEXTS, Text, pick, text

_NONE = Baseline()
Samples = Mapping[str, Sequence[float]]  # name of a file of raw samples to its numbers

STYLE = """
:root{--back:#fff;--card:#f6f7f9;--ink:#1b1f24;--faint:#59636e;--line:#d1d9e0;--good:#1a7f37;--bad:#cf222e;--odd:#9a6700;
--bar:#0969da;--mark:#8250df;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--back:#0d1117;--card:#161b22;--ink:#e6edf3;--faint:#9198a1;--line:#3d444d;
--good:#3fb950;--bad:#f85149;--odd:#d29922;--bar:#58a6ff;--mark:#bc8cff}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:72rem;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{font-size:1rem}
.verdict{border-left:.5rem solid var(--odd);background:var(--card);padding:.75rem 1rem;margin:1rem 0;font-size:1.2rem;
font-weight:600}
.verdict.success{border-color:var(--good)}.verdict.failure{border-color:var(--bad)}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.25rem 1rem;margin:0}dt{color:var(--faint)}dd{margin:0}
dd ul,ul.plain{margin:0;padding-left:1.1rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.35rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--faint);white-space:nowrap}
td svg{width:100%;max-width:120px;height:14px;display:block}
footer{margin-top:2rem;border-top:1px solid var(--line);padding-top:1rem}
dd,li,td>div{min-width:0;overflow-wrap:anywhere}
.PASS{color:var(--good);font-weight:600}.FAIL,.NO-EVIDENCE{color:var(--bad);font-weight:600}
.waived{color:var(--odd);font-weight:600}
.tools{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center;margin:.5rem 0}
input,select,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.3rem;
padding:.3rem .5rem;min-height:2.5rem}
button[aria-pressed=true]{border-color:var(--bar);color:var(--bar)}
svg{width:100%;max-width:52rem;height:auto;font-size:12px}svg text{fill:var(--ink)}svg text.faint{fill:var(--faint)}
svg text.marked{fill:var(--mark)}
.bar{fill:var(--bar)}.good{fill:var(--good)}.wrong{fill:var(--bad)}.open{fill:var(--odd)}.track{fill:var(--line)}
.axis{stroke:var(--line)}.mark,.limit{stroke:var(--mark);stroke-width:2}
.quantile{stroke:var(--faint);stroke-dasharray:3 3}
.limit{stroke-dasharray:6 4}.right,.errors{fill:none;stroke:var(--bar);stroke-width:2}.errors{stroke:var(--bad)}
.faint{color:var(--faint);font-size:.9rem}.before{fill:none;stroke:var(--odd);stroke-width:1.5}.before-key{color:var(--odd)}.right-key{color:var(--bar)}.errors-key{color:var(--bad)}
html[data-lang=en] [lang=zh],html[data-lang=zh] [lang=en],[hidden]{display:none!important}
@media (min-width:72rem){#gates{table-layout:fixed}
#gates th{width:7%}#gates th:first-child{width:18%}#gates th:nth-child(2){width:10%}#gates th:nth-child(4){width:9%}
#gates th:nth-child(5){width:12%}#gates th:last-child{width:23%}}
@media (max-width:72rem){dl{grid-template-columns:1fr}dt{margin-top:.4rem}thead{display:none}
tr{display:block;border-bottom:2px solid var(--line);padding:.5rem 0}
td{display:grid;grid-template-columns:7rem 1fr;border:0;padding:.1rem 0}
td::before{content:attr(data-en);color:var(--faint)}
html[data-lang=zh] td::before{content:attr(data-zh)}}
@media print{:root{--back:#fff;--card:#fff;--ink:#000;--faint:#444;--line:#bbb;--good:#1a7f37;--bad:#cf222e;
--odd:#9a6700;--bar:#0969da;--mark:#8250df}.tools{display:none}body{max-width:none;font-size:11pt}tr,svg{break-inside:avoid}}
"""

SCRIPT = """
"use strict";
const by = (id) => document.getElementById(id);
const rows = [...document.querySelectorAll("#gates tbody tr")];
function filter() {
  const phase = by("phase").value, verdict = by("verdict").value, words = by("words").value.trim().toLowerCase();
  let shown = 0;
  for (const row of rows) {
    row.hidden = (phase && row.dataset.phase !== phase) || (verdict && row.dataset.verdict !== verdict) ||
      (words && !row.textContent.toLowerCase().includes(words));
    shown += !row.hidden;
  }
  by("shown").textContent = shown + " / " + rows.length;
}
for (const id of ["phase", "verdict", "words"]) by(id).addEventListener("input", filter);
for (const button of document.querySelectorAll("button[data-set]")) {
  button.addEventListener("click", () => {
    document.documentElement.dataset.lang = document.documentElement.lang = button.dataset.set;
    for (const other of document.querySelectorAll("button[data-set]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });
}
filter();
"""


class _Page:
    """A page in one language, or in both with a switch between them."""

    def __init__(self, told: Mapping[str, Any], samples: Samples, language: str, before: Baseline) -> None:
        self.told, self.samples, self.language, self.before = told, samples, language, before
        self.languages = LANGUAGES if language == "both" else (language,)

    # -- texts

    def say(self, value: Text) -> str:
        """Return a text as HTML, in each language of the page."""
        if isinstance(value, str) or len(self.languages) == 1:
            return escape(pick(value, self.languages[0]))
        said = [pick(value, language) for language in self.languages]
        if said[0] == said[1]:
            return escape(said[0])
        return "".join(
            f'<span lang="{language}">{escape(each)}</span>'
            for language, each in zip(self.languages, said, strict=True)
        )

    def key(self, key: str) -> str:
        """Return a text of the catalogue as HTML."""
        return self.say(TEXTS[key])

    def flat(self, key: str) -> str:
        """Return a text of the catalogue for where no element can stand: attributes, options, drawings."""
        return escape(text(key, self.language))

    # -- parts

    def lines(self, lines: Sequence[report.Line]) -> str:
        parts = []
        for key, values in lines:
            said = [self.say(value) for value in values] or [self.key("none")]
            body = said[0] if len(said) == 1 else f"<ul>{''.join(f'<li>{each}</li>' for each in said)}</ul>"
            parts.append(f"<dt>{self.key(key)}</dt><dd>{body}</dd>")
        return f"<dl>{''.join(parts)}</dl>"

    def section(self, key: str, body: str) -> str:
        return f"<section><h2>{self.key(key)}</h2>{body}</section>"

    def listed(self, rows: Sequence[str]) -> str:
        return (
            f'<ul class="plain">{"".join(f"<li>{row}</li>" for row in rows)}</ul>'
            if rows
            else f"<p>{self.key('none')}</p>"
        )

    # -- charts

    def timeline(self) -> str:
        began = self.told["run"].get("started")
        rows: list[tuple[str, float, float, str]] = []
        kinds = {"complete": "good", "failed": "wrong"}
        for name, phase in self.told["phases"].items():
            if began and report.lasted(phase) is not None:
                start, end = (_seconds(began, phase[key]) for key in ("started", "finished"))
                rows.append((escape(name), start, end, kinds.get(phase["state"], "open")))
        states = self.table(
            ("phase", "state", "seconds"),
            [
                ("", [escape(name), self.key(f"state.{phase['state']}"), _short(report.lasted(phase))])
                for name, phase in self.told["phases"].items()
            ],
        )
        marks = [(_seconds(began, seen["time"]), self.flat(seen["kind"])) for seen in self.told["switches"] if began]
        return (charts.timeline(rows, marks, self.flat("timeline")) if rows else "") + states

    def latencies(self) -> str:
        parts = []
        for gate in self.told["gates"]:
            samples = self.samples.get(gate.get("raw") or "")
            if samples and len(samples) >= SHAPE and gate.get("unit") == "s":
                before = self.before.samples.get((str(gate["gate"]), str(gate["host"])), ())
                release = str(self.told["run"].get("release", ""))
                parts.append(
                    f"<h3>{self.named(gate)}</h3>"
                    + charts.histogram(
                        samples, _number(gate.get("threshold")), self.flat("latency"), self.flat("limit"), before
                    )
                    + self.percentiles("right-key", release, samples)
                    + (self.percentiles("before-key", self.before.release, before) if before else "")
                )
        return "".join(parts) or f"<p>{self.key('no samples')}</p>"

    def percentiles(self, kind: str, release: str, samples: Sequence[float]) -> str:
        ordered = sorted(samples)
        marks = ", ".join(f"P{q:g} {charts.time(charts.quantile(ordered, q / 100))}" for q in (50, 95, 99))
        said = f"{escape(release)}: {len(samples)} {self.key('requests')}; {marks}"
        return f'<p class="faint"><span class="{kind}">■</span> {said}</p>'

    def per_second(self) -> str:
        """Return throughput, with the errors that were counted in the same seconds, and switches within them."""
        parts = []
        for gate in self.told["gates"]:
            right = self.samples.get(gate.get("raw") or "")
            if not right or gate.get("unit") != "1/s":
                continue
            wrong = max((self._failed(other, len(right)) for other in self._beside(gate)), key=sum, default=[])
            rows = [("right", right), *([("errors", wrong)] if any(wrong) else [])]
            marks = [
                (_seconds(gate["started"], seen["time"]), self.flat(seen["kind"]))
                for seen in self.told["switches"]
                if gate.get("started")
            ]
            parts.append(
                f"<h3>{self.named(gate)}</h3>"
                + charts.series(rows, marks, _number(gate.get("threshold")), self.flat("per second"))
                + f'<p class="faint"><span class="right-key">■ {self.key("right")}</span> '
                + f'<span class="errors-key">■ {self.key("errors")}</span> – – {self.key("limit")}</p>'
            )
        return "".join(parts) or f"<p>{self.key('no samples')}</p>"

    def _beside(self, gate: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the gates on shares that were measured by the same requests."""
        for other in self.told["gates"]:
            if other.get("unit") == "1" and all(other.get(key) == gate.get(key) for key in ("host", "started")):
                yield other

    def _failed(self, gate: Mapping[str, Any], seconds: int) -> list[float]:
        """Return the failures of each second, from the numbers of the requests that failed, which were sent evenly."""
        counts = [0.0] * seconds
        for number in self.samples.get(gate.get("raw") or "", ()):
            if 0 <= number < gate["n"]:
                counts[int(number * seconds / gate["n"])] += 1
        return counts

    def named(self, gate: Mapping[str, Any]) -> str:
        return f"{self.say(gate.get('title') or gate['gate'])} ({escape(str(gate['host']))})"

    # -- tables

    def table(self, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], id: str = "") -> str:
        """Return a table; on a narrow screen each cell says the name of its column.

        :param rows: attributes of the row, cells
        """
        names = [
            f'data-en="{escape(pick(TEXTS[head], self.languages[0]))}" data-zh="{escape(pick(TEXTS[head], "zh"))}"'
            for head in heads
        ]
        body = "".join(
            f"<tr{attributes}>"
            + "".join(f"<td {name}><div>{cell or '-'}</div></td>" for name, cell in zip(names, cells, strict=True))
            + "</tr>"
            for attributes, cells in rows
        )
        marked = f' id="{id}"' if id else ""
        top = "".join(f'<th scope="col">{self.key(head)}</th>' for head in heads)
        return f"<table{marked}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    def gates(self) -> str:
        rows = []
        for gate in self.told["gates"]:
            verdict = str(gate["verdict"])
            waived = f' <span class="waived">({self.key("waived")})</span>' if gate.get("waived") else ""
            remedy = gate.get("remedy") if verdict != "PASS" else ""
            attributes = f' data-phase="{escape(report.phase_of(gate))}" data-verdict="{escape(verdict)}"'
            cells = [
                f"{self.say(gate.get('title') or gate['gate'])}<br><code>{escape(str(gate['gate']))}</code>",
                self.key(f"area.{report.area_of(gate)}"),
                escape(str(gate["host"])),
                f'<span class="{escape(verdict)}">{escape(verdict)}</span>{waived}',
                self.measured(gate),
                _value(gate.get("bound"), gate),
                _value(gate.get("threshold"), gate),
                _value(gate.get("n"), {}),
                escape(str(gate.get("message", "")))
                + (f'<div class="faint">{self.key("next")}: {self.say(remedy)}</div>' if remedy else ""),
            ]
            rows.append((attributes, cells))
        heads = ("gate", "area", "host", "verdict", "value", "bound", "threshold", "samples", "message")
        return self.tools() + self.table(heads, rows, "gates")

    def measured(self, gate: Mapping[str, Any]) -> str:
        seen = gate.get("value") if _number(gate.get("value")) is not None else gate.get("bound")
        value, limit = _number(seen), _number(gate.get("threshold"))
        drawn = ""
        if value is not None and limit is not None:
            kind = {"PASS": "good", "FAIL": "wrong"}.get(gate["verdict"], "open")
            drawn = charts.against(value, limit, kind, f"{charts.number(value)} / {charts.number(limit)}")
        return _value(gate.get("value"), gate) + drawn

    def tools(self) -> str:
        def select(key: str, names: Sequence[str]) -> str:
            rest = "".join(f"<option>{escape(name)}</option>" for name in names)
            first = f'<option value="">{self.flat(key)}: {self.flat("all")}</option>'
            return f'<select id="{key}" aria-label="{self.flat(key)}">{first}{rest}</select>'

        phases = dict.fromkeys(report.phase_of(gate) for gate in self.told["gates"])
        verdicts = sorted({str(gate["verdict"]) for gate in self.told["gates"]})
        return (
            '<div class="tools">'
            + select("phase", list(phases))
            + select("verdict", verdicts)
            + f'<input id="words" type="search" placeholder="{self.flat("filter")}" aria-label="{self.flat("filter")}">'
            + f'<span aria-live="polite">{self.key("shown")}: <span id="shown">{len(self.told["gates"])}</span></span>'
            + "</div>"
        )

    def switch(self) -> str:
        if len(self.languages) == 1:
            return ""
        names = {"en": "English", "zh": "中文"}
        buttons = "".join(
            f'<button type="button" data-set="{language}" aria-pressed="{pressed}">{names[language]}</button>'
            for language, pressed in zip(self.languages, ("true", "false"), strict=True)
        )
        return f'<div class="tools" role="group" aria-label="{self.flat("language")}">{buttons}</div>'

    # -- the whole

    def html(self) -> str:
        told = self.told
        run, chain = told["run"], told.get("chain", {})
        title = f"{self.flat('record')}: {escape(str(run.get('app', '')))} {escape(str(run.get('release', '')))}"
        switches = [
            f"{escape(str(seen['time']))} {self.key(seen['kind'])}: {escape(str(seen.get('before', '')))} → "
            f"{escape(str(seen.get('after', '')))}"
            for seen in told["switches"]
        ]
        noted = [f"{escape(str(note['time']))} {self.say(notes.text(note))}" for note in told["notes"]]
        lines: list[report.Line] = [("chain", [str(chain.get("events", 0)), str(chain.get("head", ""))])]
        people = [f"{self.say(role)}: {self.say(who)}" for role, who in report.contacts(told)]
        first = self.languages[0]
        policy = (
            f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; base-uri 'none'; "
            "form-action 'none'"
        )
        parts = [
            f'<!DOCTYPE html>\n<html lang="{first}" data-lang="{first}"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{STYLE}</style></head><body><header><h1>{self.key('record')}: ",
            f"{escape(str(run.get('app', '')))} {escape(str(run.get('release', '')))}</h1>{self.switch()}</header>",
            "<main>",
            f'<p class="verdict {report.status(told)}">{self.key("verdict." + told["verdict"])}</p>',
            *(self.section(key, self.lines(rows)) for key, rows in report.sections(told)),
            self.section("timeline", self.timeline()),
            self.section("every gate", self.gates()),
            self.section("latency", self.latencies()),
            self.section("per second", self.per_second()),
            self.section("events", self.listed(switches)),
            self.section("notes", self.listed(noted)),
            self.section("contacts", self.listed(people)),
            f"</main><footer>{self.lines([*lines, report.signature(told)])}</footer>",
            f"<script>{SCRIPT}</script></body></html>\n",
        ]
        return "".join(parts)


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _seconds(start: Any, end: Any) -> float:
    """Return the seconds between two times; NaN when one is none: a page must come of whatever a probe wrote."""
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (TypeError, ValueError):
        return math.nan


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def _short(seconds: float | None) -> str:
    return "" if seconds is None else charts.number(seconds)


def _value(value: Any, gate: Mapping[str, Any]) -> str:
    if (seen := _number(value)) is None:
        return escape(str(value)) if value not in (None, "") else ""
    return escape(quantity(seen, str(gate.get("unit") or "1")))


def html(told: Mapping[str, Any], samples: Samples, language: str, before: Baseline = _NONE) -> str:
    """Return the record as a page.

    :param told: what :func:`record.tell` returned
    :param samples: what :func:`record.read_samples` returned
    :param language: en, zh or both
    :param before: the release that went live before
    """
    return _Page(told, samples, language, before).html()
