"""How true golive's load generator is, beside those that people use, and what it holds on one core.

Accuracy: 500 requests/s for ten seconds against a server of this program that stands still for one second. Every
request of golive has an id and the server remembers when it answered it, so what a user waited is known without any
generator; the others are compared with what users at that rate must wait. A generator that waits for its own answers
before it sends on does not notice most of a standstill (coordinated omission). Those that are not installed are left
out, and named. Capacity: nginx on one core, the generator on another, each rate twice: among whatever else runs on
the machine, and before all of it (real-time priority), which is what a core of its own would be. A bare clock that only
sleeps to the same schedule, just before and in the same way, shows how late the machine alone makes a process. What the
keys of --json mean is in docs/bench.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from golive_core import http, load, statistics

from golive.bench import table

SERVER = Path(__file__).with_name("_standstill.py")
RATE, SECONDS, STANDS_STILL_AT, STANDSTILL, DELAY = 500, 10, 4.0, 1.0, 0.002
CONNECTIONS = 50
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
RATES = {"http": (4_000, 10_000, 20_000, 30_000, 40_000), "https": (4_000, 10_000, 15_000, 20_000)}
HOLD_SECONDS = 5.0
CLOCK_SECONDS = 2.0
MEMORY_AT = (20_000, 200_000)  # requests
Row = dict[str, Any]


# --- accuracy


@contextlib.contextmanager
def standing_still() -> Iterator[int]:
    """Serve on loopback, on a port that is yielded."""
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(DELAY)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdin
        yield int(process.stdout.readline())
        process.stdin.close()


def asked(port: int, path: str) -> bytes:
    """Return the body of one answer."""
    return http.fetch(http.target(f"http://127.0.0.1:{port}{path}"), timeout=30).body


@contextlib.contextmanager
def standstill(port: int) -> Iterator[None]:
    """Have the server stand still some seconds after the block begins."""
    timer = threading.Timer(STANDS_STILL_AT, asked, (port, f"/stand-still?{STANDSTILL}"))
    timer.start()
    yield
    timer.join()


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return percentiles in milliseconds."""
    return {name: round(1000 * statistics.quantile(seconds, q), 2) for name, q in PERCENTILES.items()}


def users() -> dict[str, float]:
    """Return what users wait who come at the rate, whatever becomes of those before them."""
    ends = STANDS_STILL_AT + STANDSTILL
    comes = [number / RATE for number in range(RATE * SECONDS)]
    return percentiles([DELAY + (ends - each if STANDS_STILL_AT <= each < ends else 0.0) for each in comes])


