"""The watcher as an operator sees it, and faults for it to find."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
STATE_DIR = "/opt/golive/football"
PORTS = {"blue": 8001, "green": 8002}


@pytest.fixture(scope="session")
def module() -> Callable[..., dict[str, Any]]:
    """Run a module of golive on the edge: module(name, **arguments) -> its result."""
    inventories = (ROOT / "molecule/shared/inventory", Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "hosts.yml")
    command = ["ansible", "edge1", *(f"--inventory={path}" for path in inventories)]

    def run(name: str, **arguments: Any) -> dict[str, Any]:
        done = subprocess.run(
            [*command, f"--module-name={name}", f"--args={json.dumps(arguments)}"],
            cwd=ROOT,
            env={
                **os.environ,
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_FORCE_COLOR": "0",
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "=>" in done.stdout, done.stdout + done.stderr
        return json.loads(done.stdout.partition("=>")[2])

    return run


@pytest.fixture(scope="session")
def state(host) -> Callable[[], dict[str, Any]]:
    """Return what the watcher sees; {} while it does not run."""

    def look() -> dict[str, Any]:
        seen = host.run("cat /run/golive-watcher/state.json")
        return json.loads(seen.stdout) if seen.rc == 0 else {}

    return look


@pytest.fixture(scope="session")
def becomes() -> Callable[..., Any]:
    """Ask again until it is so: becomes(look, seconds=60)."""

    def wait(look: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (seen := look()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return seen

    return wait


@pytest.fixture(scope="session")
def live(host) -> Callable[[], dict[str, str]]:
    """Return the entries of the map file."""

    def look() -> dict[str, str]:
        return dict(line.split() for line in host.file("/etc/haproxy/live.map").content_string.splitlines()[1:])

    return look


@pytest.fixture(scope="session")
def plant(on) -> Callable[..., None]:
    """Make a colour fail: plant(colour, error=, seconds=, ready=), or nothing to end it."""

    def fault(colour: str, **how: Any) -> None:
        path = f"/run/fault-{PORTS[colour]}"
        on("user1").check_output(
            f"echo '{json.dumps(how)}' >{path}.new; mv {path}.new {path}" if how else f"rm -f {path}"
        )

    return fault


@pytest.fixture
def armed(host, module, state, plant, becomes) -> str:
    """Green has just taken over from blue, and is guarded; returns the time of the journal before."""
    for colour in PORTS:
        plant(colour)
    told = {"state_dir": STATE_DIR, "app": "football", "host": "edge1"}
    module("edge_watcher", state="disarmed", reason="a test begins", **told)
    module("edge_watcher", state="unfrozen", reason="a test begins", **told)
    for colour in ("blue", "green"):
        module("edge_switch", colour=colour, release=colour)
        assert becomes(lambda: state().get("seen_of_minute"))
    since = host.check_output("date '+%F %T'")
    done = module(
        "edge_watcher", state="armed", release="green", colour="green", back_release="blue", back_colour="blue", **told
    )
    assert done["confirmed"], done
    assert becomes(lambda: state()["window"] == "strict")
    return since


@pytest.fixture(scope="session")
def journal(host) -> Callable[[str], str]:
    """Return what the watcher said since a time."""
    return lambda since: host.check_output(f"journalctl --no-pager -o cat -t golive-watcher --since '{since}'")


@pytest.fixture(scope="session")
def chain(host, tmp_path_factory) -> Callable[[], list[dict[str, Any]]]:
    """Return the events of the edge's chain, once it was seen that their signature is right."""
    from golive_core import record

    def read() -> list[dict[str, Any]]:
        copy = tmp_path_factory.mktemp("chain")
        for path in (f"{STATE_DIR}/watcher/chain", f"{STATE_DIR}/signing/allowed_signers"):
            subprocess.run(["docker", "cp", f"{host.backend.name}:{path}", str(copy)], check=True, capture_output=True)
        checked = record.verify(copy / "chain", copy / "allowed_signers")
        assert checked.problems == ()
        assert checked.signer == "golive-watcher@edge1"
        return record.read_events(copy / "chain")

    return read
