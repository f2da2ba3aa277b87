"""What the edge's access log tells of each colour: windows for the watcher's rules, histograms for Prometheus.

HAProxy's own exporter has no distribution of latencies, and its counters begin anew at a reload. A line of the log is
one JSON object, as role edge has HAProxy write it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .colours import COLOURS
from .histogram import Histogram
from .watcher import MINUTE, Traffic

AGENT = "golive-watcher"  # User-Agent of the watcher's own requests
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class Line(NamedTuple):
    """One answered request.

    `own`: one of the watcher's. `choice`: how its colour came about while a canary was set: drawn, kept, asked, chosen.
    `waiting`: how many of the seconds it waited for a connection to a server.
    """

    colour: str
    status: int
    error: bool
    seconds: float
    own: bool
    choice: str = ""
    waiting: float = 0.0

    @property
    def release_seconds(self) -> float:
        """What the release took: a host that cannot be reached is not its doing; the one before has the same."""
        return self.seconds - self.waiting


def read_line(datagram: bytes) -> Line | None:
    """Return what a line says of a colour; None when it is about none, or no line of the log.

    An answer is wrong from status 500 on, also when the edge itself gave it because nobody else did. A client that went
    away (state C...) proves nothing wrong, unless it was the watcher, which waits long enough.
    """
    try:
        row = json.loads(datagram)
        colour, status, state = row["colour"], int(row["status"]), str(row["state"])
        answer = int(row["answer_ms"])
        # The time that a server took which could not be connected is queue_ms, once another one has the request.
        waiting = max(int(row["queue_ms"]), 0) + max(int(row["connect_ms"]), 0)
        spent = waiting + answer if answer >= 0 else int(row["total_ms"])
        own = row["agent"] == AGENT
        choice = str(row.get("choice") or "").strip("-")  # the log of an older golive has none
    except (ValueError, TypeError, KeyError):
        return None
    if colour not in COLOURS:
        return None
    left = state.startswith("C") and answer < 0
    error = own if left else status >= 500 or status < 100
    return Line(colour, status, error, max(spent, 0) / 1000, own, choice, waiting / 1000)


@dataclass
class Book:
    """What one colour did: its windows, and everything since the watcher started."""

    slow_seconds: float = 2.0
    traffic: Traffic = field(default_factory=Traffic)
    last: float | None = None  # when its last line came, on the clock that `enter` is told
    codes: dict[str, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    sum: float = 0.0
    users: deque[int] = field(default_factory=lambda: deque([0], maxlen=SHORT_MEMORY))
    _latencies: deque[Histogram] = field(default_factory=lambda: deque([Histogram()], maxlen=MINUTE))

    def enter(self, line: Line, now: float) -> None:
        """Count one request of the second that goes on."""
        self.last = now
        self.traffic.add(1, int(line.error), int(line.release_seconds > self.slow_seconds))
        code = f"{line.status // 100}xx" if line.status >= 100 else "none"
        self.codes[code] = self.codes.get(code, 0) + 1
        place = next((place for place, limit in enumerate(BUCKETS) if line.seconds <= limit), len(BUCKETS))
        self.buckets[place] += 1
        self.sum += line.seconds
        self.users[-1] += not line.own
        self._latencies[-1].add(line.seconds)

    def close(self, second: int) -> None:
        """End a second: called once in each."""
        self.traffic.close(second)
        self.users.append(0)
        self._latencies.append(Histogram())

    def restart(self) -> None:
        """Forget the windows: a release is judged by what it did since it serves."""
        self.traffic = Traffic()
        self.last = None
        self._latencies.clear()
        self._latencies.append(Histogram())

    def p95(self) -> float:
        """Return P95 of the last minute in seconds; 0 without requests."""
        minute = Histogram()
        for second in self._latencies:
            minute.merge(second)
        return minute.quantile(0.95)

    def user_rate(self) -> float:
        """Return how many requests of users came in a second, lately."""
        whole = list(self.users)[:-1]
        return sum(whole) / len(whole) if whole else 0.0


SHORT_MEMORY = 11  # ten whole seconds, and the one that goes on


def probes_due(rate: float, user_rate: float) -> int:
    """Return how many requests of its own the watcher adds in this second, so that there are `rate` in all."""
    return max(0, round(rate - user_rate))


# --- for Prometheus


class Sample(NamedTuple):
    """One number of a metric, with its labels."""

    labels: Mapping[str, str]
    value: float
    suffix: str = ""


def exposition(families: Iterable[tuple[str, str, str, Sequence[Sample]]]) -> str:
    """Return metrics in the text format of Prometheus.

    :param families: (name, type, help, samples) of each
    """
    rows = []
    for name, kind, told, samples in families:
        rows += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
        for sample in samples:
            labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels.items())
            rows.append(f"{name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {sample.value:.15g}")
    return "\n".join(rows) + "\n"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def families(books: Mapping[str, Book]) -> list[tuple[str, str, str, list[Sample]]]:
    """Return the metrics of the colours."""
    requests = [
        Sample({"colour": colour, "code": code}, n)
        for colour, book in books.items()
        for code, n in sorted(book.codes.items())
    ]
    durations: list[Sample] = []
    for colour, book in books.items():
        if not book.codes:
            continue
        seen = 0
        for limit, n in zip((*map(str, BUCKETS), "+Inf"), book.buckets, strict=True):
            seen += n
            durations.append(Sample({"colour": colour, "le": limit}, seen, "_bucket"))
        durations.append(Sample({"colour": colour}, book.sum, "_sum"))
        durations.append(Sample({"colour": colour}, seen, "_count"))
    return [
        ("golive_edge_requests_total", "counter", "Answers at the edge, by colour and class of status.", requests),
        ("golive_edge_request_duration_seconds", "histogram", "Time of the application to answer.", durations),
    ]
