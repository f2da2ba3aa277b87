"""port_probe against real sockets."""

from __future__ import annotations

import contextlib
import errno
import platform
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from golive_core import ports
from support import Run

HERE = platform.node()


@pytest.fixture
def look(run_module: Run) -> Callable[..., dict[str, Any]]:
    """Return a function that makes one check and returns its measurement."""

    def one(
        *tried: int, expect: str = "closed", hosts: tuple[str, ...] = ("127.0.0.1",), **more: Any
    ) -> dict[str, Any]:
        check = {"id": "security.x", "hosts": list(hosts), "ports": list(tried), "expect": expect, **more}
        (seen,) = run_module("port_probe", {"checks": [check]})["measurements"]
        return dict(seen)

    return one


@pytest.fixture
def open_port() -> Iterator[int]:
    """A port where somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose queue is full: the kernel drops what comes, as a firewall does."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        place = listener.getsockname()
        with contextlib.suppress(TimeoutError):
            while True:
                stack.enter_context(socket.create_connection(place, 0.2))
        yield place[1]


def test_an_open_port_is_named(look: Callable[..., dict[str, Any]], open_port: int) -> None:
    seen = look(open_port, 1)
    assert (seen["n"], seen["failures"], seen["invalid"]) == (2, 1, "")
    assert seen["observed"] == f"127.0.0.1:{open_port} open from {HERE}, wanted closed"
    assert seen["expected"] == "closed"


def test_refused_and_filtered_are_closed_and_told_apart(look: Callable[..., dict[str, Any]], silent_port: int) -> None:
    seen = look(1, silent_port, timeout_seconds=0.5)
    assert (seen["n"], seen["failures"]) == (2, 0)
    assert seen["observed"] == f"refused from {HERE}: 127.0.0.1:1; filtered from {HERE}: 127.0.0.1:{silent_port}"


def test_many_that_are_filtered_take_the_time_of_one(look: Callable[..., dict[str, Any]], silent_port: int) -> None:
    seen = look(*[silent_port] * 20, timeout_seconds=0.5)
    assert (seen["n"], seen["failures"]) == (20, 0)
    assert seen["seconds"] < 2


def test_checks_do_not_wait_for_each_other(run_module: Run, silent_port: int) -> None:
    check = {"hosts": ["127.0.0.1"], "ports": [silent_port], "expect": "closed", "timeout_seconds": 0.5}
    seen = run_module("port_probe", {"checks": [{**check, "id": "a.first"}, {**check, "id": "a.second"}]})
    first, second = (datetime.fromisoformat(row["started"]) for row in seen["measurements"])
    assert (second - first).total_seconds() < seen["measurements"][0]["seconds"] / 2  # begun before the first ended


@pytest.mark.parametrize("expect", ["open", "closed"])
def test_what_was_wanted_is_right(look: Callable[..., dict[str, Any]], open_port: int, expect: str) -> None:
    seen = look(open_port if expect == "open" else 1, expect=expect)
    assert (seen["n"], seen["failures"]) == (1, 0)


def test_a_closed_port_is_not_open(look: Callable[..., dict[str, Any]], silent_port: int) -> None:
    assert look(1, expect="open")["observed"] == f"127.0.0.1:1 refused from {HERE}, wanted open"
    seen = look(silent_port, expect="open", timeout_seconds=0.5)
    assert (seen["failures"], seen["observed"]) == (1, f"127.0.0.1:{silent_port} filtered from {HERE}, wanted open")


@pytest.mark.parametrize("expect", ["open", "closed"])
def test_what_could_not_be_tried_proves_nothing(look: Callable[..., dict[str, Any]], expect: str) -> None:
    seen = look(1, expect=expect, hosts=("no-such-host.invalid",))
    assert (seen["n"], seen["failures"]) == (1, 1)
    assert seen["invalid"].startswith("no-such-host.invalid:1 could not be tried: ")


@pytest.mark.parametrize(
    ("code", "state"), [(errno.EHOSTUNREACH, "filtered"), (errno.ENETUNREACH, "unknown"), (errno.EACCES, "unknown")]
)
def test_the_way_may_be_closed_or_missing(monkeypatch: pytest.MonkeyPatch, code: int, state: str) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, "so it is")

    monkeypatch.setattr(socket, "create_connection", fail)
    assert ports.connect("192.0.2.1", 1, 1) == ("192.0.2.1:1", state, "so it is")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hosts": []}, "`hosts` and `ports` must name at least one each."),
        ({"ports": []}, "`hosts` and `ports` must name at least one each."),
        ({"ports": [0]}, "`ports` must be 1 to 65535 and `timeout_seconds` above 0."),
        ({"timeout_seconds": 0}, "`ports` must be 1 to 65535 and `timeout_seconds` above 0."),
    ],
)
def test_a_mistake_is_one_sentence(run_module: Run, wrong: dict[str, Any], said: str) -> None:
    check = {"id": "security.x", "hosts": ["127.0.0.1"], "ports": [1], "expect": "closed", **wrong}
    assert run_module("port_probe", {"checks": [check]})["msg"] == f"Check security.x: {said}"
