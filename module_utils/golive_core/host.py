"""What Linux says of a host: disk, memory, listeners. Parsers are pure; they take the text of files in /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

_LISTEN = "0A"  # state of a TCP socket in /proc/net/tcp


def disk_free_share(path: str) -> float:
    """Return how much of a file system an ordinary process may still use, as `df` counts it.

    :raises OSError: when the path is not there
    """
    disk = os.statvfs(path)
    used = disk.f_blocks - disk.f_bfree
    return disk.f_bavail / max(used + disk.f_bavail, 1)


def disk_free_bytes(path: str) -> int:
    """Return how many bytes of a file system an ordinary process may still use.

    :raises OSError: when the path is not there
    """
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def age_seconds(stat: str, uptime: str, ticks: int) -> float:
    """Return for how long a process has been running.

    :param stat: text of /proc/PID/stat (proc_pid_stat(5))
    :param uptime: text of /proc/uptime
    :param ticks: clock ticks per second, os.sysconf("SC_CLK_TCK")
    """
    started = int(stat.rpartition(")")[2].split()[19])  # the command in brackets may hold spaces
    return max(float(uptime.split()[0]) - started / ticks, 0.0)


def memory_available_share(meminfo: str) -> float:
    """Return MemAvailable as a share of MemTotal.

    :param meminfo: text of /proc/meminfo
    :raises ValueError: when it holds neither
    """
    rows = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    try:
        available, total = (int(rows[key].split()[0]) for key in ("MemAvailable", "MemTotal"))
    except (KeyError, IndexError) as error:
        raise ValueError("/proc/meminfo does not say how much memory is available") from error
    return available / total


def listeners(tables: Iterable[str]) -> dict[int, set[str]]:
    """Return port to the inodes of the sockets that listen on it.

    :param tables: texts of /proc/net/tcp and /proc/net/tcp6
    """
    found: dict[int, set[str]] = {}
    for table in tables:
        for line in table.splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTEN:
                found.setdefault(int(fields[1].rpartition(":")[2], 16), set()).add(fields[9])
    return found


def owners(inodes: Iterable[str], proc: Path = Path("/proc")) -> set[str]:
    """Return the names of the processes that hold any of these sockets; others' are only visible to root."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    names = set()
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            if any(str(file.readlink()) in wanted for file in (process / "fd").iterdir()):
                names.add((process / "comm").read_text().strip())
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return names


def taken_ports(ports: Iterable[int], allowed: Iterable[str], proc: Path = Path("/proc")) -> Mapping[int, str]:
    """Return each port on which another than the allowed processes listens, with who it is.

    :param allowed: names of processes as in /proc/PID/comm, which cuts them at 15 characters
    """
    tables = [file.read_text() for name in ("tcp", "tcp6") if (file := proc / "net" / name).exists()]
    listening = listeners(tables)
    welcome = {name[:15] for name in allowed}
    taken = {}
    for port in ports:
        if port in listening:
            names = owners(listening[port], proc)
            if not names or names - welcome:
                taken[port] = ", ".join(sorted(names - welcome)) or "an unknown process"
    return taken
