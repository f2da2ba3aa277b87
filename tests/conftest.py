"""What tests of all kinds share: their order, the lab, modules run as Ansible would run them, servers, an authority."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import runpy
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible.module_utils
import pytest
from ansible.module_utils.testing import patch_module_args
from support import ROOT, Certificates, Run, make_authority, serving

from golive import engine
from golive.lab import Lab

# Tests read Ansible's own lines; what golive's callback shows has tests of its own.
os.environ["ANSIBLE_STDOUT_CALLBACK"] = "ansible.builtin.default"

# On a target the package's module_utils are found beside Ansible's own.
ansible.module_utils.__path__.append(str(ROOT / "module_utils"))


# Quickest first; the slow linter, begun with the quick ones, goes on while the lab's first hosts come up. The lab is
# brought up by test_bring_up and taken away by test_the_end; the scenarios use its image.
ORDER = (
    "lint/test_quick", "unit", "integration", "e2e/test_bring_up", "lint/test_slow", "e2e/test_golive",
    "e2e/test_secrets", "e2e/test_single", "molecule", "e2e/test_the_end",
)  # fmt: skip
SHOWN_SECONDS = 20
SEED = int(os.environ.get("GOLIVE_SEED") or 7)


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    return next(place for place, prefix in enumerate(ORDER) if path.startswith(prefix))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the full suite runs, and sort by ORDER; within a file the order stays."""
    if not os.environ.get("GOLIVE_FULL"):
        left_out = [item for item in items if item.get_closest_marker("full")] + _beside_the_sample(items)
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    items.sort(key=_place)


def _beside_the_sample(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return all cases but one of each test that is marked `sample`."""
    cases: dict[object, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sample") and isinstance(item, pytest.Function):
            cases.setdefault(item.function, []).append(item)
    chance = random.Random(SEED)
    return [item for group in cases.values() for item in chance.sample(group, len(group) - 1)]


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Show at once how long each part of a long test took: a run that is cut off has no summary."""
    if not isinstance(report, pytest.TestReport):
        return None  # of a file that could not be collected
    # A test that waits for what runs beside others says how long that took.
    seconds = float(dict(report.user_properties).get("seconds", report.duration))
    if seconds < SHOWN_SECONDS or report.outcome != "passed" or report.when == "teardown":
        return None
    name = report.nodeid.rpartition("::")[2]
    what = name if report.when == "call" else f"{report.when} of {name}"
    letter = f"\n  {seconds:4.0f} s  {what}"
    return ("passed" if report.when == "call" else "", letter, "PASSED")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The name of a lab that does not stand yet; GOLIVE_KEEP=1 takes one that stands, and leaves it for a look."""
    # Another clone's tests may have been killed on this engine: every clone has a lab of its own.
    clone = hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]
    lab = Lab(os.environ.get("GOLIVE_TEST_LAB") or f"golive-test-{clone}")
    if not os.environ.get("GOLIVE_KEEP"):
        # A machine that went down in the middle of the tests left hosts that no engine shows until one runs.
        engine.ensure()
        lab.down()
    yield lab
    if not os.environ.get("GOLIVE_KEEP"):
        lab.down()


@pytest.fixture(scope="session")
def target_python() -> str:
    """Return the oldest Python that targets have, or else the one that runs the tests."""
    return shutil.which("python3.11") or sys.executable


@pytest.fixture(scope="session")
def run_module() -> Run:
    """Return a function that runs library/NAME.py with parameters, and returns what it told Ansible.

    What a module changes is a mistake, unless it is asked with `changes`.
    """

    def run(name: str, params: dict[str, Any], check_mode: bool = False, changes: bool = False) -> dict[str, Any]:
        told = io.StringIO()
        arguments = {**params, "_ansible_check_mode": check_mode}
        with patch_module_args(arguments), contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
            runpy.run_path(str(ROOT / "library" / f"{name}.py"), run_name="__main__")
        result: dict[str, Any] = json.loads(told.getvalue())
        assert changes or result.get("failed") or result["changed"] is False
        return result

    return run


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Give the base URL of a server with planted faults."""
    with serving() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def fresh_server() -> Iterator[str]:
    """Give the base URL of a server that this test has for itself."""
    with serving() as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return an authority."""
    return make_authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls_port(certificates: Certificates) -> Iterator[int]:
    """Give the port of a server with a good certificate for edge.example."""
    cert, key = certificates.issue("edge.example")
    with serving("--cert", cert, "--key", key) as port:
        yield port
