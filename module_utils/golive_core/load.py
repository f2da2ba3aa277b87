"""An open-model load generator: the schedule is fixed beforehand, and latency counts from the intended send time.

So a server that stalls for a second makes every request of that second slow, as it does for users, and not only the one
that was under way. The generator watches itself: when it could not keep its own schedule, its numbers prove nothing.
"""

from __future__ import annotations

import bisect
import errno
import gc
import heapq
import ipaddress
import math
import os
import re
import resource
import select
import socket
import ssl
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from . import compare, expect, http, schedule, statistics
from .histogram import Histogram
from .measurement import Measurement, measurement, utc_now

METRICS = ("latency_seconds", "errors", "availability", "throughput", "lag")
MAX_LAG_SHARE = 0.05  # of the median latency, where that is more than `max_lag`
MAX_CPU_SHARE = 0.8  # of the one core that the generator has
_MAX_CONNECTIONS = 4096
_SPARE_FILES = 64
_TURN = 32  # requests sent before answers are looked at again
_EVENTS = 4 * _TURN  # taken in before more is sent: a new connection needs four before it carries a request
_RECEIVE = 64 * 1024  # bytes; more than a record of TLS
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_MAX_REQUESTS_KEPT = 100_000  # different requests that are made ready beforehand
_MAX_SKEW = 1.0  # seconds by which generators of one test may start apart
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LEAD = 0.1  # seconds from the decision to start until the first request is due


@dataclass(frozen=True)
class Endpoint:
    """One kind of request."""

    path: str
    method: str = "GET"
    weight: float = 1.0
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    expect_status: tuple[int, ...] = (200,)


# What a module takes for each of them.
ENDPOINT: Mapping[str, Mapping[str, Any]] = {
    "path": {"type": "str", "required": True},
    "method": {"type": "str", "default": "GET"},
    "weight": {"type": "float", "default": 1},
    "headers": {"type": "dict", "default": {}},
    "body": {"type": "raw"},
    "expect_status": {"type": "raw", "default": 200},
}


def endpoints(rows: Iterable[Mapping[str, Any]]) -> list[Endpoint]:
    """Return the endpoints that a module was given.

    :raises ValueError: when a status is none
    """
    return [Endpoint(**{**each, "expect_status": expect.statuses(each["expect_status"])}) for each in rows]


@dataclass(frozen=True)
class Versus:
    """Two versions that serve side by side, each chosen by headers of its own, and how many pairs of blocks to ask."""

    old: Mapping[str, Any]
    new: Mapping[str, Any]
    pairs: int = 20


@dataclass(frozen=True)
class Profile:
    """A load test. The warm-up comes before `seconds`, at the same rate, and is not counted.

    `max_lag` is how late, in seconds, the generator may send one request in a hundred before its numbers prove nothing.
    `end_rate` and `steps` are those of :func:`schedule.send_times`. Rows of `data` are taken in turn, one per request:
    ``{name}`` in a path, a header or a body becomes the row's value of that name, percent-encoded in a path.
    With `versus`, `seconds` are divided into the blocks of :func:`compare.blocks`.
    """

    base_url: str
    rate: float
    seconds: float
    endpoints: Sequence[Endpoint]
    address: str = ""
    ca_file: str = ""
    host_header: str = ""
    arrivals: str = "constant"
    seed: int = 1
    timeout: float = 5.0
    warmup_seconds: float = 0.0
    max_lag: float = 0.005
    end_rate: float = 0.0
    steps: int = 5
    keep_alive: bool = True
    data: Sequence[Mapping[str, Any]] = ()
    versus: Versus | None = None

    @property
    def asked(self) -> list[Endpoint]:
        """The endpoints; of two versions those of the old one, then those of the new one."""
        if self.versus is None:
            return list(self.endpoints)
        sides = (self.versus.old, self.versus.new)
        return [replace(each, headers={**each.headers, **side}) for side in sides for each in self.endpoints]

    def block(self, time: float) -> int:
        """Return the number of the block to which a send time belongs, in seconds from the start of what counts."""
        count = 4 * self.versus.pairs if self.versus else 1
        return min(int(time * count / self.seconds), count - 1)


