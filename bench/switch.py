"""What a switch to another release costs its users: golive's, and four others, under the same open load.

Works on the lab of `./golive demo`, which must serve, with both colours warm: a release was taken live a moment ago.
Every way switches forth and back between the same two releases of the same application on the same hosts, one way after
the other: golive at the edge, the others on app1, where nginx listens on the loopback address. What the keys of --json
mean is in docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

from golive import lab
from golive.bench import table
from golive.say import Problem, ask, complain

EDGE, APP = "edge1", "app1"
NAME = "football.test"
HERE = "/root/bench-switch"
CA = "/etc/golive/tls/ca.crt"
RATE = 200
WAYS = {  # in the order of the table
    "golive": "golive",
    "compose": "docker compose up -d",
    "nginx_at_once": "nginx reload, the old one stopped at once",
    "nginx_waiting": "nginx reload, its old workers waited for",
    "rollout": "a second container, then the first stopped",
}
PORTS = {"compose": 18001, "nginx_at_once": 18010, "nginx_waiting": 18010, "rollout": 18010}
NGINX = """
worker_processes 2;
worker_shutdown_timeout 10s;
pid nginx.pid;
error_log nginx.log;
events {}
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxied;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream app { include upstream.conf; }
    server {
        listen 127.0.0.1:18010;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
        }
    }
}
"""
REQUESTS = 100_000  # of golive's switches
VISIBLE_SECONDS = 0.1
SLOWER, SLOWER_SECONDS = 1.5, 0.020


class Bench:
    """The lab, and what the bench puts into it for a while."""

    def __init__(self, here: lab.Lab) -> None:
        """Take a lab that serves.

        :raises Problem: when it does not, or one of its colours is cold
        """
        self.here = here
        if not here.serves():
            raise Problem(f"the lab {here.name} is not live; run `./golive demo` first.")
        rows = self.inside(
            APP, "docker", "ps", "--filter", "label=golive.app", "--format", '{{.Names}} {{.Label "golive.release"}}'
        )
        running = dict(row.split() for row in rows.splitlines())
        self.colours = {name.rpartition("-")[2]: release for name, release in running.items() if name.count("-") == 1}
        if len(set(self.colours.values())) != 2:
            raise Problem(
                f"the lab {here.name} has no two releases that are warm (on {APP} there is {running or 'nothing'}); "
                f"take another one live with `./golive demo --release {self._other(running)}`, or go back to it with "
                "`./golive rollback`, then run this within a quarter of an hour."
            )

    @staticmethod
    def _other(running: dict[str, str]) -> str:
        """Return a release that does not run."""
        return next((release for release in lab.RELEASES if release not in running.values()), lab.RELEASES[1])

    def inside(self, host: str, *command: str, stdin: str | None = None) -> str:
        """Run a command on a host of the lab and return what it printed."""
        words = ["docker", "exec", "-i", f"{self.here.name}-{host}", *command]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            said = f"`{' '.join(command)}` on {host} ended with exit code {done.returncode}"
            raise Problem(f"{said}: {done.stderr[-2000:]}")
        return done.stdout

    def put(self, host: str, name: str, content: str) -> None:
        """Write a file beside the bench's program on a host."""
        self.inside(host, "tee", f"{HERE}/{name}", stdin=content)

    def prepare(self) -> None:
        """Bring the program to both hosts, and to the application host what the other ways need."""
        for host in (EDGE, APP):
            self.inside(host, "mkdir", "-p", HERE)
            for path in (lab.ROOT / "bench" / "_switches.py", lab.ROOT / "module_utils" / "golive_core"):
                ask(
                    ["docker", "cp", path, f"{self.here.name}-{host}:{HERE}/"],
                    why="The bench's program was copied",
                )
        self._nginx()
        self.put(APP, "nginx.conf", NGINX)
        self.put(APP, "compose.yml", json.dumps(self._compose()))

    def _nginx(self) -> None:
        """Unpack nginx, which is not installed: nothing of it shall start or stay."""
        for line in ("apt-get -qq update", "apt-get -qq download nginx", "dpkg -x nginx_*.deb unpacked"):
            self.inside(APP, "sh", "-ec", f"cd {HERE}; {line}")
        self.inside(APP, "cp", f"{HERE}/unpacked/usr/sbin/nginx", f"{HERE}/nginx")

    def _compose(self) -> dict[str, Any]:
        """Return the application as the live colour has it, for other images and addresses."""
        release = sorted(self.colours.values())[0]
        path = f"/opt/golive/football/releases/{release}/compose.yml"
        told = json.loads(self.inside(APP, "docker", "compose", "-f", path, "config", "--format", "json"))
        service = told["services"]["app"]
        port = service["ports"][0]["target"]
        left_out = ("container_name", "labels", "restart")
        service = {key: value for key, value in service.items() if key not in left_out}
        service.update(image="${IMAGE}", ports=[f"127.0.0.1:${{PORT}}:{port}"])
        return {"services": {"app": service}}

    def image(self, release: str) -> dict[str, str]:
        """Return a release with the id of its image on the application host."""
        colour = next(colour for colour, known in self.colours.items() if known == release)
        found = self.inside(APP, "docker", "inspect", "--format", "{{.Image}}", f"football-{colour}")
        return {"name": release, "image": found.strip()}

    def run(self, way: str, seconds: float, switches: int, pause: float) -> dict[str, Any]:
        """Switch in one way under load, and return what was seen."""
        self._begin(way)
        live = json.loads(self.inside(EDGE if way == "golive" else APP, "python3", "-c", self._ask(way)))["release"]
        names = sorted(self.colours.values(), key=lambda name: name == live)  # first to the other one
        asked = {
            "way": way,
            "seconds": seconds,
            "switches": switches,
            "pause": pause,
            "rate": RATE,
            "releases": [self.image(name) for name in names],
            "name": NAME,
            **self._target(way),
        }
        host = EDGE if way == "golive" else APP
        told: dict[str, Any] = json.loads(self.inside(host, "python3", f"{HERE}/_switches.py", stdin=json.dumps(asked)))
        self._end(way)
        return told

    def _target(self, way: str) -> dict[str, Any]:
        if way == "golive":
            address = self.inside(EDGE, "hostname", "-I").split()[0]
            return {"url": f"https://{NAME}", "address": address, "port": 443, "ca_file": CA}
        return {"url": f"http://127.0.0.1:{PORTS[way]}", "address": "127.0.0.1", "port": PORTS[way], "ca_file": ""}

    def _ask(self, way: str) -> str:
        """Return a program that prints what serves in this way."""
        target = self._target(way)
        return (
            "import ssl, urllib.request as r\n"
            f"context = ssl.create_default_context(cafile={target['ca_file'] or None!r})\n"
            "context.check_hostname = False\n"
            f"asked = r.Request('http{'s' * bool(target['ca_file'])}://{target['address']}:{target['port']}/version',"
            f" headers={{'Host': {NAME!r}}})\n"
            "print(r.urlopen(asked, timeout=10, context=context if asked.type == 'https' else None).read().decode())\n"
        )

    def _begin(self, way: str) -> None:
        """Let the way serve the first release."""
        if way == "golive":
            return
        release = self.image(sorted(self.colours.values())[0])
        project, port = ("one", PORTS[way]) if way == "compose" else ("blue", 18011)
        up = f"IMAGE={release['image']} PORT={port} docker compose -p bench-{project} up -d --wait"
        self.inside(APP, "sh", "-ec", f"cd {HERE}; {up}")
        if way == "compose":
            return
        # Without max_fails=0 it would count the one that is not there as down for ten seconds, when it has come.
        both = "".join(f"server 127.0.0.1:{port} max_fails=0;\n" for port in (18011, 18012))
        self.put(APP, "upstream.conf", both if way == "rollout" else "server 127.0.0.1:18011;\n")
        self.put(APP, "live", "blue")
        self.inside(APP, "sh", "-ec", f"cd {HERE}; ./nginx -p . -c nginx.conf")

    def _end(self, way: str) -> None:
        """Take away what the way left running."""
        if way == "golive":
            return
        down = "; ".join(
            f"IMAGE=none PORT=1 docker compose -p bench-{project} down --timeout 1"
            for project in ("one", "blue", "green")
        )
        stop = "" if way == "compose" else "./nginx -p . -c nginx.conf -s stop; "
        self.inside(APP, "sh", "-ec", f"cd {HERE}; {stop}{down}")

    def clear(self) -> None:
        """Remove what the bench put into the lab."""
        for way in ("rollout", "compose"):
            try:
                self._end(way)
            except Problem:
                continue  # nothing of it runs
        for host in (EDGE, APP):
            self.inside(host, "rm", "-rf", HERE)


