"""What Linux says of a host."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from golive_core import host

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1 x 100 0 0 10 0
   1: 0100007F:1F41 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 1002 1 x 20 4 30 10 -1
"""
TCP6 = (
    TCP.splitlines()[0] + "\n   0: 00000000000000000000000000000000:01BB 0:0 0A 0:0 0:0 0 0 0 1003 1 x 100 0 0 10 0\n"
)


def proc(directory: Path, *processes: tuple[int, str, str]) -> Path:
    """Make a /proc with the two tables and some processes, each a pid, a name and the socket that it holds."""
    (directory / "net").mkdir(parents=True)
    (directory / "net" / "tcp").write_text(TCP)
    (directory / "net" / "tcp6").write_text(TCP6)
    for pid, name, inode in processes:
        fd = directory / str(pid) / "fd"
        fd.mkdir(parents=True)
        (fd / "3").symlink_to(f"socket:[{inode}]")
        (fd.parent / "comm").write_text(name + "\n")
    return directory


def test_only_listening_sockets_hold_a_port() -> None:
    assert host.listeners([TCP, TCP6]) == {443: {"1001", "1003"}}


@pytest.mark.parametrize(
    ("allowed", "taken"),
    [([], {443: "docker-proxy, haproxy"}), (["haproxy"], {443: "docker-proxy"}), (["haproxy", "docker-proxy"], {})],
)
def test_a_port_is_taken_by_whoever_is_not_allowed(tmp_path: Path, allowed: list[str], taken: dict[int, str]) -> None:
    place = proc(tmp_path, (7, "haproxy", "1001"), (8, "docker-proxy", "1003"), (9, "app", "1002"))
    assert host.taken_ports([443, 8001, 8002], allowed, place) == taken


def test_a_listener_that_cannot_be_named_is_not_allowed(tmp_path: Path) -> None:
    assert host.taken_ports([443], ["haproxy"], proc(tmp_path)) == {443: "an unknown process"}


def test_long_names_are_compared_as_the_kernel_cuts_them(tmp_path: Path) -> None:
    place = proc(tmp_path, (7, "prometheus-node", "1001"))
    assert host.taken_ports([443], ["prometheus-node-exporter"], place) == {}


def test_this_very_process_is_found_on_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        name = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
        assert host.taken_ports([port], []) == {port: name}
        assert host.taken_ports([port], [name]) == {}


def test_memory_that_new_work_could_use_is_a_share() -> None:
    assert host.memory_available_share("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n") == 0.25


@pytest.mark.parametrize("text", ["", "MemTotal: 1000 kB\n", "MemTotal:\nMemAvailable:\n"])
def test_memory_that_is_not_told_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="does not say"):
        host.memory_available_share(text)


def test_free_disk_is_what_an_ordinary_process_may_use(tmp_path: Path) -> None:
    usage = shutil.disk_usage(tmp_path)
    assert host.disk_free_share(str(tmp_path)) == pytest.approx(usage.free / (usage.used + usage.free), abs=0.01)


def test_how_long_a_process_has_been_running() -> None:
    stat = "7 (a ) b) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12050 1 1 1"
    assert host.age_seconds(stat, "121.75 200.00\n", 100) == pytest.approx(1.25)