@dataclass
class Result:
    """What happened. The sequences have one entry per request, in the order of the schedule, warm-up left out.

    `outcomes` holds "" for a right answer, "status 503" for another one, "dropped" for a request that was never sent,
    and else the kind of :class:`http.NoAnswer`. A request without a complete answer counts as slow as the time-out.
    `times` are the intended send times in seconds from the start of what counts, `clock` is the monotonic time of that
    start, and `problem` is why numbers that were put together prove nothing.
    """

    seconds: float
    max_lag: float = 0.005
    started: str = ""
    outcomes: list[str] = field(default_factory=list)
    latencies: Sequence[float] = ()
    lags: Sequence[float] = ()
    times: Sequence[float] = ()
    ok_per_second: list[int] = field(default_factory=list)
    errors_per_second: list[int] = field(default_factory=list)
    cpu_share: float = 0.0
    connections: int = 0
    clock: float = 0.0
    generators: int = 1
    problem: str = ""
    pairs: list[compare.Pair] = field(default_factory=list)  # of two versions

    @cached_property
    def kinds(self) -> dict[str, int]:
        """Return how many requests had each outcome other than a right answer, most frequent first."""
        return dict(Counter(kind for kind in self.outcomes if kind).most_common())

    @property
    def dropped(self) -> int:
        """Return how many requests were never sent."""
        return self.kinds.get("dropped", 0)

    @property
    def unanswered(self) -> int:
        """Return how many requests got no complete answer."""
        return sum(count for kind, count in self.kinds.items() if not kind.startswith("status "))

    def percentile(self, q: float) -> float:
        """Return a quantile of the latency, in seconds."""
        return statistics.quantile(self.latencies, q)

    @cached_property
    def histogram(self) -> Histogram:
        """Return the latencies in a form that does not grow with their number."""
        return Histogram(self.latencies)

    @cached_property
    def lag_p99(self) -> float:
        """Return the 99th percentile of the send lag, in seconds."""
        return statistics.quantile(self.lags, 0.99) if self.lags else 0.0

    @property
    def invalid(self) -> str:
        """Return why these numbers say more of the generator than of the server; empty when they do not."""
        if self.problem:
            return self.problem
        advice = "lower the rate, or send from a host with more free processor time"
        allowed = max(self.max_lag, MAX_LAG_SHARE * self.percentile(0.5))
        if self.dropped:
            return f"the load generator did not send {self.dropped} of {len(self.outcomes)} requests: {advice}"
        if self.lag_p99 > allowed:
            late = f"{self.lag_p99 * 1000:.1f} ms late (99th percentile, allowed {allowed * 1000:.1f} ms)"
            return f"the load generator sent its requests up to {late}: {advice}"
        if self.cpu_share > MAX_CPU_SHARE:
            used = f"{self.cpu_share:.0%} of its processor (allowed {MAX_CPU_SHARE:.0%})"
            return f"the load generator used {used}: {advice}"
        return ""

    def summary(self) -> dict[str, Any]:
        """Return the whole test in a few numbers, the per-second series as space-separated text."""
        return {
            "offered": len(self.outcomes),
            "sent": len(self.outcomes) - self.dropped,
            "completed": len(self.outcomes) - self.unanswered,
            "ok": self.outcomes.count(""),
            "dropped": self.dropped,
            "error_kinds": self.kinds,
            "p50": round(self.percentile(0.5), 6),
            "p90": round(self.percentile(0.9), 6),
            "p95": round(self.percentile(0.95), 6),
            "p99": round(self.percentile(0.99), 6),
            "p999": round(self.percentile(0.999), 6),
            "histogram": self.histogram.text(),
            "lag_p99": round(self.lag_p99, 6),
            "cpu_share": round(self.cpu_share, 3),
            "connections": self.connections,
            "generators": self.generators,
            "seconds": self.seconds,
            "ok_per_second": " ".join(map(str, self.ok_per_second)),
            "errors_per_second": " ".join(map(str, self.errors_per_second)),
            "invalid": self.invalid,
        }

    def raw(self) -> dict[str, Any]:
        """Return all of it as numbers and text, for :func:`read` on the host that puts several generators together."""
        kinds = list(dict.fromkeys(self.outcomes))
        place = {kind: str(number) for number, kind in enumerate(kinds)}
        return {
            "seconds": self.seconds,
            "max_lag": self.max_lag,
            "started": self.started,
            "kinds": kinds,
            "outcomes": " ".join(place[outcome] for outcome in self.outcomes),
            **{name: " ".join(f"{value:.6f}" for value in getattr(self, name)) for name in _SERIES},
            **{name: " ".join(map(str, getattr(self, name))) for name in _COUNTS},
            "cpu_share": self.cpu_share,
            "connections": self.connections,
        }


