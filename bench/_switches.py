"""Runs on a host of the lab for bench/switch.py: one way to switch, again and again, under an open load.

Reads one JSON object and prints another; golive_core lies beside this file. Half of the load comes on new connections,
half on kept ones. The release that answers is asked for 50 times a second, on a connection of its own.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from golive_core import load
from golive_core.colours import MAP_FILE, other, read_map
from golive_core.haproxy import Edge, master
from golive_core.statistics import quantile
from golive_core.switching import one_at_a_time, switch

HERE = Path(__file__).parent
PATH = "/version"
LOOK_SECONDS = 0.02
LEAD_SECONDS = 5.0  # before the first switch
AROUND_SECONDS = 1.0  # what counts as around a switch, before and after it


class Seen:
    """Which release answered when, asked all the time."""

    def __init__(self, asked: dict[str, Any]) -> None:
        """Take whom to ask."""
        self.asked = asked
        self.rows: list[tuple[float, str]] = []
        self.stop = threading.Event()

    def look(self) -> None:
        """Ask until told to stop; what cannot be asked is tried again on a new connection."""
        connection = None
        while not self.stop.wait(LOOK_SECONDS):
            try:
                connection = connection or self._connect()
                connection.request("GET", PATH, headers={"Host": self.asked["name"]})
                answer = connection.getresponse()
                release = json.loads(answer.read())["release"] if answer.status == 200 else ""
                self.rows.append((time.monotonic(), release))
            except (OSError, ValueError, http.client.HTTPException):
                connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if not self.asked["ca_file"]:
            return http.client.HTTPConnection(self.asked["address"], self.asked["port"], timeout=2)
        trusted = ssl.create_default_context(cafile=self.asked["ca_file"])
        trusted.check_hostname = False  # asked by address; the load checks the name
        return http.client.HTTPSConnection(self.asked["address"], self.asked["port"], timeout=2, context=trusted)

    def first(self, release: str, since: float) -> float | None:
        """Return how many seconds after `since` the release answered first; None when it never did."""
        return next((when - since for when, seen in self.rows if when > since and seen == release), None)


def shell(command: str, **environment: str) -> None:
    """Run one line of shell in the bench's directory.

    :raises subprocess.CalledProcessError: when it fails
    """
    subprocess.run(["sh", "-ec", command], cwd=HERE, env=environment or None, check=True, capture_output=True)


def flip(_: dict[str, str]) -> float:
    """Switch as golive does: the map file, then every worker of the edge."""
    path, edge = Path(MAP_FILE), Edge(master())
    with one_at_a_time(path):
        before = read_map(path.read_text(encoding="utf-8"))
        began = time.monotonic()
        switch(edge, path, before, before.becoming(other(before.live)))
    return began


def recreate(release: dict[str, str]) -> float:
    """`docker compose up -d` of one project."""
    began = time.monotonic()
    compose("one", release, 18001)
    return began


def compose(project: str, release: dict[str, str], port: int, words: str = "up -d") -> None:
    """Bring a project to a release."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin"
    shell(f"docker compose -p bench-{project} {words}", PATH=path, IMAGE=release["image"], PORT=str(port), HOME="/root")


PORTS = {"blue": 18011, "green": 18012}


def workers() -> set[str]:
    """Return the pids of nginx's workers."""
    main = (HERE / "nginx.pid").read_text(encoding="utf-8").strip()
    return set(Path(f"/proc/{main}/task/{main}/children").read_text(encoding="utf-8").split())


def reload(release: dict[str, str], *, waits: bool) -> float:
    """Start the idle project, let nginx read its address, stop the other: at once, or when the old workers are gone."""
    live = (HERE / "live").read_text(encoding="utf-8")
    idle = other(live)
    compose(idle, release, PORTS[idle], "up -d --wait")
    (HERE / "upstream.conf").write_text(f"server 127.0.0.1:{PORTS[idle]};\n", encoding="utf-8")
    (HERE / "live").write_text(idle, encoding="utf-8")
    old = workers()
    began = time.monotonic()
    shell("./nginx -p . -c nginx.conf -s reload")
    while waits and workers() & old:
        time.sleep(0.05)
    compose(live, release, PORTS[live], "stop --timeout 10")
    return began


