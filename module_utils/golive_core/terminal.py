"""How the events of a run look on a terminal, or as plain lines, in English or Chinese. Pure: text in, text out."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import ending
from .progress import Event, Progress
from .texts import TEXTS, Text, pick, text

GREEN, RED, YELLOW, BLUE, DIM, BOLD = "32", "31", "33", "36", "2", "1"
SIGNS = {"complete": "✔", "failed": "✘", "planned": "·", "now": "▶", "warning": "!", "change": "~"}
COLOURS = {"complete": GREEN, "failed": RED, "planned": BLUE, "now": BLUE, "warning": YELLOW, "change": YELLOW}
EIGHTHS = " ▏▎▍▌▋▊▉█"
NAME_WIDTH = 16
LABEL_WIDTH = 10
LONGEST_LIST = 6


def width_of(line: str) -> int:
    """Return the columns that a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


def cut(line: str, width: int) -> str:
    """Return a line that fits into `width` columns."""
    if width_of(line) <= width:
        return line
    while line and width_of(line) > width - 1:
        line = line[:-1]
    return line + "…"


def pad(line: str, width: int) -> str:
    """Return a text with spaces up to `width` columns."""
    return line + " " * max(0, width - width_of(line))


def clock(seconds: float) -> str:
    """Return minutes and seconds, 03:05; with hours 1:03:05."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def bar(share: float, width: int) -> str:
    """Return a bar that is `share` (0 to 1) full, in eighths of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)


def safe(value: Any) -> str:
    """Return a text for a terminal: what hosts say must not steer it."""
    return "".join(char if char.isprintable() else " " for char in str(value)).strip()


