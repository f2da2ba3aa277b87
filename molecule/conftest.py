"""What the scenarios' tests share: the hosts by name, the generated secrets, and the journal when a test fails.

A test module may set UNITS: systemd units whose journal is printed when one of its tests fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml

ROOT = Path(__file__).parents[1]
SCENARIO = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
SUITE = os.environ.get("GOLIVE_SUITE") or "trixie"
LAB = f"{os.environ.get('GOLIVE_LAB') or 'golive-lab'}-{SCENARIO.name}{'' if SUITE == 'trixie' else f'-{SUITE}'}"


@cache
def _on(name: str) -> Any:
    return testinfra.get_host(f"docker://{LAB}-{name}")


@pytest.fixture(scope="session")
def on() -> Callable[[str], Any]:
    """Return a host of the scenario by its inventory name."""
    return _on


@pytest.fixture(scope="session")
def subjects() -> list[str]:
    """The hosts that got the role."""
    inventory = yaml.safe_load((SCENARIO / "hosts.yml").read_text(encoding="utf-8"))
    return list(inventory["all"]["children"]["subject"]["hosts"])


@pytest.fixture(scope="session")
def host(subjects: list[str]) -> Any:
    """The first host that got the role."""
    return _on(subjects[0])


@pytest.fixture(scope="session")
def address() -> Callable[[str], str]:
    """Return the address at which the other hosts reach a host."""
    return lambda name: _on(name).check_output("hostname -i").split()[0]


@pytest.fixture(scope="session")
def running(on) -> Callable[[str], list[str]]:
    """Return the workers that run on a host, such as `blue-mailer`."""

    def look(name: str) -> list[str]:
        said = on(name).check_output("docker ps --filter label=golive.worker --format '{{.Names}}'")
        return sorted(line.removeprefix("football-") for line in said.split())

    return look


@pytest.fixture(scope="session")
def state() -> Path:
    """What the controller keeps for the scenario."""
    return ROOT / ".golive" / LAB


@pytest.fixture(scope="session")
def secret(state: Path) -> Callable[[str], str]:
    """Return a generated secret by its name in golive_secrets."""
    return lambda name: (state / "secrets" / name).read_text(encoding="utf-8").split()[0]


@pytest.fixture(scope="session")
def secrets(state: Path) -> list[str]:
    """Every secret that was generated for the scenario."""
    return [path.read_text(encoding="utf-8").split()[0] for path in (state / "secrets").glob("*") if path.is_file()]


@pytest.fixture(scope="session")
def sql() -> Callable[[Any, str], str]:
    """Return what a query on the socket of a host returns, as its superuser."""

    def ask(host: Any, query: str) -> str:
        done = subprocess.run(
            ["docker", "exec", "-u", "postgres", host.backend.name, "psql", "-XAtc", query],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return ask


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run a module of the project on a host: module(host, name, **options) -> its result."""

    def run(name: str, what: str, **options: Any) -> dict[str, Any]:
        words = ["ansible", name, "-i", ROOT / "molecule/shared/inventory", "-i", SCENARIO / "hosts.yml", "-m", what]
        said = subprocess.check_output(
            [*map(str, words), "-a", json.dumps(options)],
            cwd=ROOT,
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"},
            text=True,
        )
        result: dict[str, Any] = json.loads(said[said.index("{") :])["plays"][0]["tasks"][0]["hosts"][name]
        return result

    return run


