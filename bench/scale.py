"""What more application hosts cost: the same release by the same playbook to 1, 10, 30 and 100 of them.

Makes a lab of its own, of the images that `./golive demo` has: an edge, a host that sends the load, and one application
host whose engine runs the containers of all. The others are stand-ins: hosts of the inventory with an address, a state
directory and containers of their own there. Each size gets two releases; of the second, taken live beside the first,
everything is measured. What the keys of --json mean is in docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from golive import lab
from golive.bench import table
from golive.say import Problem, ask, complain

HERE = lab.ROOT / "bench" / "scale"
SIZES = (1, 10, 30, 100)
MOST = 100
FIRST_ADDRESS = 100  # of the stand-ins in the lab's network; what Docker hands out begins at 224
NAME = "scale.test"
PLACE = "/root/bench-scale"
SWITCHES, PAUSE, RATE = 20, 2.0, 200
# Of the stand-ins' work at once: it is all done by the few processors that also serve, and users would wait for them.
FORKS = 2 * (os.cpu_count() or 1)
# Before all others when there is not enough for all; theirs is 1024.
EDGE_SHARES = 16 * 1024
SAMPLE_SECONDS = 0.5
SAME = 1.5  # how much longer a switch may take and still count as the same: they are milliseconds
GROWN = 1.1
CONTROLLER_BYTES = 10**9


class Memory:
    """The most memory that a process and all below it have had together; what they share counts once."""

    def __init__(self, root: int) -> None:
        """Watch from now on.

        :param root: pid
        """
        self.most = 0
        self._root = root
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            self.most = max(self.most, sum(map(_bytes, _family(self._root))))

    def end(self) -> int:
        """Stop, and return bytes."""
        self._stop.set()
        self._thread.join()
        return self.most


def _family(root: int) -> Iterator[int]:
    """Return a process and all that it started which still run."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            children = task.read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _bytes(process: int) -> int:
    """Return the proportional set size of a process, proc_pid_smaps_rollup(5); 0 when it has ended."""
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return 1024 * int(found[1]) if (found := re.search(r"^Pss: +(\d+) kB", told, re.MULTILINE)) else 0


def host(number: int) -> str:
    """Return the name of an application host, from 1."""
    return f"app{number:03}"