_SERIES = ("latencies", "lags", "times")
_COUNTS = ("ok_per_second", "errors_per_second")


def read(raw: Mapping[str, Any]) -> Result:
    """Return the result that :meth:`Result.raw` wrote on another host.

    :raises ValueError: when it is not of that form
    """
    try:
        kinds = [str(kind) for kind in raw["kinds"]]
        result = Result(
            seconds=float(raw["seconds"]),
            max_lag=float(raw["max_lag"]),
            started=str(raw["started"]),
            outcomes=[kinds[int(word)] for word in raw["outcomes"].split()],
            cpu_share=float(raw["cpu_share"]),
            connections=int(raw["connections"]),
        )
        for name in _SERIES:
            setattr(result, name, array("d", map(float, raw[name].split())))
        for name in _COUNTS:
            setattr(result, name, [int(word) for word in raw[name].split()])
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise ValueError(f"what a generator returned as `raw` is not complete: {error!r}") from error
    if {len(getattr(result, name)) for name in _SERIES} != {len(result.outcomes)}:
        raise ValueError("what a generator returned as `raw` holds series of different lengths")
    return result


def merge(results: Sequence[Result]) -> Result:
    """Put together what several generators measured at the same time, in the order of the intended send times.

    Each generator's check of itself still counts: when one of them proves nothing, the whole does not. The seconds of
    the per-second series are those of each generator, added up.

    :raises ValueError: when there is none, or they do not belong to one test
    """
    if not results:
        raise ValueError("there is no generator's result to put together")
    if len({(each.seconds, each.max_lag) for each in results}) > 1:
        raise ValueError("the generators' tests differ in `seconds` or `max_lag_seconds`")
    starts = [datetime.fromisoformat(each.started).timestamp() for each in results]
    skew = max(starts) - min(starts)
    problems = [f"generator {number}: {each.invalid}" for number, each in enumerate(results, 1) if each.invalid]
    if skew > _MAX_SKEW:
        problems.append(
            f"the generators started {skew:.1f} s apart (allowed {_MAX_SKEW:g} s): start them in one task, and "
            "synchronise their clocks"
        )
    rows = heapq.merge(
        *(
            [
                (time + start - starts[0], *row)
                for time, *row in zip(each.times, each.outcomes, each.latencies, each.lags, strict=True)
            ]
            for start, each in zip(starts, results, strict=True)
        )
    )
    times, outcomes, latencies, lags = [list(column) for column in zip(*rows, strict=True)]
    return Result(
        seconds=results[0].seconds,
        max_lag=results[0].max_lag,
        started=results[starts.index(min(starts))].started,
        outcomes=outcomes,
        latencies=latencies,
        lags=lags,
        times=times,
        ok_per_second=[sum(counts) for counts in zip(*(each.ok_per_second for each in results), strict=True)],
        errors_per_second=[sum(counts) for counts in zip(*(each.errors_per_second for each in results), strict=True)],
        cpu_share=max(each.cpu_share for each in results),
        connections=sum(each.connections for each in results),
        generators=len(results),
        problem=problems[0] if problems else "",
    )