def row(way: str, told: dict[str, Any]) -> list[str]:
    """Return a line of the table."""
    lost = told["lost"]
    visible = sorted(told["visible"])
    return [
        WAYS[way],
        str(told["switches"]),
        f"{told['requests']:,}",
        f"{lost['new']:,}",
        f"{lost['kept']:,}",
        f"{visible[len(visible) // 2] * 1000:,.0f} ms" if visible else "never",
        f"{told['p99_around'] * 1000:,.0f} ms",
        f"{told['p99_between'] * 1000:,.0f} ms",
    ]


def targets(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what golive's switches shall reach, and whether they do."""
    visible = sorted(told["visible"])
    late = visible[len(visible) // 2] if visible and not told["unseen"] else float("inf")
    around, between = told["p99_around"], told["p99_between"]
    most = max(SLOWER * between, between + SLOWER_SECONDS)
    lost = sum(told["lost"].values())
    rows = [
        ("lost of the requests", "0", str(lost), lost == 0),
        ("requests", f"{REQUESTS:,}", f"{told['requests']:,}", told["requests"] >= REQUESTS),
        ("visible, median", f"{VISIBLE_SECONDS * 1000:.0f} ms", f"{late * 1000:.0f} ms", late <= VISIBLE_SECONDS),
        ("P99 around a switch", f"{most * 1000:.0f} ms", f"{around * 1000:.0f} ms", around <= most),
    ]
    return [{"name": name, "wanted": wanted, "seen": seen, "met": met} for name, wanted, seen, met in rows]


def measure(switches: int, seconds: float) -> dict[str, Any]:
    """Return all figures.

    :param seconds: how long each of the other ways is repeated
    :raises Problem: when the lab cannot be used, or a way does not work
    """
    bench = Bench(lab.current())
    try:
        bench.prepare()
        whole = REQUESTS / RATE * switches / 50
        told = {"golive": bench.run("golive", whole, switches, (whole - 10) / switches)}
        for way in list(WAYS)[1:]:
            told[way] = bench.run(way, seconds, switches, 5.0)
    finally:
        bench.clear()
    return {"rate": RATE, "ways": told, "targets": targets(told["golive"])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--switches", type=int, default=50, help="how many, with 2,000 requests each (default: 50)")
    parser.add_argument(
        "--seconds", type=float, default=200, help="how long the others are repeated, or until as many (default: 200)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    asked = parser.parse_args()
    began = time.monotonic()
    try:
        told = measure(asked.switches, asked.seconds)
    except Problem as problem:
        complain(problem)
        sys.exit(problem.code)

    print(f"Switching under {RATE} requests per second, half of them on new connections and half on kept ones\n")
    head = ["way", "switches", "requests", "lost (new)", "lost (kept)", "visible", "P99 around", "P99 between"]
    print(table(head, [row(way, seen) for way, seen in told["ways"].items()]))
    for way, seen in told["ways"].items():
        if seen["invalid"]:
            print(f"\n{WAYS[way]}: {seen['invalid']}")
    print("\nTargets of golive\n")
    rows = [[goal["name"], goal["wanted"], goal["seen"], "yes" if goal["met"] else "NO"] for goal in told["targets"]]
    print(table(["target", "wanted", "seen", "met"], rows))
    if asked.json:
        head_keys = {"bench": "switch", "date": datetime.now(UTC).strftime("%Y-%m-%d"), "cores": os.cpu_count()}
        print(json.dumps({**head_keys, "seconds": round(time.monotonic() - began, 1), **told}))


if __name__ == "__main__":
    main()
