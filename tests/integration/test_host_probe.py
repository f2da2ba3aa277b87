"""host_probe on this host."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Run


@pytest.fixture
def look(run_module: Run) -> Callable[..., dict[str, Any]]:
    """Return a function that makes one check and returns its measurement."""

    def one(kind: str, **check: Any) -> dict[str, Any]:
        (seen,) = run_module("host_probe", {"checks": [{"id": "preflight.x", "kind": kind, **check}]})["measurements"]
        return dict(seen)

    return one


@pytest.mark.parametrize("path", ["/", "/not/there/yet"])
def test_disk_and_memory_are_shares(look: Callable[..., dict[str, Any]], path: str) -> None:
    for seen in (look("disk_free_share", path=path), look("memory_available_share")):
        assert 0 < seen["value"] <= 1
        assert (seen["unit"], seen["invalid"]) == ("1", "")


@pytest.mark.parametrize("path", ["/", "/not/there/yet"])
def test_free_bytes_are_those_of_the_file_system(look: Callable[..., dict[str, Any]], path: str) -> None:
    seen = look("disk_free_bytes", path=path)
    assert seen["value"] == pytest.approx(shutil.disk_usage("/").free, rel=0.1)
    assert seen["unit"] == "B"


@pytest.mark.parametrize(("ahead", "side"), [(86_400, "ahead of"), (0.001, "ahead of"), (-30, "behind")])
def test_the_clock_is_compared_with_a_reference(look: Callable[..., dict[str, Any]], ahead: float, side: str) -> None:
    seen = look("clock_offset_seconds", reference_epoch=time.time() - ahead)
    # What passed between the beginning of the module's process, here that of the tests, and the look does not count.
    age = (
        float(Path("/proc/uptime").read_text().split()[0]) - int(Path("/proc/self/stat").read_text().split()[21]) / 100
    )
    assert seen["value"] == pytest.approx(abs(ahead) - (age if age < ahead else 0), abs=5)
    assert f"{side} the reference, which was read before this call was made" in seen["observed"]


def test_a_port_is_free_or_taken_by_whom_it_may_be(look: Callable[..., dict[str, Any]]) -> None:
    name = Path("/proc/self/comm").read_text().strip()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        taken = look("port_free", ports=[port, 1])
        allowed = look("port_free", ports=[port, 1], allowed=[name])
    assert (taken["n"], taken["failures"]) == (2, 1)
    assert taken["observed"] == f"port {port} is taken by {name}"
    assert allowed["failures"] == look("port_free", ports=[port])["failures"] == 0


def test_units_are_active_or_not(
    look: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = tmp_path / "systemctl"  # the machine that runs the tests may have no systemd
    double.write_text(
        "#!/bin/sh\nshift 2\nfor u; do [ $u = good.service ] && echo active || echo failed; done\nexit 3\n"
    )
    double.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert look("unit_active", units=["good.service"])["failures"] == 0
    seen = look("unit_active", units=["good.service", "bad.service"])
    assert (seen["n"], seen["failures"], seen["observed"]) == (2, 1, "bad.service is failed")


def test_without_the_needed_option_it_says_which(run_module: Run) -> None:
    result = run_module("host_probe", {"checks": [{"id": "preflight.clock", "kind": "clock_offset_seconds"}]})
    assert result["msg"] == "Check preflight.clock: clock_offset_seconds needs `reference_epoch`."