def foreign(aim: http.Target, allowed: Iterable[str]) -> str:
    """Return why a load test must not be aimed there, or nothing when it may: at this host, or at one that is allowed.

    :param allowed: names and addresses, as the inventory has them
    :raises http.NoAnswer: when the target's name cannot be resolved
    """
    names = {str(name).strip().lower() for name in allowed}
    if aim.address.lower() in names:
        return ""
    places = {str(address[0]).partition("%")[0] for _, address in http.resolve(aim.address, aim.port)}
    outside = sorted(place for place in places - names if not ipaddress.ip_address(place).is_loopback)
    if not outside:
        return ""
    return (
        f"{aim.address} ({', '.join(outside)}) is no host of the inventory: name it in `targets`, or set "
        "`allow_foreign` when its owner agrees"
    )


# --- the generator


class _Exchange:
    """One request, from its intended send time to its end."""

    __slots__ = ("connection", "endpoint", "intended", "number", "over")

    def __init__(self, number: int, endpoint: int, intended: float) -> None:
        self.number = number
        self.endpoint = endpoint
        self.intended = intended
        self.over = False
        self.connection: _Connection | None = None  # from when it is sent


class _Connection:
    """A kept connection, opened for one request and with at most one under way."""

    __slots__ = ("_established", "_exchange", "_parser", "_run", "_sock", "_unsent", "number")

    def __init__(self, run: _Run, exchange: _Exchange) -> None:
        """Begin to connect.

        :raises OSError: when it is refused at once
        """
        self._run = run
        self._exchange: _Exchange | None = exchange
        self._parser = http.ResponseParser()
        self._unsent = memoryview(b"")
        self._established = False
        family, address = run.address
        self._sock = socket.socket(family, socket.SOCK_STREAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = self._sock.connect_ex(address)
        if error not in (0, errno.EINPROGRESS):
            self._sock.close()
            raise OSError(error, os.strerror(error))
        self.number = self._sock.fileno()
        run.watch(self)

    def ready(self) -> None:
        """Go on: the socket can be read or written."""
        if not self._established:
            self._establish()
        elif not self._unsent:
            self._read()
        elif self._write():
            if not self._unsent:
                self._run.rewatch(self, select.EPOLLIN)
            self._read()

    def _establish(self) -> None:
        run, sock = self._run, self._sock
        try:
            if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error))
            if run.context is not None:
                if not isinstance(sock, ssl.SSLSocket):
                    self._sock = sock = run.context.wrap_socket(
                        sock,
                        server_hostname=run.aim.host,
                        do_handshake_on_connect=False,
                        suppress_ragged_eofs=False,
                    )
                sock.do_handshake()
        except ssl.SSLWantReadError:
            run.rewatch(self, select.EPOLLIN)
        except ssl.SSLWantWriteError:
            run.rewatch(self, select.EPOLLOUT)
        except OSError as error:
            self._give_up(http.no_answer(error, run.aim).kind)
        else:
            self._established = True
            run.rewatch(self, select.EPOLLIN)
            exchange, self._exchange = self._exchange, None
            assert exchange is not None
            run.established(self, exchange)

    def send(self, exchange: _Exchange, method: str, request: bytes) -> None:
        exchange.connection = self
        self._exchange = exchange
        self._parser = http.ResponseParser(method, keep_body=False)
        self._unsent = memoryview(request)
        if self._write() and self._unsent:
            self._run.rewatch(self, select.EPOLLIN | select.EPOLLOUT)

    def _write(self) -> bool:
        """Send what is left of the request; return whether the connection still stands."""
        try:
            sent = self._sock.send(self._unsent)
            self._unsent = self._unsent[sent:]
        except _NOT_NOW:
            pass
        except OSError:
            self._give_up("closed")
            return False
        return True

    def _read(self) -> None:
        try:
            data = self._sock.recv(_RECEIVE)
        except _NOT_NOW:
            return
        except OSError:
            self._give_up("closed")
            return
        if self._exchange is None:  # nobody asked: the server says why it closes, or just closes
            self.close()
            return
        try:
            if self._parser.feed(data) if data else self._parser.end():
                self._complete()
            elif not data:
                self._give_up("closed")
        except http.NoAnswer as error:
            self._give_up(error.kind)

    def _complete(self) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        self._run.answered(exchange, self._parser.status)
        if self._run.keep_alive and self._parser.keep_alive and not self._parser.surplus:
            self._run.idle.append(self)
        else:
            self.close()

    def _give_up(self, kind: str) -> None:
        exchange, self._exchange = self._exchange, None
        self.close()
        if exchange is not None:
            self._run.failed(exchange, kind)

    def close(self) -> None:
        self._exchange = None
        self._run.forget(self)
        self._sock.close()