@dataclass(frozen=True)
class View:
    """How it is shown; `live` where a last line is drawn anew."""

    language: str = "en"
    colour: bool = False
    live: bool = False

    def _paint(self, line: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{line}\x1b[0m" if self.colour and codes and line else line

    def _sign(self, name: str) -> str:
        return self._paint(SIGNS[name], COLOURS[name])

    def _say(self, key: str, **values: Any) -> str:
        return text(key, self.language).format(**values)

    def _pick(self, texts: Text) -> str:
        return pick(texts, self.language)

    def phase(self, name: str) -> str:
        """Return the name of a phase for people."""
        key = f"phase.{name}"
        return self._say(key) if key in TEXTS else name

    # --- events

    def lines(self, event: Event) -> list[str]:
        """Return what an event adds to the output; most add nothing."""
        kind = event["event"].replace(".", "_")
        shown = getattr(self, f"_show_{kind}", None)
        found: list[str] = shown(event) if shown else []
        return found

    def _show_run_started(self, event: Event) -> list[str]:
        line = self._paint(f"golive {event.get('app') or ''} {event.get('release') or ''}", BOLD)
        facts = [str(event["kind"])] if event.get("kind") not in (None, "golive") else []
        facts += [self._say("show.plan")] if event.get("check") else []
        facts += [self._say("show.last", time=clock(event["last_seconds"]))] if event.get("last_seconds") else []
        return [f"{line}   {' · '.join(facts)}".rstrip()]

    def _show_run_fact(self, event: Event) -> list[str]:
        if not event.get("previous"):
            return []
        return [self._paint(f"  {self._say('show.now', release=safe(event['previous']))}", DIM)]

    def _show_phase_started(self, event: Event) -> list[str]:
        if self.live:
            return []
        facts = [self._say("show.place", place=event["place"], all=event["all"])] if event.get("place") else []
        facts += [self._say("show.last", time=clock(event["last_seconds"]))] if event.get("last_seconds") else []
        return [f" {self._sign('now')} {pad(self.phase(event['phase']), NAME_WIDTH)} {' · '.join(facts)}".rstrip()]

    def _show_phase_finished(self, event: Event) -> list[str]:
        gates = event["gates"]
        counted = self._say("show.gates", **gates) if gates["all"] else ""
        took = f"{event['seconds']:.0f} s"
        facts = []
        if event.get("last_seconds") is not None:
            facts.append(self._say("show.last", time=f"{event['last_seconds']:.0f} s"))
        if event["changed"]:
            facts.append(self._say("show.changed", changed=event["changed"]))
        if event["state"] == "planned" and event.get("not_measured"):
            facts.append(self._say("show.not in a plan", count=event["not_measured"]))
        head = f" {self._sign(event['state'])} {pad(self.phase(event['phase']), NAME_WIDTH)}"
        return [f"{head} {pad(counted, 14)} {took:>6}   {self._paint(' · '.join(facts), DIM)}".rstrip()]

    def _show_gate(self, event: Event) -> list[str]:
        if event["verdict"] == "PASS":
            return []
        told = f"{safe(event['gate'])} {event['verdict']} on {safe(event['host'])}: {safe(event['message'])}"
        if waived := event.get("waived"):
            shown = {key: safe(waived.get(key, "-")) for key in ("until", "who", "reason")}
            return [f"   {self._sign('warning')} {told} ({self._say('show.waived', **shown)})"]
        if event.get("check"):
            if event["verdict"] != "FAIL":
                return []
            fails = self._say("show.fails now" if event.get("pending") else "show.would fail")
            told = f"{safe(event['gate'])} {fails} on {safe(event['host'])}: {safe(event['message'])}"
            return [f"   {self._sign('warning')} {told}"]
        found = [f"   {self._sign('failed')} {told}"]
        if remedy := self._pick(event.get("remedy") or ""):
            found.append(f"     {self._say('show.next')}: {safe(remedy)}")
        return found

    def _show_failed(self, event: Event) -> list[str]:
        message = safe(event["message"])
        where = "" if message.startswith(f"{event['host']} ") else f"{safe(event['host'])}: "
        task = self._paint(f"[{safe(event['task'])}]", DIM)
        return [f"   {self._sign('failed')} {where}{message}  {task}"]

    def _show_changed(self, event: Event) -> list[str]:
        head = f"   {self._sign('change')} {safe(event['task'])}: {_some(event['hosts'])}"
        return [head, *(f"       {self._diff(line)}" for line in event["diff"])]

    def _diff(self, line: str) -> str:
        shown = "".join(char if char.isprintable() or char == "\t" else "?" for char in line)
        codes = {"+": GREEN, "-": RED, "@": BLUE}.get(line[:1])
        return self._paint(shown, codes) if codes else shown

    def _show_note(self, event: Event) -> list[str]:
        return [f"     {safe(event.get('message', ''))}"]

    def _show_warning(self, event: Event) -> list[str]:
        host = f"{safe(event['host'])}: " if event.get("host") else ""
        return [f"   {self._sign('warning')} {host}{safe(event['message'])}"]

    # --- the end

    def _show_run_finished(self, event: Event) -> list[str]:
        rows = [row for row in self._end(event) if row[1]]
        labels = [pad(self._say(f"end.{label}"), LABEL_WIDTH) for label, _ in rows]
        found = [""]
        last = ""
        for label, (key, value) in zip(labels, rows, strict=True):
            shown = " " * LABEL_WIDTH if key == last else self._paint(label, BOLD)
            found.append(f"  {shown} {value}")
            last = key
        return found

    def _end(self, event: Event) -> list[tuple[str, str]]:
        told = event.get("told")
        good = event["exit_name"] == "live"
        rows: list[tuple[str, str]] = []
        if event["exit_name"] == "interrupted":
            rows.append(("verdict", self._paint(self._say("end.interrupted", phase=self.phase(event["phase"])), RED)))
        elif told and not event["check"]:
            verdict = self._say(f"verdict.{told['verdict']}")
            rows.append(("verdict", self._paint(verdict, GREEN if good else RED)))
        else:
            key = ("planned" if good else "plan broke") if event["check"] else "good" if good else "bad"
            rows.append(("result", self._paint(self._say(f"end.{key}"), GREEN if good else RED)))
        rows += [("failed", line) for line in self._wrong(event)]
        if told and not event["check"]:
            rows.append(("traffic", safe(self._pick(ending.traffic(told)))))
            if told["gates"]:
                passed = sum(gate["verdict"] == "PASS" for gate in told["gates"])
                rows.append(("gates", self._say("end.passed", passed=passed, all=len(told["gates"]))))
        if not good:
            told_next = self._pick(ending.next_step(told, event["exit_name"])) if told else ""
            if not told and event["exit_name"] != "interrupted":
                told_next = self._say(f"next.{event['exit_name']}")
            rows.append(("next", safe(told_next)))
        took = clock(event["seconds"])
        if event.get("last_seconds"):
            took += f" ({self._say('show.last', time=clock(event['last_seconds']))})"
        rows.append(("took", took))
        rows.append(("changed", _counts(event["changed"])))
        rows.append(("lost", ", ".join(sorted(event["lost"]))))
        if told and event["directory"] and not event["check"]:
            rows.append(("record", safe(f"{event['directory']}/record.md")))
        rows.append(("log", safe(event.get("log", ""))))
        return rows

    def _wrong(self, event: Event) -> list[str]:
        """Return a sentence for each thing that stopped the run, and what to do about it."""
        told = event.get("told")
        if event["exit_name"] == "live":
            return []
        if not told or event["check"]:
            sentences = [f"{failure['host']}: {failure['message']}" for failure in event["failures"]]
        else:
            sentences = [
                f"{failure.get('host', '')}: {failure['message']}".removeprefix(": ") for failure in told["failures"]
            ]
            for gate in ending.blocking_gates(told):
                sentences.append(f"{gate['gate']} {gate['verdict']} on {gate['host']}: {gate['message']}")
                if remedy := self._pick(gate.get("remedy") or ""):
                    sentences.append(f"  {self._say('show.next')}: {remedy}")
        found = list(dict.fromkeys("  " * line.startswith("  ") + safe(line) for line in sentences))
        shown = found[: 2 * LONGEST_LIST]
        return shown + ([self._say("end.more", count=len(found) - len(shown))] if len(found) > len(shown) else [])

    # --- the line that moves

    def status(self, progress: Progress, now: float, width: int) -> str:
        """Return the last line of a terminal: the phase that goes on, how far, what is being done, and where."""
        if not (phase := progress.phase):
            return ""
        elapsed = now - phase.started
        before = progress.before.seconds.get(phase.name)
        known = progress.expected(phase.name)
        counted = (
            self._say("show.measured", measured=len(phase.measured), all=known or "?")
            if phase.measured or known
            else ""
        )
        head = (
            f" {SIGNS['now']} {pad(self.phase(phase.name), NAME_WIDTH)} {pad(counted, 14)} {f'{elapsed:.0f} s':>6}   "
        )
        total = clock(now - progress.began)
        if progress.before.total:
            total += f" / {clock(progress.before.total)}"
        gauge = bar(elapsed / before, 16) + " " if before else ""
        doing = progress.task.name
        if hosts := _some(list(progress.busy)):
            doing += f" · {hosts}"
        room = width - width_of(head) - width_of(gauge) - width_of(total) - 3
        if room < 10:
            return cut(head + total, width - 1)
        return f"{self._paint(head, BLUE)}{gauge}{pad(cut(safe(doing), room), room)} {self._paint(total, DIM)}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} +{len(names) - 3}" if len(names) > 3 else shown


def _counts(counted: Mapping[str, int]) -> str:
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    shown = ", ".join(f"{host} {count}" for host, count in rows[:LONGEST_LIST])
    rest = len(rows) - LONGEST_LIST
    return f"{shown}, +{rest}" if rest > 0 else shown