def golive_beside_the_truth(port: int) -> tuple[Row, Row]:
    """Return what golive says, and what the server knows of the same requests."""
    numbers = [{"id": number} for number in range(RATE * SECONDS)]
    endpoints = [load.Endpoint("/known?{id}")]
    url = f"http://127.0.0.1:{port}"
    with standstill(port):
        told = load.run(load.Profile(url, RATE, SECONDS, endpoints, data=numbers, timeout=10, max_lag=0.01))
    answered = json.loads(asked(port, "/truth"))
    truth = [answered[str(number)] - told.clock - intended for number, intended in enumerate(told.times)]
    seen = {"tool": "golive", "rate": round(len(told.outcomes) / SECONDS), "invalid": told.invalid}
    known = {"tool": "the same requests, by the server", "rate": seen["rate"], "invalid": ""}
    return {**seen, **percentiles(told.latencies)}, {**known, **percentiles(truth)}


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def _seconds(text: str) -> float:
    """Return the seconds of "1.2ms", "300us" or "1.00s"."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[unit]


def hey(url: str, _: Path) -> Row:
    """Run hey, which limits the rate of each of its workers."""
    said = _run("hey", "-z", f"{SECONDS}s", "-c", str(CONNECTIONS), "-q", str(RATE // CONNECTIONS), url)
    found = {int(q): 1000 * float(s) for q, s in re.findall(r"(\d+)% in ([\d.]+) secs", said)}
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", said)[1])  # type: ignore[index]
    return {"rate": rate, **{name: found.get(int(name[1:])) for name in PERCENTILES}}


def wrk(url: str, _: Path) -> Row:
    """Run wrk, which sends as fast as it is answered."""
    said = _run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", url)
    found = {int(q): 1000 * _seconds(s) for q, s in re.findall(r"^\s+(\d+)%\s+([\d.]+\w+)$", said, re.MULTILINE)}
    rate = float(re.search(r"Requests/sec:\s*([\d.]+)", said)[1])  # type: ignore[index]
    return {"rate": rate, **{name: found.get(int(name[1:])) for name in PERCENTILES}}


def ab(url: str, folder: Path) -> Row:
    """Run ab, which sends as fast as it is answered."""
    out = folder / "ab.csv"
    said = _run("ab", "-k", "-q", "-t", str(SECONDS), "-n", "1000000", "-c", str(CONNECTIONS), "-e", str(out), url)
    rows = [line.split(",") for line in out.read_text(encoding="utf-8").splitlines()[1:]]
    found = {int(q): float(ms) for q, ms in rows}
    rate = float(re.search(r"Requests per second:\s*([\d.]+)", said)[1])  # type: ignore[index]
    return {"rate": rate, **{name: found.get(int(name[1:])) for name in PERCENTILES}}


def h2load(url: str, folder: Path) -> Row:
    """Run h2load, which limits the rate of each of its clients."""
    out, each = folder / "h2load.log", str(RATE // CONNECTIONS)
    _run("h2load", "--h1", f"-c{CONNECTIONS}", f"-D{SECONDS}", f"--rps={each}", f"--log-file={out}", url)
    waited = [int(line.split("\t")[2]) / 1e6 for line in out.read_text(encoding="utf-8").splitlines()]
    return {"rate": len(waited) / SECONDS, **percentiles(waited)}


def autocannon(url: str, _: Path) -> Row:
    """Run autocannon, with its correction for coordinated omission, which it makes unless told otherwise."""
    words = ("-c", str(CONNECTIONS), "-d", str(SECONDS), "-R", str(RATE), "--json", "--no-progress", url)
    told = json.loads(_run("autocannon", *words))
    found = told["latency"]
    return {
        "rate": told["requests"]["total"] / SECONDS,
        **{name: found.get({"p999": "p99_9"}.get(name, name)) for name in PERCENTILES},
    }


def locust(url: str, folder: Path) -> Row:
    """Run locust, whose users each send at a constant rate as long as they are answered."""
    file = folder / "locustfile.py"
    file.write_text(
        "from locust import FastHttpUser, constant_throughput, task\n\n\n"
        "class Visitor(FastHttpUser):\n"
        f"    wait_time = constant_throughput({RATE // CONNECTIONS})\n\n"
        "    @task\n"
        "    def visit(self):\n"
        "        self.client.get('/')\n",
        encoding="utf-8",
    )
    people = ("-u", str(CONNECTIONS), "-r", str(CONNECTIONS), "-t", f"{SECONDS}s", "--csv", str(folder / "locust"))
    _run("locust", "-f", str(file), "--headless", "--only-summary", *people, "-H", url.rstrip("/"))
    head, *rows = [line.split(",") for line in (folder / "locust_stats.csv").read_text(encoding="utf-8").splitlines()]
    told = dict(zip(head, rows[-1], strict=False))
    names = {"p50": "50%", "p90": "90%", "p95": "95%", "p99": "99%", "p999": "99.9%"}
    return {"rate": float(told["Requests/s"]), **{name: float(told[column]) for name, column in names.items()}}


TOOLS: tuple[Callable[[str, Path], Row], ...] = (hey, wrk, ab, h2load, autocannon, locust)


def accuracy() -> tuple[list[Row], list[str]]:
    """Return a row for each generator, and what could not be run."""
    with standing_still() as port:
        golive, known = golive_beside_the_truth(port)
    rows = [{"tool": "users, by the model", "rate": RATE, "invalid": "", **users()}, known, golive]
    without = []
    for tool in TOOLS:
        name = tool.__name__
        if shutil.which(name) is None:
            without.append(f"{name} is not installed")
            continue
        with standing_still() as port, tempfile.TemporaryDirectory() as folder, standstill(port):
            try:
                rows.append({"tool": name, "invalid": "", **tool(f"http://127.0.0.1:{port}/", Path(folder))})
            except (RuntimeError, LookupError, ValueError, TypeError, subprocess.TimeoutExpired) as error:
                without.append(f"{name} could not be run or read: {error}")
    return rows, without


# --- capacity

NGINX = """
daemon off; worker_processes 1; worker_cpu_affinity 10; worker_rlimit_nofile 8192;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 10000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{http}; listen 127.0.0.1:{https} ssl;
    ssl_certificate {folder}/crt; ssl_certificate_key {folder}/key;
    location / {{ return 200 "ok"; }}
  }}
}}
"""


def _free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def nginx() -> Iterator[tuple[dict[str, str], str, list[int]]]:
    """Serve on loopback; yields scheme to URL, the file of the authority, and the processes."""
    with tempfile.TemporaryDirectory() as folder:
        name = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        more = ("-addext", "keyUsage=critical,digitalSignature,keyCertSign", "-addext", "basicConstraints=CA:TRUE")
        kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        _run("openssl", "req", "-x509", *kind, "-keyout", f"{folder}/key", "-out", f"{folder}/crt", *name, *more)
        ports = {"http": _free(), "https": _free()}
        file = Path(folder, "nginx.conf")
        file.write_text(NGINX.format(folder=folder, **ports), encoding="utf-8")
        with subprocess.Popen(["nginx", "-c", str(file)]) as process:
            for _ in range(50):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", ports["https"]), 1):
                    break
                time.sleep(0.1)
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
            urls = {scheme: f"{scheme}://localhost:{port}" for scheme, port in ports.items()}
            yield urls, f"{folder}/crt", [process.pid, *map(int, workers)]
            process.send_signal(signal.SIGTERM)


def first(process: int) -> None:
    """Let a process run before all others on its core.

    :raises PermissionError: when this user may not
    """
    os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(1))


def stolen() -> int:
    """Return the ticks that the first processor was ready and its host did other things."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[1]
    return int(line.split()[8])


