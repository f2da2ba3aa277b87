"""How long a go-live takes where everything is there already, beside what plain shell needs for the least of it.

Works on the lab of `./golive demo`, which must be live, and takes its second release live, from the first. The floor,
measured in the same run and on the same hosts, is what no tool can save: the image copied to and loaded on all
application hosts at once, its program started once there, and one command to the edge. What the keys of --json mean is
in docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from golive import lab
from golive.bench import table
from golive.say import Problem, ask, complain

# As in the tests, short and enough to judge; and what precedes the load at the same rate.
WINDOWS = {"gates_load_seconds": 30, "gates_load_warmup_seconds": 1, "gates_watch_seconds": 30}
HOSTS = ("app1", "app2")
EDGE = "edge1"
CURRENT = "/opt/golive/football/current"
RERUN = ("preflight", "infrastructure")
# What a line to the edge costs, without changing anything.
FLIP = """
import socket
edge = socket.socket(socket.AF_UNIX)
edge.connect("/run/haproxy/admin.sock")
edge.sendall(b"show map /etc/haproxy/live.map\\n")
edge.recv(4096)
"""
TARGETS = {  # name: most seconds
    "a release, windows left out": 90.0,
    "infrastructure again, nothing to change": 60.0,
}


def in_host(here: lab.Lab, host: str, *command: str) -> str:
    """Run a command on a host of the lab and return what it printed."""
    return ask(["docker", "exec", f"{here.name}-{host}", *command], why=f"{host} was asked")


def floor(here: lab.Lab, release: str) -> dict[str, float]:
    """Return the seconds of each step by plain shell, all application hosts at once; the image is removed again."""
    built = here.state / "releases" / release
    image = json.loads((built / "release.json").read_text(encoding="utf-8"))["image_id"]

    def on_all(*command: str) -> float:
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda host: in_host(here, host, *command), HOSTS))
        return time.monotonic() - began

    def copy(host: str) -> None:
        ask(["docker", "cp", str(built / "image.tar"), f"{here.name}-{host}:/root/floor.tar"], why="The copy failed")

    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        list(pool.map(copy, HOSTS))
    seconds = {"copy": time.monotonic() - began}
    seconds["load"] = on_all("docker", "load", "--quiet", "--input", "/root/floor.tar")
    seconds["start"] = on_all("docker", "run", "--rm", "--network", "none", "--read-only", image, "head")
    began = time.monotonic()
    in_host(here, EDGE, "python3", "-c", FLIP)
    seconds["flip"] = time.monotonic() - began
    on_all("docker", "image", "rm", "--force", image)
    on_all("rm", "/root/floor.tar")
    return {step: round(took, 2) for step, took in seconds.items()}


def play(here: lab.Lab, *words: str) -> tuple[float, str]:
    """Run golive.yml and return its seconds and what it printed.

    :raises Problem: when it does not end well
    """
    began = time.monotonic()
    command = here.playbook("playbooks/golive.yml", "-i", "inventories/lab", *words)
    environment = {**here.environment, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=lab.ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Problem(f"`{' '.join(command)}` ended with exit code {done.returncode}:\n{done.stdout[-2000:]}")
    return time.monotonic() - began, done.stdout


def phases(record: Path) -> dict[str, float]:
    """Return how long each phase of a record took."""
    told = json.loads((record / "record.json").read_text(encoding="utf-8"))["phases"]

    def when(text: str) -> float:
        return datetime.fromisoformat(text).timestamp()

    ran = {name: phase for name, phase in told.items() if "started" in phase}
    return {name: round(when(phase["finished"]) - when(phase["started"]), 1) for name, phase in ran.items()}


def results(output: str) -> dict[str, int]:
    """Return how many results each host gave in the phases of RERUN.

    Skipped tasks are left out: most of the others are a run of a module there.
    """
    found: dict[str, int] = {}
    for play in re.split(r"^PLAY \[", output, flags=re.MULTILINE)[1:]:
        if play.lower().startswith(RERUN):
            for host in re.findall(r"^(?:ok|changed): \[([\w-]+)", play, re.MULTILINE):
                found[host] = found.get(host, 0) + 1
    return dict(sorted(found.items()))


def measure() -> dict[str, Any]:
    """Return all figures.

    :raises Problem: when the lab is not live, or a run does not end well
    """
    here = lab.current()
    if not here.serves():
        raise Problem(f"the lab {here.name} is not live; run `./golive demo` first.")
    first, release = lab.RELEASES
    live = in_host(here, HOSTS[0], "readlink", CURRENT).rpartition("/")[2]
    loaded = in_host(here, HOSTS[0], "docker", "ps", "--all", "--quiet", "--filter", f"label=golive.release={release}")
    if live != first or loaded:
        raise Problem(
            f"the lab {here.name} serves {live} and knows {release} already, so loading it would cost nothing; "
            "begin anew with `./golive demo down` and `./golive demo`."
        )
    here.release(release)
    least = floor(here, release)
    given = {"release": release, "unfreeze": "bench", **WINDOWS}
    seconds, _ = play(here, "-e", json.dumps(given))
    took = phases(here.records()[-1])
    _, output = play(here, "-e", json.dumps({"release": release, **WINDOWS}))
    stood = phases(here.records()[-1])
    again = sum(stood[name] for name in RERUN)
    own = seconds - sum(WINDOWS.values())
    whole = sum(least.values())
    seen = dict(zip(TARGETS, (own, again), strict=True))
    return {
        "from": first,
        "release": release,
        "floor": least,
        "windows_seconds": sum(WINDOWS.values()),
        "release_seconds": round(seconds, 1),
        "own_seconds": round(own, 1),
        "ratio": round(own / whole, 1),
        "phases": took,
        "again_seconds": round(again, 1),
        "again_results": results(output),
        "targets": [
            {"name": name, "seen": round(seen[name], 1), "at_most": most, "met": seen[name] <= most}
            for name, most in TARGETS.items()
        ],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    began = time.monotonic()
    try:
        told = measure()
    except Problem as problem:
        complain(problem)
        sys.exit(problem.code)

    print(f"A go-live from {told['from']} to {told['release']}, where everything is there already\n")
    rows = [[name, f"{took:.1f} s"] for name, took in told["phases"].items()]
    rows += [["in all", f"{told['release_seconds']:.1f} s"], ["without its windows", f"{told['own_seconds']:.1f} s"]]
    print(table(["phase", "took"], rows))
    print("\nIts floor, by plain shell\n")
    rows = [[step, f"{took:.2f} s"] for step, took in told["floor"].items()]
    print(table(["step", "took"], [*rows, ["in all", f"{sum(told['floor'].values()):.2f} s"]]))
    print(f"\nA go-live takes {told['ratio']} times its floor.\n")
    print(f"Phases {' and '.join(RERUN)} again, nothing to change: {told['again_seconds']:.1f} s\n")
    print(table(["host", "results"], [[host, str(n)] for host, n in told["again_results"].items()]))
    print("\nTargets\n")
    rows = [
        [row["name"], f"at most {row['at_most']:.0f} s", f"{row['seen']:.1f} s", "yes" if row["met"] else "NO"]
        for row in told["targets"]
    ]
    print(table(["target", "wanted", "seen", "met"], rows))
    if asked.json:
        head = {"bench": "golive", "date": datetime.now(UTC).strftime("%Y-%m-%d"), "cores": os.cpu_count()}
        print(json.dumps({**head, "seconds": round(time.monotonic() - began, 1), **told}))


if __name__ == "__main__":
    main()