class _Plan:
    """What follows from a profile alone: every request, and when it is sent.

    :raises ValueError: when the profile is not well defined
    """

    def __init__(self, profile: Profile) -> None:
        if not profile.endpoints:
            raise ValueError("`endpoints` is empty")
        if profile.timeout <= 0 or profile.warmup_seconds < 0:
            raise ValueError("`timeout_seconds` must be above 0 and `warmup_seconds` not below")
        aims = [http.target(_join(profile.base_url, each.path), profile.address) for each in profile.endpoints]
        self.aim = aims[0]
        self.endpoints = profile.asked
        self.requests = [_requests(profile, each) for each in self.endpoints]
        if sum(map(len, self.requests)) > _MAX_REQUESTS_KEPT:
            raise ValueError(f"`data` makes more than {_MAX_REQUESTS_KEPT} different requests: give fewer rows")
        send_times = schedule.send_times(
            profile.rate,
            profile.seconds,
            profile.arrivals,
            profile.seed,
            end_rate=profile.end_rate,
            steps=profile.steps,
            warmup=profile.warmup_seconds,
        )
        self.times = array("d", send_times)  # a third of a list's memory
        self.first = bisect.bisect_left(self.times, profile.warmup_seconds)  # the first that counts
        if self.first == len(self.times):
            raise ValueError(f"no request falls into the {profile.seconds:g} s that count: raise `rate` or `seconds`")
        weights = [each.weight for each in profile.endpoints]
        self.choices = schedule.choices(weights, len(self.times), profile.seed)
        if profile.versus:
            self._take_turns(profile, profile.versus.pairs)

    def _take_turns(self, profile: Profile, pairs: int) -> None:
        """Have each request ask the version of its block; the warm-up asks both.

        :raises ValueError: when the blocks are too few or too short
        """
        blocks = [profile.block(when - profile.warmup_seconds) for when in self.times]
        fewest = min(Counter(blocks[self.first :]).values())
        if pairs < compare.MIN_PAIRS or fewest < compare.MIN_BLOCK:
            raise ValueError(
                f"a comparison needs {compare.MIN_PAIRS} pairs of blocks with {compare.MIN_BLOCK} requests each, "
                f"and had {pairs} with {fewest}: raise `rate` or `seconds`"
            )
        plan = compare.blocks(pairs)
        for number, block in enumerate(blocks):
            new = plan[block][1] == "new" if number >= self.first else number % 2 == 1
            self.choices[number] += len(profile.endpoints) * new


def _fill(value: Any, row: Mapping[str, Any], *, path: bool = False) -> Any:
    """Return text, or the texts within a header's or body's structure, with a row's values in their places."""
    if isinstance(value, Mapping):
        return {key: _fill(each, row) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, row) for each in value]
    if not isinstance(value, str):
        return value

    def put(found: re.Match[str]) -> str:
        name = found[1]
        if name in row:
            return quote(str(row[name]), safe="") if path else str(row[name])
        if path:
            raise ValueError(f"{value!r} names {{{name}}}, which `data` does not have in every row")
        return found[0]  # braces are usual in a body

    return _PLACE.sub(put, value)


