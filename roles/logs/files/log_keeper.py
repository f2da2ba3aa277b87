"""Look after the logs of a host once a minute: figures, compression, age, size, and the daily hash of the audit trail.

Called by golive-logs-keeper.service with the path of its settings. Standard library only: it stands on the hosts alone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import shutil
import sys
import syslog
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

DAY = re.compile(r"(?:^|[./])(\d{4}-\d{2}-\d{2})\.jsonl(?:\.gz)?$")
HASHES = "hashes.jsonl"
QUEUES = {"log", "audit"}


def day_of(name: str) -> str:
    """Return the day in the name of a file or its path, as 2026-11-28, or nothing for a file that is none of a day."""
    found = DAY.search(name)
    return found[1] if found else ""


def before(today: float, days: int) -> str:
    """Return the day that lies so many days before a time in seconds since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(today - days * 86_400))


def too_old(names: Iterable[str], oldest: str) -> list[str]:
    """Return the files of days before `oldest`."""
    return sorted(name for name in names if "" < day_of(name) < oldest)


def too_much(sizes: Mapping[str, int], limit: int, today: str) -> list[str]:
    """Return which files have to go, the oldest days first and whole, so that the rest fits; never those of today."""
    used = sum(sizes.values())
    gone: list[str] = []
    for day in sorted({day_of(name) for name in sizes} - {""}):
        if used <= limit or day >= today:
            break
        of_day = sorted(name for name in sizes if day_of(name) == day)
        used -= sum(sizes[name] for name in of_day)
        gone += of_day
    return gone


