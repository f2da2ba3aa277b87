"""What tests of all kinds share: modules run as Ansible would run them, servers, an authority for certificates."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import ansible.module_utils
import pytest
from ansible.module_utils.testing import patch_module_args
from support import ROOT, Certificates, Run, make_authority, serving

# On a target the package's module_utils are found beside Ansible's own.
ansible.module_utils.__path__.append(str(ROOT / "module_utils"))


@pytest.fixture(scope="session")
def target_python() -> str:
    """Return the oldest Python that targets have, or else the one that runs the tests."""
    return shutil.which("python3.11") or sys.executable


@pytest.fixture(scope="session")
def run_module() -> Run:
    """Return a function that runs library/NAME.py with parameters, and returns what it told Ansible."""

    def run(name: str, params: dict[str, Any], check_mode: bool = False) -> dict[str, Any]:
        told = io.StringIO()
        arguments = {**params, "_ansible_check_mode": check_mode}
        with patch_module_args(arguments), contextlib.redirect_stdout(told), contextlib.suppress(SystemExit):
            runpy.run_path(str(ROOT / "library" / f"{name}.py"), run_name="__main__")
        result: dict[str, Any] = json.loads(told.getvalue())
        assert result.get("failed") or result["changed"] is False
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
