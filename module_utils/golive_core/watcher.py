"""When a release has to give the traffic back: the rules of the watcher, without any input or output.

They are the guide's five triggers (health, errors, latency, resources, business), made robust: a share must be above
its limit in a long window and in a short one, for some seconds, with a least number of wrong answers and a bound. What
they cost in false rollbacks and in time is what ``bench/watcher.py`` shows.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any, NamedTuple

LONG, MINUTE, SHORT = 300, 60, 15  # seconds of the windows
CONFIDENCE_Z = 3.0902  # one-sided 99.9 %
LEAST_ERRORS, LEAST_ERRORS_LONG = 5, 10
# Errors come in bursts, and a blip of some seconds that is over is no reason to go back: that many seconds had one.
LEAST_BAD_SECONDS = 12
LEAST_LONG = 150  # seconds of the long window that must be there: right after a switch, a blip would fill it
MOMENT, OUTAGE_SHARE = 5, 0.5  # unless most answers of the last seconds are wrong
LEAST_FOR_P95 = 59  # with fewer, no bound of a P95 exists (David & Nagaraja, Order Statistics, 7.1)
P95_TAIL = 0.05  # P95 is above a limit when more than this share of the requests is
HOLD_SECONDS = 4  # a rule of windows must be true for so many ticks of a second in a row
BLIND_SECONDS = 60.0  # without a line of the log
CAUSED_SHARE = 0.5  # of what a host uses, that makes the release its cause
ROBUST_Z = 4.0
LEAST_HISTORY = 30  # points of a business metric, without which nothing is unusual
STRICT, NORMAL, RETIRED = "strict", "normal", "retired"

NOTHING, PAGE, ROLLBACK = "nothing", "page", "rollback"


@dataclass(frozen=True)
class Limits:
    """What is too much; shares are fractions, times seconds. Sources: `golive_limits`."""

    error_share: float = 0.05
    long_error_share: float = 0.02
    floor_share: float = 0.01  # the confidence bound must be above this
    p95_seconds: float = 2.0
    failed_checks: int = 3
    resource_share: float = 0.90


class Counts(NamedTuple):
    """Requests of a window: all, wrong answers (5xx), those slower than the limit of P95; and seconds with an error."""

    n: int = 0
    errors: int = 0
    slow: int = 0
    bad_seconds: int = 0

    @property
    def share(self) -> float:
        """Share of wrong answers; 0 without any request."""
        return self.errors / self.n if self.n else 0.0

    @property
    def slow_share(self) -> float:
        """Share of slow answers; 0 without any request."""
        return self.slow / self.n if self.n else 0.0


class Traffic:
    """Requests of the last :data:`LONG` seconds, by the second; any window of them costs two look-ups."""

    def __init__(self) -> None:
        self._sum = Counts()
        self._ends: deque[Counts] = deque([self._sum], maxlen=LONG + 1)  # sums at the end of each whole second
        self._second: int | None = None

    def add(self, n: int, errors: int = 0, slow: int = 0) -> None:
        """Count requests of the second that goes on."""
        n0, errors0, slow0, bad_seconds = self._sum
        self._sum = Counts(n0 + n, errors0 + errors, slow0 + slow, bad_seconds)

    def close(self, second: int) -> None:
        """End every second before this one, of a clock that does not step."""
        if self._second is None:
            self._second = second - 1
        if second > self._second and self._sum.errors > self._ends[-1].errors:
            self._sum = self._sum._replace(bad_seconds=self._sum.bad_seconds + 1)
        for _ in range(min(second - self._second, LONG + 1)):
            self._ends.append(self._sum)
        self._second = max(second, self._second)

    @property
    def seconds(self) -> int:
        """How many whole seconds there are, :data:`LONG` at most."""
        return len(self._ends) - 1

    def last(self, seconds: int) -> Counts:
        """Return what the last whole seconds had; of fewer when there are no more."""
        before = self._ends[max(len(self._ends) - 1 - seconds, 0)]
        now = self._ends[-1]
        return Counts(
            now.n - before.n,
            now.errors - before.errors,
            now.slow - before.slow,
            now.bad_seconds - before.bad_seconds,
        )


def wilson_lower(errors: int, n: int, z: float = CONFIDENCE_Z) -> float:
    """Return the lower bound of a share (Wilson, JASA 22, 1927); 0 without observations.

    :param z: quantile of the normal distribution
    """
    if not n:
        return 0.0
    share, square = errors / n, z * z
    half = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return max(0.0, (share + square / (2 * n) - half) / (1 + square / n))


# --- the rules of windows


def too_many_errors(traffic: Traffic, limits: Limits) -> bool:
    """Whether a minute and its last quarter have too many wrong answers, and it is no blip that is over."""
    minute = traffic.last(MINUTE)
    return (
        minute.errors >= LEAST_ERRORS
        and minute.share > limits.error_share
        and (minute.bad_seconds >= LEAST_BAD_SECONDS or traffic.last(MOMENT).share > OUTAGE_SHARE)
        and traffic.last(SHORT).share > limits.error_share
        and wilson_lower(minute.errors, minute.n) > limits.floor_share
    )


def errors_that_stay(traffic: Traffic, limits: Limits) -> bool:
    """Whether five minutes and their last have more wrong answers than a sound release ever has."""
    long = traffic.last(LONG)
    return (
        traffic.seconds >= LEAST_LONG
        and long.errors >= LEAST_ERRORS_LONG
        and long.bad_seconds >= LEAST_BAD_SECONDS
        and long.share > limits.long_error_share
        and traffic.last(MINUTE).share > limits.long_error_share
        and wilson_lower(long.errors, long.n) > limits.floor_share
    )


def too_slow(traffic: Traffic) -> bool:
    """Whether P95 is above its limit, in a minute and in its last quarter."""
    return all(seen.n >= LEAST_FOR_P95 and seen.slow_share > P95_TAIL for seen in map(traffic.last, (MINUTE, SHORT)))


class Held:
    """A condition that counts once it was true for :data:`HOLD_SECONDS` ticks in a row."""

    def __init__(self, ticks: int = HOLD_SECONDS) -> None:
        self._ticks = ticks
        self._seen = 0

    def tick(self, true: bool) -> bool:
        """Take the next tick, and return whether it counts."""
        self._seen = self._seen + 1 if true else 0
        return self._seen >= self._ticks


# --- resources and business


@dataclass(frozen=True)
class Resource:
    """What a host uses of something, as shares of it: now, before the switch, and by the release itself.

    `before` and `own` are None where nobody can tell.
    """

    name: str
    now: float | None
    before: float | None = None
    own: float | None = None
    act: bool = True


def caused_by_release(seen: Resource, limit: float) -> bool:
    """Whether the release itself fills a resource: not filled before, and most of what is used is its own."""
    if seen.now is None or seen.now <= limit or seen.before is None or seen.before > limit:
        return False
    return seen.own is not None and seen.own >= CAUSED_SHARE * seen.now


@dataclass(frozen=True)
class Metric:
    """A business metric: now, its values before the release, and which direction is bad (-1 low, 1 high)."""

    name: str
    now: float | None
    history: Sequence[float] = ()
    bad: int = -1
    act: bool = False

    @property
    def z(self) -> float:
        """How far it is off in the bad direction, in robust standard deviations; 0 when nobody can tell."""
        if self.now is None or len(self.history) < LEAST_HISTORY:
            return 0.0
        middle = median(self.history)
        spread = 1.4826 * median(abs(value - middle) for value in self.history)
        # A metric that never moved has no spread; a twentieth of it is still nothing unusual.
        return self.bad * (self.now - middle) / max(spread, 0.05 * abs(middle), 1e-9)


# --- one decision


@dataclass(frozen=True)
class Before:
    """The state before the switch, of whatever served then: five minutes of requests, and whether it was healthy."""

    counts: Counts = field(default_factory=Counts)
    healthy: bool = True

    def violates(self, rule: str, limits: Limits) -> bool:
        """Whether a rule would already have spoken against what served before."""
        if rule == "health":
            return not self.healthy
        if rule == "latency":
            return self.counts.n >= LEAST_FOR_P95 and self.counts.slow_share > P95_TAIL
        if rule in ("errors", "lasting_errors"):
            limit = limits.error_share if rule == "errors" else limits.long_error_share
            return self.counts.errors >= LEAST_ERRORS and self.counts.share > limit
        return False  # a resource and a business metric bring their own past


@dataclass(frozen=True)
class Seen:
    """What is known at one tick.

    `edge_failed` and `direct_failed` count the checks in a row that failed through the edge, and at every server of the
    colour directly; `down` are servers that do not answer while others do. `silent_seconds` is the time without a line
    of the log. `back` is why there is nothing to go back to, or "".
    """

    traffic: Traffic
    edge_failed: int = 0
    direct_failed: int = 0
    edge_said: str = ""
    direct_said: str = ""
    down: Sequence[str] = ()
    silent_seconds: float = 0.0
    resources: Sequence[Resource] = ()
    metrics: Sequence[Metric] = ()
    back: str = ""
    p95_seconds: float = 0.0


@dataclass(frozen=True)
class Finding:
    """A rule that speaks, in one sentence with its numbers."""

    rule: str
    act: str
    sentence: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


class Judge:
    """Looks at a release once a second and says what should be done. One per release."""

    def __init__(self, limits: Limits, before: Before) -> None:
        self.limits = limits
        self.before = before
        self._held: dict[str, Held] = {}
        self.ticks = 0

    def tick(self, seen: Seen) -> list[Finding]:
        """Return what speaks against the release now, what calls for a rollback first."""
        self.ticks += 1
        rules = (self._health, self._errors, self._latency, self._resources, self._business, self._blind)
        found = list(chain.from_iterable(rule(seen) for rule in rules))
        found = [self._allowed(finding, seen) for finding in found]
        return sorted(found, key=lambda finding: finding.act != ROLLBACK)

    def _held_for(self, name: str, true: bool, ticks: int = HOLD_SECONDS) -> bool:
        return self._held.setdefault(name, Held(ticks)).tick(true)

    def _allowed(self, finding: Finding, seen: Seen) -> Finding:
        """Turn a rollback that would not help into a page that says why."""
        if finding.act != ROLLBACK:
            return finding
        if self.before.violates(finding.rule, self.limits):
            why = "what served before the switch was no better, so going back would not help"
        else:
            why = seen.back
        return Finding(finding.rule, PAGE, f"{finding.sentence}; {why}", finding.numbers) if why else finding

    def _health(self, seen: Seen) -> list[Finding]:
        most = self.limits.failed_checks
        numbers = {"edge_failed": seen.edge_failed, "direct_failed": seen.direct_failed}
        found = []
        if seen.edge_failed > most and seen.direct_failed > most:
            sentence = (
                f"{seen.edge_failed} health checks in a row failed through the edge and {seen.direct_failed} at every "
                f"server directly (more than {most}): {seen.direct_said or seen.edge_said}"
            )
            found.append(Finding("health", ROLLBACK, sentence, numbers))
        elif seen.edge_failed > most:
            sentence = (
                f"{seen.edge_failed} health checks in a row failed through the edge while the application answers "
                f"directly: the edge is at fault, not the release: {seen.edge_said}"
            )
            found.append(Finding("edge", PAGE, sentence, numbers))
        if seen.down and seen.direct_failed <= most:
            sentence = (
                f"{', '.join(seen.down)} fail{'s' if len(seen.down) == 1 else ''} its health checks; others serve"
            )
            found.append(Finding("server", PAGE, sentence, {"down": list(seen.down)}))
        return found

    def _errors(self, seen: Seen) -> list[Finding]:
        found = []
        if self._held_for("errors", too_many_errors(seen.traffic, self.limits)):
            minute, short = seen.traffic.last(MINUTE), seen.traffic.last(SHORT)
            sentence = (
                f"{minute.errors} of {minute.n} answers of a minute were 5xx ({_percent(minute.share)}, limit "
                f"{_percent(self.limits.error_share)}), {short.errors} of {short.n} of its last {SHORT} s"
            )
            numbers = {"errors": minute.errors, "n": minute.n, "share": round(minute.share, 4)}
            found.append(Finding("errors", ROLLBACK, sentence, numbers))
        if self._held_for("lasting_errors", errors_that_stay(seen.traffic, self.limits)):
            long, minute = seen.traffic.last(LONG), seen.traffic.last(MINUTE)
            sentence = (
                f"{long.errors} of {long.n} answers of {LONG // 60} minutes were 5xx ({_percent(long.share)}, limit "
                f"{_percent(self.limits.long_error_share)}), {minute.errors} of {minute.n} of the last of them"
            )
            numbers = {"errors": long.errors, "n": long.n, "share": round(long.share, 4)}
            found.append(Finding("lasting_errors", ROLLBACK, sentence, numbers))
        return found

    def _latency(self, seen: Seen) -> list[Finding]:
        if not self._held_for("latency", too_slow(seen.traffic)):
            return []
        minute = seen.traffic.last(MINUTE)
        sentence = (
            f"P95 of a minute is {seen.p95_seconds:.2f} s: {minute.slow} of {minute.n} answers took more than "
            f"{self.limits.p95_seconds:g} s"
        )
        return [Finding("latency", ROLLBACK, sentence, {"slow": minute.slow, "n": minute.n, "p95": seen.p95_seconds})]

    def _resources(self, seen: Seen) -> list[Finding]:
        found = []
        for one in seen.resources:
            if one.now is None or one.now <= self.limits.resource_share:
                continue
            caused = one.act and caused_by_release(one, self.limits.resource_share)
            told = {"now": one.now, "before": one.before, "own": one.own}
            numbers = {key: value for key, value in told.items() if value is not None}
            sentence = (
                f"{one.name} is {_percent(one.now)} used (limit {_percent(self.limits.resource_share)}; before the "
                f"switch {_share_or_unknown(one.before)}, the release itself {_share_or_unknown(one.own)})"
            )
            found.append(Finding(f"resource {one.name}", ROLLBACK if caused else PAGE, sentence, numbers))
        return found

    def _business(self, seen: Seen) -> list[Finding]:
        found = []
        for one in seen.metrics:
            z = one.z
            # Two windows of a minute: of a metric that is asked for once a minute one value could be an accident.
            if self._held_for(f"metric {one.name}", z > ROBUST_Z, 2 * MINUTE):
                sentence = (
                    f"{one.name} is {one.now:g}, before the release {median(one.history):g}: {z:.1f} robust standard "
                    f"deviations to the bad (limit {ROBUST_Z:g})"
                )
                numbers = {"now": one.now, "z": round(z, 2)}
                found.append(Finding(f"metric {one.name}", ROLLBACK if one.act else PAGE, sentence, numbers))
        return found

    def _blind(self, seen: Seen) -> list[Finding]:
        if seen.silent_seconds < BLIND_SECONDS:
            return []
        sentence = (
            f"no request of the colour was seen in the edge's log for {seen.silent_seconds:.0f} s: the watcher is blind"
        )
        return [Finding("blind", PAGE, sentence, {"silent_seconds": round(seen.silent_seconds)})]


def _share_or_unknown(share: float | None) -> str:
    return "unknown" if share is None else _percent(share)


# --- around the decision


def window(on_guard_seconds: float, strict_seconds: float, normal_seconds: float) -> str:
    """Return the window that a release is in, by how long it has been watched."""
    if on_guard_seconds < strict_seconds:
        return STRICT
    return NORMAL if on_guard_seconds < normal_seconds else RETIRED


def leads(name: str, order: Sequence[str], alive: Callable[[str], bool], holder: str = "") -> bool:
    """Whether this edge acts: of those whose watcher lives, it is the one with the shared address, or the first.

    :param order: all edges, this one included, as the inventory has them
    :param holder: the edge with the shared address; "" when there is none, or nobody knows
    """
    ranked = sorted(order, key=lambda edge: edge != holder)
    return next((edge for edge in ranked if edge == name or alive(edge)), name) == name


def recovered(counts: Counts, limits: Limits, version_right: bool, healthy: bool) -> str:
    """Return what a rollback still lacks to have helped; "" when nothing.

    :param counts: requests since the rollback
    """
    if not version_right:
        return "the version before does not answer"
    if not healthy:
        return "its health check fails"
    if counts.n < 20:
        return f"only {counts.n} answers were seen, wanted 20"
    if counts.share > limits.error_share:
        return f"{counts.errors} of {counts.n} answers are 5xx ({_percent(counts.share)})"
    return ""