def clock(rate: int) -> list[float]:
    """Return by how many seconds a process is late that does nothing but sleep to a schedule."""
    late = []
    start = time.monotonic()
    for number in range(int(rate * CLOCK_SECONDS)):
        while (wait := start + number / rate - time.monotonic()) > 0.0:
            select.select([], [], [], wait)
        late.append(-wait)
    return late


def held(url: str, ca_file: str, rate: int, seconds: float, own: bool) -> Row:
    """Return what became of one rate, sent from one core; runs in a process of its own."""
    os.sched_setaffinity(0, {0})
    if own:
        first(0)
    floor = clock(rate)
    profile = load.Profile(
        url, rate, seconds, [load.Endpoint("/")], ca_file=ca_file, address="127.0.0.1", warmup_seconds=1.0
    )
    before, began = stolen(), time.monotonic()
    told = load.run(profile)
    ticks = (time.monotonic() - began) * os.sysconf("SC_CLK_TCK")
    return {
        "scheme": url.partition(":")[0],
        "rate": rate,
        "own": own,
        "right_per_second": round(told.outcomes.count("") / seconds),
        "lag_p99_ms": round(1000 * statistics.quantile(told.lags, 0.99), 2),
        "clock_p99_ms": round(1000 * statistics.quantile(floor, 0.99), 2),
        "stolen_share": round((stolen() - before) / ticks, 3),
        "cpu_share": round(told.cpu_share, 3),
        "held": not told.invalid and not any(told.outcomes),
        "invalid": told.invalid,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def apart(url: str, ca_file: str, rate: int, seconds: float, own: bool = False) -> Row:
    """Run :func:`held` in a process of its own, whose memory is then its alone."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(held, url, ca_file, rate, seconds, own).result()


def capacity() -> tuple[list[Row], list[Row], str]:
    """Return a row for each rate, one for each number of requests whose memory was looked at, and what is missing."""
    problem = ""
    rates = []
    with nginx() as (urls, ca_file, processes):
        memory = [apart(urls["http"], ca_file, 4_000, requests / 4_000) for requests in MEMORY_AT]
        for own in (False, True):
            if own:
                try:
                    for process in processes:
                        first(process)
                except PermissionError:
                    problem = (
                        "no process may run first here (CAP_SYS_NICE), so that no rate was sent from a core of its own"
                    )
                    break
            rates += [
                apart(url, ca_file, rate, HOLD_SECONDS, own) for scheme, url in urls.items() for rate in RATES[scheme]
            ]
    return (
        rates,
        [{"requests": n, "peak_mib": row["peak_mib"]} for n, row in zip(MEMORY_AT, memory, strict=True)],
        problem,
    )


# --- all of it


def off(told: Row, truth: Row) -> float:
    """Return how far percentiles are off at most, as a multiple of what is allowed: the larger of 2 % and 1 ms."""
    return max(float(abs(told[name] - truth[name]) / max(1.0, 0.02 * truth[name])) for name in PERCENTILES)


def most(rates: list[Row], scheme: str) -> int:
    """Return the highest rate up to which all were held, from a core of its own where that could be had."""
    best, own = 0, any(row["own"] for row in rates)
    for row in rates:
        if row["scheme"] == scheme and row["own"] == own:
            if not row["held"]:
                break
            best = row["rate"]
    return best


def measure() -> Row:
    """Return all figures."""
    rows, without = accuracy()
    rates: list[Row] = []
    memory: list[Row] = []
    if shutil.which("nginx"):
        rates, memory, problem = capacity()
        without += [problem] * bool(problem)
    else:
        without.append("nginx is not installed, so nothing is known of rates and memory")
    targets = [("percentiles, off by at most the larger of 2 % and 1 ms", off(rows[2], rows[1]), "at_most", 1.0)]
    if rates:
        slow = [row for row in rates if row["scheme"] == "http" and row["rate"] == 4_000][-1]
        targets += [
            ("requests/s held over HTTP, one core", most(rates, "http"), "at_least", 20_000),
            ("requests/s held over TLS, one core", most(rates, "https"), "at_least", 10_000),
            ("send lag P99 at 4,000/s, ms", slow["lag_p99_ms"], "at_most", 2.0),
        ]
    return {
        "accuracy": rows,
        "rates": rates,
        "memory": memory,
        "without": without,
        "targets": [
            {"name": name, "seen": round(seen, 2), how: want, "met": seen <= want if how == "at_most" else seen >= want}
            for name, seen, how, want in targets
        ],
    }


def shown(told: Row) -> str:
    """Return the tables for people."""

    def ms(value: float | None) -> str:
        return "-" if value is None or math.isnan(value) else f"{value:.1f}" if value < 100 else f"{value:.0f}"

    columns = list(PERCENTILES)
    rows = [[row["tool"], f"{row['rate']:.0f}/s", *(ms(row[name]) for name in columns)] for row in told["accuracy"]]
    parts = [
        f"A standstill of {STANDSTILL:g} s at {RATE} requests/s for {SECONDS} s: latency in milliseconds\n",
        table(["", "sent", "P50", "P90", "P95", "P99", "P99.9"], rows),
    ]
    if told["rates"]:
        cells = [
            [
                row["scheme"],
                str(row["rate"]),
                str(row["right_per_second"]),
                "its own" if row["own"] else "shared",
                f"{row['lag_p99_ms']:.2f} ms",
                f"{row['clock_p99_ms']:.2f} ms",
                f"{row['cpu_share']:.0%}",
                "held" if row["held"] else "NO-EVIDENCE" if row["invalid"] else "wrong answers",
            ]
            for row in told["rates"]
        ]
        parts += ["\nA constant rate from one core, nginx on the other\n"]
        parts += [
            table(
                ["", "wanted/s", "right/s", "core", "send lag P99", "a bare clock's", "of the core", "verdict"], cells
            )
        ]
        cells = [[f"{row['requests']:,}", f"{row['peak_mib']} MiB"] for row in told["memory"]]
        parts += ["\nMemory of the generator\n", table(["requests", "peak"], cells)]
    parts += [f"\nLeft out: {each}" for each in told["without"]]
    cells = [
        [
            row["name"],
            f"at most {row['at_most']:g}" if "at_most" in row else f"at least {row['at_least']:,}",
            f"{row['seen']:,}",
            "yes" if row["met"] else "NO",
        ]
        for row in told["targets"]
    ]
    return "\n".join([*parts, "\nTargets\n", table(["target", "wanted", "seen", "met"], cells)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    began = time.monotonic()
    told = measure()
    print(shown(told))
    if given.json:
        head = {"bench": "load_probe", "date": datetime.now(UTC).strftime("%Y-%m-%d"), "cores": os.cpu_count()}
        print(json.dumps({**head, "seconds": round(time.monotonic() - began, 1), **told}))


if __name__ == "__main__":
    main()
