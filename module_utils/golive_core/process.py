"""Which process leads this run, and which others are alive (Linux, /proc)."""

from __future__ import annotations

import os
from pathlib import Path

LEADERS = ("ansible-playbook", "ansible-runner")


def identity(pid: int) -> str:
    """Return "pid:start time in clock ticks": a pid alone may be used again. Empty when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the command in brackets may hold spaces
    return "" if fields[0] == "Z" else f"{pid}:{fields[19]}"


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def leader(pid: int | None = None) -> int:
    """Return the outermost ansible-playbook (or runner) above `pid`; `pid` itself when there is none."""
    found = pid = pid or os.getpid()
    while pid > 1:
        try:
            if any(name in _command(pid) for name in LEADERS):
                found = pid
            pid = _parent(pid)
        except (OSError, ValueError, IndexError):
            break
    return found


def alive() -> list[str]:
    """Return the identities of all processes that run now."""
    return [name for entry in Path("/proc").iterdir() if entry.name.isdigit() and (name := identity(int(entry.name)))]


def machine() -> str:
    """Return an id of this machine that changes when it boots, as pids do."""
    parts = []
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        try:
            parts.append(Path(path).read_text().strip())
        except OSError:
            parts.append("")
    return "-".join(parts)