def without_duplicates(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Give every line once: what a host sent twice has the same number, what it read twice the same time and text."""
    seen: set[bytes] = set()
    for line in lines:
        try:
            entry = json.loads(line)
            number = (entry["host"], entry["epoch"], entry["seq"])
            text = (entry["host"], entry["time"], entry["service"], entry["pid"], entry["message"], entry["data"])
        except (ValueError, KeyError, TypeError):
            yield line
            continue
        keys = {hashlib.sha256(repr(each).encode()).digest()[:12] for each in (number, text)}
        if not keys & seen:
            yield line
        seen |= keys


def figures(stats: str) -> dict[str, float]:
    """Return metrics by name from what rsyslog last said of itself, lines of JSON with a time before each."""
    found: dict[str, float] = {}
    for line in stats.splitlines():
        try:
            said = json.loads(line[line.index("{") :])
        except ValueError:
            continue  # cut off while it was written
        name, origin = str(said.get("name", "")), said.get("origin")
        queue = name.removesuffix("[DA]").removesuffix(" queue").removesuffix("[DA] queue").strip()
        if origin == "core.queue" and queue in QUEUES and "size" in said:
            key = f'golive_logs_queue_lines{{queue="{queue}"}}'
            found[key] = max(float(said["size"]), found.get(key, 0.0) if "[DA]" in name else 0.0)
        elif origin == "dynstats.bucket" and name == "golive":
            for counter in ("suppressed", "masked"):
                found[f"golive_logs_{counter}_total"] = float(said.get("values", {}).get(counter, 0))
    return found


def exposition(values: Mapping[str, float]) -> str:
    """Return metrics as an exporter reads them, of each the type first."""
    rows: list[str] = []
    for key in sorted(values):
        name = key.partition("{")[0]
        head = f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}"
        if head not in rows:
            rows.append(head)
        rows.append(f"{key} {values[key]:.15g}")
    return "\n".join(rows) + "\n"


# --- on the disk


def _files(directory: Path) -> dict[str, int]:
    return {str(path): path.stat().st_size for path in directory.glob("**/*") if path.is_file() and day_of(path.name)}


def _as_before(path: Path, like: os.stat_result) -> None:
    os.chown(path, like.st_uid, like.st_gid)
    path.chmod(like.st_mode & 0o7777)


def compress(path: Path, once: bool) -> None:
    """Replace a file of a day that is over by a compressed one; what was compressed of it before stays in front."""
    packed = path.with_name(path.name + ".gz")
    draft = path.with_name(path.name + ".new")
    like = path.stat()
    with path.open("rb") as source, draft.open("wb") as target:
        if packed.exists():
            with packed.open("rb") as earlier:
                shutil.copyfileobj(earlier, target)
        with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0) as pack:
            pack.writelines(without_duplicates(source) if once else source)
        target.flush()
        os.fsync(target.fileno())
    _as_before(draft, like)
    draft.replace(packed)
    path.unlink()


def seal(path: Path, directory: Path) -> None:
    """Write the hash of a day of the audit trail, chained to the one before, and tell it to the trail itself."""
    book = directory / HASHES
    content = path.read_bytes()
    name = str(path.relative_to(directory))
    last = book.read_bytes().splitlines()[-1:] if book.exists() else []
    entry = {
        "act": "audit_day",
        "file": name,
        "side": directory.name,
        "lines": content.count(b"\n"),
        "sha256": hashlib.sha256(content).hexdigest(),
        "before": hashlib.sha256(last[0]).hexdigest() if last else "",
    }
    text = json.dumps(entry)
    like = path.stat()
    with book.open("a", encoding="utf-8") as target:
        target.write(text + "\n")
    _as_before(book, like)
    syslog.syslog(syslog.LOG_NOTICE, text)


def close_days(directory: Path, now: float, *, audit: bool) -> None:
    """Compress every file of a day that is over, and to which nobody has written for ten minutes."""
    for name in sorted(_files(directory)):
        path = Path(name)
        if path.suffix == ".gz" or day_of(name) >= before(now, 0) or now - path.stat().st_mtime < 600:
            continue
        if audit:
            seal(path, directory)
        compress(path, once=not audit)


def clear(directory: Path, now: float, days: int, limit: int | None) -> None:
    """Remove what is older than it is kept, and then what is too much; a limit of None is none."""
    gone = too_old(_files(directory), before(now, days))
    for name in gone:
        Path(name).unlink()
    if limit is not None:
        gone += (more := too_much(_files(directory), limit, before(now, 0)))
        for name in more:
            Path(name).unlink()
        if more:
            days_gone = ", ".join(sorted({day_of(name) for name in more}))
            syslog.syslog(syslog.LOG_WARNING, json.dumps({"act": "logs_removed_for_size", "days": days_gone}))


def _last_arrival(directory: Path) -> float:
    return max((entry.stat().st_mtime for entry in os.scandir(directory)), default=0.0) if directory.is_dir() else 0.0


def _stats(path: Path) -> str:
    """Return what rsyslog said since the last time, and let it begin anew."""
    if not path.exists():
        return ""
    said = path.read_text(encoding="utf-8", errors="replace")
    if len(said) > 1_000_000:
        os.truncate(path, 0)  # it appends
    return said[-20_000:]


def keep(settings: Mapping[str, Any], now: float) -> dict[str, float]:
    """Do all of it, and return the metrics."""
    values = figures(_stats(Path(settings["ship"]) / "stats.json"))
    values["golive_logs_kept_timestamp_seconds"] = now
    trails = [Path(settings[side]) for side in ("sent", "received") if settings[side]]
    for trail in trails:
        close_days(trail, now, audit=True)
        clear(trail, now, settings["audit_keep_days"], None)
    if settings["logs"]:
        logs = Path(settings["logs"])
        close_days(logs, now, audit=False)
        clear(logs, now, settings["keep_days"], settings["max_bytes"])
        values["golive_logs_stored_bytes"] = sum(_files(logs).values())
        for host in settings["hosts"]:
            values[f'golive_logs_last_arrival_timestamp_seconds{{from="{host}"}}'] = _last_arrival(logs / host)
    return values


def main() -> None:
    """Read the settings, do the work, write the metrics where the exporter finds them, if there is one."""
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    syslog.openlog("golive")
    values = keep(settings, time.time())
    if settings["sent"]:
        # The sender learns with the next line that the logs host does not know its connection any more: so none waits
        # for longer than a minute on a quiet host.
        syslog.syslog(syslog.LOG_NOTICE, json.dumps({"act": "audit_alive"}))
    target = Path(settings["metrics"])
    if target.parent.is_dir():
        draft = target.with_suffix(".new")
        draft.write_text(exposition(values), encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(target)


if __name__ == "__main__":
    main()
