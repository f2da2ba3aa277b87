"""The lab of the tests, and how a go-live is started in it. Its name is not the demo's: both may stand at once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from golive.lab import RELEASES, ROOT, Lab

LOOP = Path(__file__).with_name("request_loop.py")
# Declared, and short: enough samples for every bound, no more.
SHORT = {"gates_load_seconds": 30, "gates_watch_seconds": 30}


@dataclass
class Run:
    """One ansible-playbook run."""

    code: int
    output: str
    record: Path | None

    @property
    def told(self) -> dict[str, Any]:
        assert self.record, self.output
        return json.loads((self.record / "record.json").read_text(encoding="utf-8"))

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Return host to its counts in Ansible's recap."""
        rows = self.output.rpartition("PLAY RECAP")[2].splitlines()[1:]
        return {
            row.split(":")[0].strip(): {key: int(count) for key, count in re.findall(r"(\w+)=(\d+)", row)}
            for row in rows
            if "ok=" in row
        }

    @property
    def changed_tasks(self) -> list[str]:
        """Return "TASK: host" of each task that changed something."""
        task, found = "", []
        for line in self.output.splitlines():
            if match := re.match(r"(?:TASK|RUNNING HANDLER) \[(.*)\]", line):
                task = match[1]
            elif match := re.match(r"changed: \[(.*?)\]", line):
                found.append(f"{task}: {match[1]}")
        return found

    def gate(self, name: str) -> list[dict[str, Any]]:
        """Return the verdicts of one gate, all hosts."""
        return [gate for gate in self.told["gates"] if gate["gate"] == name]


@dataclass
class Fleet:
    """The lab as the tests use it."""

    lab: Lab
    runs: list[Run] = field(default_factory=list)

    def playbook(
        self,
        name: str,
        *words: str,
        variables: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
        timeout: int = 900,
    ) -> Run:
        """Run a playbook on the lab and keep what it said."""
        before = self._records()
        command = [*self.lab.playbook(f"playbooks/{name}.yml", "-i", "inventories/lab", *words)]
        if variables:
            command += ["-e", json.dumps(variables)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        new = sorted(self._records() - before)
        run = Run(done.returncode, done.stdout + done.stderr, new[-1] if new else None)
        self.runs.append(run)
        return run

    def golive(self, release: str, *words: str, **variables: Any) -> Run:
        """Take a release live with the short load windows; a freeze that the test before has left is lifted."""
        given = {"release": release, "unfreeze": "the test before is over", **SHORT, **variables}
        return self.playbook("golive", *words, variables=given)

    @property
    def environment(self) -> dict[str, str]:
        return {**self.lab.environment, "ANSIBLE_NOCOLOR": "1"}

    def _records(self) -> set[Path]:
        return set((self.lab.state / "records").glob("*"))

    def on(self, host: str, *command: str, check: bool = True, stdin: str | None = None) -> str:
        """Run a command on a lab host."""
        words = ["docker", "exec", "-i", f"{self.lab.name}-{host}", *command]
        return subprocess.run(words, capture_output=True, text=True, check=check, input=stdin).stdout

    def version(self) -> dict[str, Any]:
        """Return what answers at /version through the edge, asked from the monitoring host."""
        said = self.on("ops1", "python3", "-", stdin=_ask("/version"))
        return json.loads(said)

    def colour(self) -> str:
        """Return the colour that serves, as the edge's map has it."""
        return self.on("edge1", "awk", '$1 == "live" {print $2}', "/etc/haproxy/live.map").strip()

    def ask(self, host: str, path: str) -> int:
        """Return the status that `host` gets from the edge."""
        return int(self.on(host, "python3", "-", stdin=_ask(path, status=True)))

    def loop(self, path: str = "/version", rate: int = 50) -> RequestLoop:
        """Return a request loop through the edge, not yet started."""
        return RequestLoop(f"{self.lab.name}-ops1", path, rate)


def _ask(path: str, *, status: bool = False) -> str:
    shown = "print(answer.status)" if status else "print(answer.read().decode())"
    return f"""
import http.client, ssl
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
connection = http.client.HTTPSConnection("edge1", 443, context=context, timeout=10)
connection.request("GET", {path!r}, headers={{"Host": "football.test"}})
answer = connection.getresponse()
{shown}
"""


class RequestLoop:
    """Requests through the edge, on new and on kept connections, until the block ends."""

    def __init__(self, container: str, path: str, rate: int) -> None:
        self._container = container
        self._command = ["docker", "exec", "-i", container, "python3", "-u", "-", path, str(rate)]
        self.seen: dict[str, Any] = {}

    def __enter__(self) -> RequestLoop:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stdin
        self._process.stdin.write(LOOP.read_text(encoding="utf-8"))
        self._process.stdin.close()
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["docker", "exec", self._container, "touch", "/run/request-loop.stop"], check=True)
        assert self._process.stdout
        assert self._process.stderr
        said, wrong = self._process.stdout.read(), self._process.stderr.read()
        self._process.wait(timeout=60)
        subprocess.run(["docker", "exec", self._container, "rm", "/run/request-loop.stop"], check=True)
        assert self._process.returncode == 0, wrong
        self.seen = json.loads(said)


@pytest.fixture(scope="session")
def fleet(lab: Lab) -> Fleet:
    """The lab with both releases, brought up once."""
    for release in RELEASES:
        lab.up(release)
    return Fleet(lab)


@pytest.fixture(scope="session")
def first_release(fleet: Fleet) -> None:
    """A release is live: test_golive.py has seen to it, unless a file of tests is run without that one."""
    # A bare host has no map, and that of one without a release says none.
    if not fleet.on("edge1", "grep", "-Es", "^live (blue|green)$", "/etc/haproxy/live.map", check=False):
        first = fleet.golive("1.0.0")
        assert first.code == 0, first.output[-6000:]


def golive_command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ./golive itself."""
    return subprocess.run(
        [str(ROOT / "golive"), *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        cwd=Path(sys.executable).anchor,
    )