class Fleet:
    """The bench's lab, with a number of application hosts."""

    def __init__(self, of: lab.Lab) -> None:
        """Name it after the lab whose images it takes."""
        self.lab = of
        self.name = f"{of.name}-scale"
        self.state = lab.ROOT / ".golive" / self.name
        self.environment = {
            **of.environment,
            "GOLIVE_PROJECT": str(lab.ROOT),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": str(FORKS),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_CALLBACKS_ENABLED": "golive_preload,ansible.posix.profile_tasks",
            "PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all",
        }
        self._stand_ins = self.state / "stand_ins.json"
        self._releases = 0

    # -- hosts ---------------------------------------------------------------------------------------------------------

    def up(self, sizes: Sequence[int]) -> None:
        """Make the hosts, and give them what phase release needs.

        :param sizes: numbers of application hosts
        :raises Problem: when a playbook fails
        """
        self.down()
        self.state.mkdir(mode=0o700, parents=True)
        self.resize(1)
        self.play("playbooks/lab.yml")
        # Where there are a hundred hosts, the edge has processors of its own.
        words = ["docker", "update", "--cpu-shares", str(EDGE_SHARES), f"{self.name}-edge1"]
        ask(words, why="The edge did not get its share of the processors")
        self._network = self._subnet()
        self.resize(max(sizes))
        releases = [self._release(number) for number in range(1, 2 * len(sizes) + 1)]
        addresses = [self.address(number) for number in range(2, max(sizes) + 1)]
        self.play("bench/scale/prepare.yml", scale_releases=releases, scale_addresses=addresses)
        self._bring_switches()

    def down(self) -> None:
        """Remove the hosts and what the controller kept of them."""
        # By the whole name: another lab's may end in this one's.
        listing = ["docker", "container", "ls", "--all", "--quiet", "--filter", f"name=^{self.name}-"]
        if found := ask(listing, why="The bench's hosts cannot be listed").split():
            ask(["docker", "rm", "--force", "--volumes", *found], why="The bench's hosts cannot be removed")
        networks = ask(["docker", "network", "ls", "--format", "{{.Name}}"], why="Networks cannot be listed")
        if self.name in networks.split():
            ask(["docker", "network", "rm", self.name], why="The bench's network cannot be removed")
        shutil.rmtree(self.state, ignore_errors=True)

    def _subnet(self) -> str:
        wanted = "{{(index .IPAM.Config 0).Subnet}}"
        return ask(["docker", "network", "inspect", "--format", wanted, self.name], why="No network").strip()

    def address(self, number: int) -> str:
        """Return the address of a stand-in."""
        return f"{self._network.rpartition('.')[0]}.{FIRST_ADDRESS + number}"

    def resize(self, hosts: int) -> None:
        """Let the inventory have so many application hosts."""
        stand_ins = {
            host(number): {
                "ansible_host": f"{self.name}-{host(1)}",
                "golive_address": self.address(number),
                # Names its containers and its directory; one engine could not tell them apart otherwise.
                "golive_app": f"scale_{host(number)}",
            }
            for number in range(2, hosts + 1)
        }
        names: dict[str, Any] = {name: {} for name in stand_ins}
        groups = {"app": {"hosts": names}, "stand_ins": {"hosts": names}}
        self._stand_ins.write_text(json.dumps({"all": {"hosts": stand_ins, "children": groups}}), encoding="utf-8")

    def play(self, playbook: str, *words: str, **variables: Any) -> str:
        """Run a playbook for all hosts that there are, and return what it printed.

        :raises Problem: when it fails
        """
        command = self._command(playbook, *words, **variables)
        done = subprocess.run(command, cwd=lab.ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            self._complain(command, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def _command(self, playbook: str, *words: str, **variables: Any) -> list[str]:
        given = ["-e", json.dumps(variables)] if variables else []
        return self.lab.playbook(playbook, "-i", str(HERE / "hosts.yml"), "-i", str(self._stand_ins), *words, *given)

    def _complain(self, command: Sequence[str], code: int, said: str) -> None:
        # The state goes with the hosts; what was seen by the gates, and by the watcher, must not.
        log = self.state.parent / f"{self.name}-failed.log"
        watcher = ["docker", "exec", f"{self.name}-edge1", "journalctl", "--unit=golive-watcher", "--output=cat"]
        journal = subprocess.run(watcher, capture_output=True, text=True, check=False).stdout
        log.write_text(f"{said}\n\n{journal}", encoding="utf-8")
        raise Problem(f"`{' '.join(command)}` ended with exit code {code}; what it printed is in {log}.")

    # -- releases ------------------------------------------------------------------------------------------------------

    def _release(self, number: int) -> str:
        return f"1.{number}.0"

    def _next(self) -> str:
        self._releases += 1
        return self._release(self._releases)

    def go_live(self) -> dict[str, Any]:
        """Take the next release live, and return what it took of the controller, and each task's seconds.

        :raises Problem: when it does not get live
        """
        release = self._next()
        command = self._command("playbooks/golive.yml", "--tags", "release", release=release, rehearse=True)
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=lab.ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        memory = Memory(process.pid)
        printed, _ = process.communicate()
        most, seconds = memory.end(), time.monotonic() - began
        if process.returncode:
            self._complain(command, process.returncode, printed)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"seconds": seconds, "cpu_seconds": cpu, "bytes": most, "tasks": tasks(printed), **self._rehearsed()}

    def _rehearsed(self) -> dict[str, Any]:
        """Return what the newest record says of the rehearsed way back."""
        newest = max(self.state.joinpath("records").iterdir(), key=lambda path: path.name)
        gates = json.loads((newest / "record.json").read_text(encoding="utf-8"))["gates"]
        found = [gate["value"] for gate in gates if gate["gate"] == "release.rehearsal_seconds"]
        return {"rollback_seconds": found[0]} if found else {}

    # -- switches ------------------------------------------------------------------------------------------------------

    def _bring_switches(self) -> None:
        """Bring the program that switches under load to the edge."""
        self._inside("mkdir", "-p", PLACE)
        for path in (lab.ROOT / "bench" / "_switches.py", lab.ROOT / "module_utils" / "golive_core"):
            ask(["docker", "cp", path, f"{self.name}-edge1:{PLACE}/"], why="The bench's program was copied")

    def _inside(self, *command: str, stdin: str | None = None) -> str:
        words = ["docker", "exec", "-i", f"{self.name}-edge1", *command]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            self._complain(words, done.returncode, done.stderr)
        return done.stdout

    def switch(self) -> dict[str, Any]:
        """Switch forth and back between the two releases that are warm, under load."""
        releases = [{"name": self._release(self._releases - 1)}, {"name": self._release(self._releases)}]
        asked = {
            "way": "golive",
            "seconds": SWITCHES * PAUSE + 10,
            "switches": SWITCHES,
            "pause": PAUSE,
            "rate": RATE,
            "releases": releases,
            "name": NAME,
            "url": f"https://{NAME}",
            "address": self._inside("hostname", "-I").split()[0],
            "port": 443,
            "ca_file": "/etc/golive/tls/public-ca.crt",
        }
        told: dict[str, Any] = json.loads(self._inside("python3", f"{PLACE}/_switches.py", stdin=json.dumps(asked)))
        visible = sorted(told["visible"])
        return {
            "switch_ms": round(1000 * visible[len(visible) // 2], 1) if visible and not told["unseen"] else None,
            "act_ms": round(1000 * told["act"], 1),
            "look_ms": None if told["look"] is None else round(1000 * told["look"], 1),
            "requests": told["requests"],
            "lost": sum(told["lost"].values()),
        }


def tasks(printed: str) -> dict[str, float]:
    """Return the seconds of each task as callback ansible.posix.profile_tasks prints them; of one name, their sum."""
    found: dict[str, float] = {}
    for name, seconds in re.findall(r"^(\S.*?) -+ +([\d.]+)s$", printed, re.MULTILINE):
        found[name] = found.get(name, 0.0) + float(seconds)
    return found


@contextmanager
def fleet(sizes: Sequence[int]) -> Iterator[Fleet]:
    """Return the bench's lab, made for these numbers of application hosts; it goes with the bench."""
    made = Fleet(lab.current())
    made.lab.images()  # and the engine, which what follows asks
    try:
        made.up(sizes)
        yield made
    finally:
        made.down()


def measure(sizes: Sequence[int]) -> dict[str, Any]:
    """Return all figures.

    :param sizes: numbers of application hosts, rising
    :raises Problem: when the lab cannot be made, or a release does not get live
    """
    rows = []
    spent: list[dict[str, float]] = []
    with fleet(sizes) as made:
        for hosts in sizes:
            made.resize(hosts)
            made.play("bench/scale/prepare.yml", "--tags", "edge")
            made.go_live()
            told = made.go_live()
            spent.append(told.pop("tasks"))
            rows.append(
                {
                    "hosts": hosts,
                    "seconds": round(told["seconds"], 1),
                    "cpu_seconds": round(told["cpu_seconds"], 1),
                    "peak_mib": round(told["bytes"] / 2**20),
                    "rollback_ms": round(1000 * told["rollback_seconds"], 1),
                    **made.switch(),
                }
            )
            print(json.dumps(rows[-1]), file=sys.stderr)
    return {"sizes": rows, "tasks": grown(sizes, spent), "targets": targets(rows)}


def grown(sizes: Sequence[int], spent: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    """Return the ten tasks whose seconds grew most from the smallest to the largest size, with those of each size."""
    small, large = spent[0], spent[-1]
    names = sorted(large, key=lambda name: small.get(name, 0.0) - large[name])[:10]
    runs = list(zip(sizes, spent, strict=True))
    return [{"task": name, "seconds": {hosts: round(each.get(name, 0.0), 1) for hosts, each in runs}} for name in names]


def per_host(row: dict[str, Any], base: dict[str, Any]) -> float:
    """Return the seconds that each host beyond those of a smaller fleet costs."""
    return float((row["seconds"] - base["seconds"]) / (row["hosts"] - base["hosts"]))


def targets(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what shall be reached, and whether it is."""
    first, last = rows[0], rows[-1]
    most = max(row["peak_mib"] for row in rows) * 2**20
    found = [
        ("requests lost", "0", str(sum(row["lost"] for row in rows)), not any(row["lost"] for row in rows)),
        ("memory of the controller", "below 1 GB", f"{most / 10**9:.2f} GB", most < CONTROLLER_BYTES),
    ]
    if len(rows) > 1:
        found += [
            _same(f"a switch, {last['hosts']} hosts", first["switch_ms"], last["switch_ms"]),
            _same(f"a rollback, {last['hosts']} hosts", first["rollback_ms"], last["rollback_ms"]),
        ]
    if len(rows) > 2:
        early, late = per_host(rows[1], rows[0]), per_host(rows[-1], rows[-2])
        most_seconds = GROWN * early
        name = f"each further host, from {rows[-2]['hosts']} on"
        found.append((name, f"at most {most_seconds:.1f} s", f"{late:.1f} s", late <= most_seconds))
    return [{"name": name, "wanted": wanted, "seen": seen, "met": met} for name, wanted, seen, met in found]


def _same(what: str, small: float | None, large: float | None) -> tuple[str, str, str, bool]:
    if small is None or large is None:
        return what, "seen", "never", False
    return what, f"at most {SAME * small:.0f} ms", f"{large:.0f} ms", large <= SAME * small


def _milliseconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.0f} ms"


def shown(told: dict[str, Any]) -> str:
    """Return the tables for people."""
    rows = [
        [
            str(row["hosts"]),
            f"{row['seconds']:.0f} s",
            f"{row['seconds'] / row['hosts']:.1f} s",
            f"{row['cpu_seconds']:.0f} s",
            f"{row['peak_mib']} MiB",
            *map(_milliseconds, (row["switch_ms"], row["act_ms"], row["look_ms"], row["rollback_ms"])),
            f"{row['lost']} of {row['requests']:,}",
        ]
        for row in told["sizes"]
    ]
    head = ["hosts", "a release", "per host", "controller", "memory", "switch", "act", "look", "rollback", "lost"]
    sizes = [row["hosts"] for row in told["sizes"]]
    spent = [[row["task"], *(f"{row['seconds'][size]:.1f} s" for size in sizes)] for row in told["tasks"]]
    goals = [[goal["name"], goal["wanted"], goal["seen"], "yes" if goal["met"] else "NO"] for goal in told["targets"]]
    return "\n".join(
        [
            "Phase release of a go-live, with its way back rehearsed\n",
            table(head, rows),
            "\nTasks that grew most with the hosts\n",
            table(["task", *map(str, sizes)], spent),
            "\nTargets\n",
            table(["target", "wanted", "seen", "met"], goals),
        ]
    )


def sizes_of(text: str) -> list[int]:
    """Return the numbers of hosts in a text like 1,10,30, rising.

    :raises argparse.ArgumentTypeError: when it is none, or they do not fit into the lab's network
    """
    words = text.split(",")
    if not all(word.isascii() and word.isdigit() and 1 <= int(word) <= MOST for word in words):
        raise argparse.ArgumentTypeError(f"wanted numbers from 1 to {MOST} with commas between them, such as 1,10,30")
    return sorted({int(word) for word in words})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = ",".join(map(str, SIZES))
    parser.add_argument(
        "--hosts", type=sizes_of, default=usual, help=f"numbers of application hosts (default: {usual})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    began = time.monotonic()
    try:
        told = measure(asked.hosts)
    except Problem as problem:
        complain(problem)
        sys.exit(problem.code)
    print(shown(told))
    if asked.json:
        head = {"bench": "scale", "date": datetime.now(UTC).strftime("%Y-%m-%d"), "cores": os.cpu_count()}
        print(json.dumps({**head, "seconds": round(time.monotonic() - began, 1), **told}))


if __name__ == "__main__":
    main()
