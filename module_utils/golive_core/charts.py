"""Charts as inline SVG: pure functions from numbers to text. Colours come from the page's classes (see page.py).

Every text that is put in must be HTML already; numbers are the only thing that is written here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

WIDTH = 720
LEFT, RIGHT, TOP, BOTTOM = 48, 28, 18, 26
NEAR = 60  # half of the width of what is written above a mark
BINS = 40


def _svg(height: int, label: str, parts: Sequence[str], width: int = WIDTH) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}" preserveAspectRatio="xMinYMin meet">'
        f"{''.join(parts)}</svg>"
    )


def number(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def time(seconds: float) -> str:
    """Return a short time: milliseconds below a second."""
    return f"{number(seconds * 1000)} ms" if seconds < 1 else f"{number(seconds)} s"


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return the nearest-rank quantile of sorted numbers, of which there is one at least."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def timeline(rows: Sequence[tuple[str, float, float, str]], marks: Sequence[tuple[float, str]], label: str) -> str:
    """Return phases as bars.

    :param rows: name, start and end in seconds from the start of the run, class of the bar
    :param marks: seconds and name of what happened at a moment
    """
    span = max([end for _, _, end, _ in rows] + [at for at, _ in marks] + [1.0])
    left, step = 120, 22
    scale = (WIDTH - left - 70) / span
    parts = []
    for place, (name, start, end, kind) in enumerate(rows):
        top = TOP + place * step
        wide = max((end - start) * scale, 2)
        parts.append(f'<text x="{left - 8}" y="{top + 13}" text-anchor="end">{name}</text>')
        parts.append(f'<rect class="{kind}" x="{left + start * scale:.1f}" y="{top}" width="{wide:.1f}" height="16"/>')
        parts.append(
            f'<text class="faint" x="{left + start * scale + wide + 5:.1f}" y="{top + 13}">'
            f"{number(end - start)} s</text>"
        )
    bottom = TOP + len(rows) * step
    parts += [_mark(left + at * scale, bottom, name) for at, name in marks]
    return _svg(bottom + 6, label, parts)


def _mark(x: float, bottom: float, name: str) -> str:
    anchor = "start" if x < NEAR else "end" if x > WIDTH - NEAR else "middle"
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}"/>'
        f'<text class="marked" x="{x:.1f}" y="{TOP - 7}" text-anchor="{anchor}">{name}</text>'
    )


def histogram(
    samples: Sequence[float], limit: float | None, label: str, limit_name: str, before: Sequence[float] = ()
) -> str:
    """Return a distribution of times in seconds, on a logarithmic scale because a tail is what matters.

    :param samples: one at least; those that are not above 0 count as the smallest
    :param limit: drawn as a line
    :param before: samples of another release, drawn as an outline
    """
    limit = limit if limit and limit > 0 else None
    ordered, others = (sorted(max(sample, 1e-6) for sample in numbers) for numbers in (samples, before))
    ends = [ordered[0], ordered[-1], *([others[0], others[-1]] if others else []), *([limit] if limit else [])]
    low, high = math.log10(min(ends)) - 0.05, math.log10(max(ends)) + 0.05

    def shares(numbers: Sequence[float]) -> list[float]:
        counts = [0] * BINS
        for number in numbers:
            counts[min(BINS - 1, int((math.log10(number) - low) / (high - low) * BINS))] += 1
        return [count / len(numbers) for count in counts]

    bars, outline = shares(ordered), shares(others) if others else []
    most = max(*bars, *outline)
    height, base = 220, 220 - BOTTOM
    wide = (WIDTH - LEFT - RIGHT) / BINS
    scale = (base - TOP) / most

    def x(seconds: float) -> float:
        return LEFT + (math.log10(seconds) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<rect class="bar" x="{LEFT + place * wide:.1f}" y="{base - share * scale:.1f}" width="{wide - 1:.1f}" '
        f'height="{share * scale:.1f}"/>'
        for place, share in enumerate(bars)
        if share
    ]
    if outline:
        steps = " ".join(
            f"{LEFT + (place + side) * wide:.1f},{base - share * scale:.1f}"
            for place, share in enumerate(outline)
            for side in (0, 1)
        )
        parts.append(f'<polyline class="before" points="{steps}"/>')
    parts += _axis(base, f"{most * 100:.0f} %")
    for power in range(math.ceil(low), math.floor(high) + 1):
        parts.append(
            f'<text class="faint" x="{x(10**power):.1f}" y="{height - 8}" text-anchor="middle">{time(10**power)}</text>'
        )
    for q in (0.5, 0.95, 0.99):
        at = quantile(ordered, q)
        parts.append(f'<line class="quantile" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{TOP}" y2="{base}"/>')
    if limit is not None:
        parts.append(_mark(x(limit), base, f"{limit_name} {time(limit)}"))
    return _svg(height, label, parts)


def _axis(base: float, most: str) -> list[str]:
    return [
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>',
        f'<text class="faint" x="{LEFT - 6}" y="{TOP + 8}" text-anchor="end">{most}</text>',
        f'<text class="faint" x="{LEFT - 6}" y="{base}" text-anchor="end">0</text>',
    ]


def series(
    rows: Sequence[tuple[str, Sequence[float]]], marks: Sequence[tuple[float, str]], limit: float | None, label: str
) -> str:
    """Return counts per second over time.

    :param rows: class of the line, and a number for each second; one row with one number at least
    :param marks: second and name of what happened at a moment
    :param limit: drawn as a line
    """
    seconds = max(len(values) for _, values in rows)
    most = max([1.0, limit or 0.0, *(value for _, values in rows for value in values)])
    height, base = 200, 200 - BOTTOM
    wide, scale = (WIDTH - LEFT - RIGHT) / seconds, (base - TOP) / most
    parts = _axis(base, number(most))
    for kind, values in rows:
        points = " ".join(
            f"{LEFT + (at + 0.5) * wide:.1f},{base - value * scale:.1f}" for at, value in enumerate(values)
        )
        parts.append(f'<polyline class="{kind}" points="{points}"/>')
    if limit is not None:
        y = base - limit * scale
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    ticks = sorted({0, seconds // 4, seconds // 2, seconds * 3 // 4, seconds})
    for at in [ticks[0], *(after for before, after in pairwise(ticks) if after > before)]:
        parts.append(
            f'<text class="faint" x="{LEFT + at * wide:.1f}" y="{height - 8}" text-anchor="middle">{at} s</text>'
        )
    parts += [_mark(LEFT + at * wide, base, name) for at, name in marks if 0 <= at <= seconds]
    return _svg(height, label, parts)


def against(value: float, limit: float, kind: str, label: str) -> str:
    """Return a value as a bar against its limit, which is a line.

    :param kind: class of the bar
    """
    most = max(abs(value), abs(limit)) * 1.15 or 1.0
    bar, line = max(0.0, value) / most * 120, max(0.0, limit) / most * 120
    parts = [
        '<rect class="track" x="0" y="3" width="120" height="8"/>',
        f'<rect class="{kind}" x="0" y="3" width="{bar:.1f}" height="8"/>',
        f'<line class="mark" x1="{line:.1f}" x2="{line:.1f}" y1="0" y2="14"/>',
    ]
    return _svg(14, label, parts, 120)