@pytest.fixture(scope="session")
def switch() -> Callable[..., None]:
    """Switch edge1: switch(colour)."""
    inventories = (ROOT / "molecule/shared/inventory", SCENARIO / "hosts.yml")
    command = ["ansible", "edge1", *(f"--inventory={path}" for path in inventories), "--module-name=edge_switch"]

    def to(colour: str) -> None:
        words = [*command, f"--args={json.dumps({'colour': colour, 'release': colour})}"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return to


@pytest.fixture(scope="session")
def becomes() -> Callable[..., bool]:
    """Ask again until it is so: becomes(look, wanted, seconds)."""

    def wait(look: Callable[[], Any], wanted: Any, seconds: float = 40) -> bool:
        deadline = time.monotonic() + seconds
        while look() != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
        return bool(look() == wanted)

    return wait


@pytest.fixture(scope="session")
def leaks(secrets: list[str]) -> Callable[[Any], list[str]]:
    """Return where a host shows a secret: journal, arguments and environment of processes, world-readable files."""

    def search(host: Any) -> list[str]:
        # The patterns come on standard input, so that the search does not find itself in the process list.
        script = r"""
        cat >/run/secrets.patterns; chmod 600 /run/secrets.patterns
        journalctl --no-pager -o cat | grep -qFf /run/secrets.patterns && echo journal
        for process in /proc/[0-9]*; do
          cat $process/cmdline $process/environ 2>/dev/null | tr '\0' '\n' | grep -qFf /run/secrets.patterns &&
            echo "process $(tr '\0' ' ' <$process/cmdline)"
        done
        find / -xdev -type f -perm -o=r -not -path '/proc/*' -not -path '/sys/*' -not -path '/usr/share/*' \
          -not -path '/usr/lib/*' -size -2M -print0 | xargs -0 grep -lFf /run/secrets.patterns
        rm /run/secrets.patterns
        """
        patterns = "\n".join(secrets)
        done = subprocess.run(
            ["docker", "exec", "-i", host.backend.name, "bash", "-c", script],
            input=patterns,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.splitlines()

    assert secrets, "a search for no secrets finds none"
    return search


@pytest.fixture(scope="session")
def fetch() -> Callable[..., dict[str, Any]]:
    """Ask over HTTP from a host: fetch(host, url, cafile=, cert=, key=, headers=, method=) -> status, body, headers."""

    def ask(host: Any, url: str, **how: Any) -> dict[str, Any]:
        done = subprocess.run(
            ["docker", "exec", "-i", host.backend.name, "python3", "-", url, json.dumps(how)],
            input=_ASK,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


_ASK = """
import json, ssl, sys, urllib.error, urllib.request
url, how = sys.argv[1], json.loads(sys.argv[2])
context = ssl.create_default_context(cafile=how.get("cafile")) if url.startswith("https") else None
if how.get("cert"):
    context.load_cert_chain(how["cert"], how["key"])
class Straight(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
opener = urllib.request.build_opener(Straight, urllib.request.HTTPSHandler(context=context))
request = urllib.request.Request(url, headers=how.get("headers") or {}, method=how.get("method", "GET"))
try:
    answer = opener.open(request, timeout=how.get("timeout", 10))
except urllib.error.HTTPError as error:
    answer = error
except OSError as error:
    print(json.dumps({"status": 0, "body": str(error), "headers": {}}))
    sys.exit()
body = answer.read().decode(errors="replace")
print(json.dumps({"status": answer.status, "body": body, "headers": dict(answer.headers)}))
"""


def _left_out(item: pytest.Item) -> bool:
    """Whether the default suite leaves a test out: what is marked so, and what steps show that it leaves out, too."""
    quick = bool(os.environ.get("GOLIVE_QUICK"))
    return item.get_closest_marker("full") is not None or (quick and item.path.parent.name == "full")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A step of which nothing is left has not failed."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not os.environ.get("GOLIVE_FULL"):
        session.exitstatus = pytest.ExitCode.OK


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the full suite runs."""
    if not os.environ.get("GOLIVE_FULL"):
        left_out = [item for item in items if _left_out(item)]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the journal of the module's UNITS to a failed test's report."""
    outcome = yield
    report = outcome.get_result()
    units = getattr(item.module, "UNITS", [])
    if report.when == "call" and report.failed and units:
        inventory = yaml.safe_load((SCENARIO / "hosts.yml").read_text(encoding="utf-8"))
        for name in inventory["all"]["children"]["subject"]["hosts"]:
            words = " ".join(f"-u {unit}" for unit in units)
            journal = _on(name).run(f"journalctl --no-pager --lines 40 {words}").stdout
            report.sections.append((f"journal of {', '.join(units)} on {name}", journal))