def _requests(profile: Profile, endpoint: Endpoint) -> list[bytes]:
    """Return the bytes of an endpoint's request, once or for each row of the data."""
    host = {"host": profile.host_header} if profile.host_header else {}

    def made(path: str, headers: Mapping[str, Any], body: Any) -> bytes:
        aim = http.target(_join(profile.base_url, path), profile.address)
        return http.request_bytes(aim, endpoint.method, {**host, **headers}, body, keep_alive=profile.keep_alive)

    if not profile.data:
        return [made(endpoint.path, endpoint.headers, endpoint.body)]
    rows = [
        made(_fill(endpoint.path, row, path=True), _fill(endpoint.headers, row), _fill(endpoint.body, row))
        for row in profile.data[: _MAX_REQUESTS_KEPT + 1]
    ]
    return rows if len(set(rows)) > 1 else rows[:1]


def validate(profile: Profile) -> None:
    """Check a load test without sending anything.

    :raises ValueError: when the profile is not well defined
    """
    _Plan(profile)


class _Run:
    """One run of a profile; all times are seconds since the start of the schedule, warm-up included.

    One loop on one core: send what is due, wait for the next send time or for a socket, take in answers. It is no
    event loop of the library, which costs twice as much per request and rounds its waits up to milliseconds.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._plan = plan = _Plan(profile)
        self._times = plan.times
        self._good = [frozenset(each.expect_status) for each in plan.endpoints]
        self._most = _allowed_connections()

        self.aim = plan.aim
        self.context = http.tls_context(profile.ca_file) if plan.aim.scheme == "https" else None
        self.address = _reachable(plan.aim, profile.timeout)
        self.keep_alive = profile.keep_alive
        self.idle: list[_Connection] = []
        self._connections: dict[int, _Connection] = {}  # by number of file
        self._outcomes = ["dropped"] * len(self._times)
        self._latencies = array("d", [profile.timeout]) * len(self._times)
        self._lags = array("d", [0.0]) * len(self._times)
        self._next = 0
        self._under_way = 0
        # In the order of the schedule, and so of their deadlines.
        self._waiting: deque[_Exchange] = deque()
        self._cpu = 0.0
        self._counted_from = -1.0
        buckets = max(int(profile.seconds), 1)
        self._result = Result(profile.seconds, profile.max_lag)
        self._result.ok_per_second = [0] * buckets
        self._result.errors_per_second = [0] * buckets

    def run(self) -> Result:
        collecting = gc.isenabled()
        gc.disable()  # it would stop the schedule for milliseconds, and nothing here is in circles
        try:
            with select.epoll() as self._epoll:
                self._start = time.monotonic() + _LEAD
                while self._next < len(self._times) or self._under_way:
                    self._turn()
                for connection in list(self._connections.values()):
                    connection.close()
        finally:
            if collecting:
                gc.enable()
        return self._told()

    def _now(self) -> float:
        return time.monotonic() - self._start

    def _turn(self) -> None:
        """Send and take in what is due, a few of each, so that neither keeps the other waiting."""
        for _ in range(_TURN):
            now = self._now()
            if self._counted_from < 0.0 and now >= self._profile.warmup_seconds:
                self._begin_to_count()
            if self._next == len(self._times) or now < self._times[self._next]:
                break
            self._send(_Exchange(self._next, self._plan.choices[self._next], self._times[self._next]), now)
            self._next += 1
            if self._next == len(self._times):
                self._sent_all()
        if (wait := self._until_next()) > 0.0:
            select.select([self._epoll], [], [], wait)  # to the microsecond, which epoll's own time-out is not
        for number, _ in self._epoll.poll(0, _EVENTS):
            if connection := self._connections.get(number):
                connection.ready()
        self._end_what_is_late()

    def _until_next(self) -> float:
        """Return how long nothing is due: no request, no time-out, not the begin of what counts."""
        due = self._waiting[0].intended + self._profile.timeout if self._waiting else math.inf
        if self._next < len(self._times):
            due = min(due, self._times[self._next])
        if self._counted_from < 0.0:
            due = min(due, self._profile.warmup_seconds)
        return due - self._now() if due < math.inf else 0.0

    def _begin_to_count(self) -> None:
        self._result.started = utc_now()
        self._result.clock = self._start + self._profile.warmup_seconds
        self._cpu = time.process_time()
        self._counted_from = self._now()

    def _sent_all(self) -> None:
        if elapsed := self._now() - self._counted_from:
            self._result.cpu_share = (time.process_time() - self._cpu) / elapsed

    def _send(self, exchange: _Exchange, now: float) -> None:
        self._lags[exchange.number] = lag = now - exchange.intended
        full = not self.idle and len(self._connections) >= self._most
        if lag > self._profile.timeout or full:
            return
        self._under_way += 1
        self._waiting.append(exchange)
        if self.idle:
            self._hand_over(exchange, self.idle.pop())
        else:
            try:
                _Connection(self, exchange)
            except OSError as error:
                self.failed(exchange, http.no_answer(error, self.aim).kind)

    def _hand_over(self, exchange: _Exchange, connection: _Connection) -> None:
        kind = exchange.endpoint
        requests = self._plan.requests[kind]
        request = requests[exchange.number % len(requests)]
        connection.send(exchange, self._plan.endpoints[kind].method, request)

    def watch(self, connection: _Connection) -> None:
        """Have a connection told when its socket can be written, which is when it has been made."""
        self._connections[connection.number] = connection
        self._epoll.register(connection.number, select.EPOLLOUT)

    def rewatch(self, connection: _Connection, events: int) -> None:
        """Have a connection told of other events."""
        self._epoll.modify(connection.number, events)

    def established(self, connection: _Connection, exchange: _Exchange) -> None:
        """Take in that a connection can be used, perhaps too late for the request it was opened for."""
        self._result.connections += 1
        if exchange.over:
            self.idle.append(connection)
        else:
            self._hand_over(exchange, connection)

    def forget(self, connection: _Connection) -> None:
        """Take a connection out, before its socket is closed."""
        if self._connections.get(connection.number) is connection:
            del self._connections[connection.number]
        if connection in self.idle:
            self.idle.remove(connection)

    def answered(self, exchange: _Exchange, status: int) -> None:
        """Take in a complete answer."""
        now = self._now()
        self._latencies[exchange.number] = now - exchange.intended
        self._end(exchange, "" if status in self._good[exchange.endpoint] else f"status {status}", now)

    def failed(self, exchange: _Exchange, kind: str) -> None:
        """Take in that there will be no answer."""
        if not exchange.over:
            self._end(exchange, kind, self._now())

    def _end_what_is_late(self) -> None:
        while self._waiting and self._waiting[0].intended + self._profile.timeout <= self._now():
            exchange = self._waiting.popleft()
            if not exchange.over:
                connection = exchange.connection
                self._end(exchange, "timeout", self._now())
                if connection is not None:
                    connection.close()

    def _end(self, exchange: _Exchange, outcome: str, now: float) -> None:
        exchange.over = True
        exchange.connection = None
        while self._waiting and self._waiting[0].over:
            self._waiting.popleft()
        self._outcomes[exchange.number] = outcome
        second = int(now - self._profile.warmup_seconds)
        if now >= self._profile.warmup_seconds and second < len(self._result.ok_per_second):
            (self._result.errors_per_second if outcome else self._result.ok_per_second)[second] += 1
        self._under_way -= 1

    def _told(self) -> Result:
        result = self._result
        result.outcomes = self._outcomes[self._plan.first :]
        result.latencies = self._latencies[self._plan.first :]
        result.lags = self._lags[self._plan.first :]
        result.times = array("d", (time - self._profile.warmup_seconds for time in self._times[self._plan.first :]))
        if versus := self._profile.versus:
            wrong = [bool(outcome) for outcome in result.outcomes]
            places = [self._profile.block(time) for time in result.times]
            result.pairs = compare.pairs_of(result.latencies, wrong, places, versus.pairs)
        return result


def _join(base_url: str, path: str) -> str:
    return base_url.rstrip("/") + "/" + path.lstrip("/")


def _reachable(aim: http.Target, timeout: float) -> tuple[socket.AddressFamily, Any]:
    """Return the first address of the target that takes a connection, else the first: its requests will say why."""
    addresses = http.resolve(aim.address, aim.port)
    for family, address in addresses:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(min(timeout, 2.0))
            if sock.connect_ex(address) == 0:
                return family, address
    return addresses[0]


def _allowed_connections() -> int:
    """Raise this process's limit of open files if need be, and return how many connections fit into it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MAX_CONNECTIONS + _SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        files = min(files, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - _SPARE_FILES, 1)