def rollout(release: dict[str, str]) -> float:
    """Let nginx know both addresses; start a second container, wait until it is healthy, stop the first."""
    live = (HERE / "live").read_text(encoding="utf-8")
    idle = other(live)
    began = time.monotonic()
    compose(idle, release, PORTS[idle], "up -d --wait")
    (HERE / "live").write_text(idle, encoding="utf-8")
    compose(live, release, PORTS[live], "stop --timeout 10")
    return began


WAYS: dict[str, Callable[[dict[str, str]], float]] = {
    "golive": flip,
    "compose": recreate,
    "nginx_at_once": lambda release: reload(release, waits=False),
    "nginx_waiting": lambda release: reload(release, waits=True),
    "rollout": rollout,
}


def near(times: list[float], latencies: list[float], moments: list[float]) -> list[float]:
    """Return the latencies of what was sent around these moments."""
    return [
        took
        for sent, took in zip(times, latencies, strict=True)
        if any(abs(sent - moment) <= AROUND_SECONDS for moment in moments)
    ]


def main() -> None:
    """Switch under load, and print what was seen."""
    asked = json.load(sys.stdin)
    profile = load.Profile(
        base_url=asked["url"],
        address=asked["address"],
        ca_file=asked["ca_file"],
        host_header=asked["name"],
        rate=asked["rate"] / 2,
        seconds=asked["seconds"],
        endpoints=[load.Endpoint(PATH)],
        timeout=10.0,
    )
    profiles = [replace(profile, keep_alive=kept) for kept in (False, True)]
    seen = Seen(asked)
    looking = threading.Thread(target=seen.look)
    acts: list[tuple[float, str]] = []
    lasted: list[float] = []
    with ProcessPoolExecutor(2) as pool:
        runs = [pool.submit(load.run, profile) for profile in profiles]
        looking.start()
        ends = time.monotonic() + asked["seconds"]
        time.sleep(LEAD_SECONDS)
        longest = 0.0
        while len(acts) < asked["switches"]:
            began = time.monotonic()
            if began + longest + asked["pause"] > ends:
                break
            release = asked["releases"][len(acts) % 2]
            acts.append((WAYS[asked["way"]](release), release["name"]))
            lasted.append(time.monotonic() - acts[-1][0])
            longest = max(longest, time.monotonic() - began)
            time.sleep(asked["pause"])
        results = [run.result() for run in runs]
    seen.stop.set()
    looking.join()
    visible = [seen.first(release, moment) for moment, release in acts]
    moments = [moment for moment, _ in acts]
    times = [result.clock + time for result in results for time in result.times]
    latencies = [took for result in results for took in result.latencies]
    around = near(times, latencies, moments)
    # What the eye needs: between two answers, of which one is the first that can tell.
    looks = [late - early for (early, _), (late, _) in pairwise(seen.rows)]
    # Windows of the same length, where nobody switches.
    between = near(times, latencies, [moment + asked["pause"] / 2 for moment in moments])
    json.dump(
        {
            "switches": len(acts),
            "requests": len(times),
            "lost": {
                name: sum(map(bool, result.outcomes)) for name, result in zip(("new", "kept"), results, strict=True)
            },
            "kinds": {
                name: result.kinds for name, result in zip(("new", "kept"), results, strict=True) if result.kinds
            },
            "visible": [round(took, 4) for took in visible if took is not None],
            "unseen": visible.count(None),
            "act": round(quantile(lasted, 0.5), 4),
            "look": round(quantile(looks, 0.5), 4) if looks else None,
            "p99_around": round(quantile(around, 0.99), 4),
            "p99_between": round(quantile(between, 0.99), 4),
            "invalid": "; ".join(filter(None, (result.invalid for result in results))),
        },
        sys.stdout,
    )


main()