def run(profile: Profile) -> Result:
    """Run a load test and return what happened.

    :raises ValueError: when the profile is not well defined
    :raises http.NoAnswer: when it cannot even begin: no such name, or no readable authority
    """
    return _Run(profile).run()


# --- measurements


def _kinds(result: Result) -> str:
    return ", ".join(f"{kind} x {count}" for kind, count in result.kinds.items()) or "no errors"


def measure(result: Result, id: str, metric: str) -> Measurement:
    """Return one metric of a load test as a measurement.

    :param metric: `latency_seconds` (samples, one per request), `errors` (failures: all but the expected answers;
        samples: their numbers), `availability` (the same of no complete answer, or a status of 500 and above),
        `throughput` (samples: right answers in each second), `lag` (value: 99th percentile of the generator's own send
        lag), `compare` (samples: pairs of blocks, :func:`compare.flatten`)
    :raises ValueError: when there is no such metric
    """
    outcomes = result.outcomes
    n = len(outcomes)
    seen: dict[str, Any] = {
        "n": n,
        "failures": n - outcomes.count(""),
        "observed": f"{n} requests in {result.seconds:g} s, {_kinds(result)}",
        "invalid": result.invalid,
        "started": result.started,
        "seconds": result.seconds,
    }
    match metric:
        case "latency_seconds":
            seen |= {"samples": [round(latency, 6) for latency in result.latencies], "unit": "s"}
        case "errors":
            seen["samples"] = [number for number, kind in enumerate(outcomes) if kind]
            seen["expected"] = "the expected status to every request"
        case "availability":
            served = ("status 2", "status 3", "status 4")
            bad = [number for number, kind in enumerate(outcomes) if kind and kind[:8] not in served]
            seen |= {"failures": len(bad), "samples": bad}
            seen["expected"] = "an answer below 500 to every request"
        case "throughput":
            seen |= {"n": len(result.ok_per_second), "failures": 0, "samples": result.ok_per_second, "unit": "1/s"}
        case "lag":
            used = f"{result.dropped} of {n} requests not sent, {result.cpu_share:.0%} of a processor used"
            # Never invalid: this is what the generator says of itself.
            seen |= {"failures": 0, "value": round(result.lag_p99, 6), "unit": "s", "observed": used, "invalid": ""}
        case "compare":
            against = [each for each in result.pairs if each.against]
            old, new = sum(each.old_bad for each in against), sum(each.new_bad for each in against)
            seen |= {
                "n": len(result.pairs),
                "failures": 0,
                "samples": [round(value, 6) for value in compare.flatten(result.pairs)],
                "observed": f"{len(against)} pairs of blocks; wrong answers: old {old:.0f}, new {new:.0f}",
                "expected": "the new version is as good as the old one beside it",
            }
        case _:
            raise ValueError(f"`metric` must be compare or one of {', '.join(METRICS)}, not {metric!r}")
    return measurement(id, **seen)
