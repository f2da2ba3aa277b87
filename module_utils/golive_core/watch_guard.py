"""What the watcher and those who give it orders leave each other on an edge, and the chain of what it decided.

Below the directory of the watcher:

    order.json      what it was last told to do; written by module edge_watcher alone
    guard.json      how far it is with that; written by the watcher alone, read again after a reboot
    act.json        the last rollback; written under the lock of the map
    freeze.json     why nothing may go live; written by the watcher, or by a run that went back
    chain/          events.jsonl, head.json and its signature: a record of decisions, signed by the edge's own key

An order and an act exclude each other by the lock of the map (:func:`map_lock`): after an order was written, the
watcher does nothing any more that an older one told it to.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from . import record, signing
from .measurement import utc_now

ARMED, DISARMED = "armed", "disarmed"
STATE = Path("/run/golive-watcher/state.json")  # what it sees, each second; gone after a reboot
STALE_SECONDS = 10.0  # a state that old is that of a watcher that does not run


@dataclass(frozen=True)
class Order:
    """What the watcher is told: to guard a release that has just been switched to, or to leave it alone.

    `back_release` and `back_colour` are what to go back to, "" and "none" when there is nothing. `at` is in seconds
    since 1970, `reason` why it is given.
    """

    id: str
    state: str = DISARMED
    release: str = ""
    colour: str = "none"
    back_release: str = ""
    back_colour: str = "none"
    at: float = 0.0
    reason: str = ""


def _known(kind: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {key: value for key, value in row.items() if key in names}


def read_json(path: Path) -> dict[str, Any]:
    """Return what a file says; {} when there is none, or nothing that can be read."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def write_json(path: Path, told: Mapping[str, Any], *, durable: bool = True) -> None:
    """Replace a file in one step; `durable` ones also survive a power cut."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o640)
        file.write(json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        if durable:
            file.flush()
            os.fsync(file.fileno())
    draft.replace(path)


@contextmanager
def map_lock(map_file: Path) -> Iterator[None]:
    """Hold the lock that edge_switch takes, too, while the map changes."""
    directory = os.open(map_file.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


class Home:
    """The directory of the watcher."""

    def __init__(self, state_dir: Path) -> None:
        """Take the directory in which golive keeps an application's state on this host."""
        self.directory = state_dir / "watcher"
        self.chain = self.directory / "chain"
        self.order_file = self.directory / "order.json"
        self.guard_file = self.directory / "guard.json"
        self.freeze_file = self.directory / "freeze.json"
        self.act_file = self.directory / "act.json"
        self.key = signing.home(self.chain) / signing.KEY_NAME
        self.allowed = signing.home(self.chain) / signing.ALLOWED_NAME

    def order(self) -> Order | None:
        """Return the last order; None before the first."""
        row = _known(Order, read_json(self.order_file))
        return Order(**row) if row.get("id") else None

    def give(self, order: Order, map_file: Path) -> None:
        """Write an order. Afterwards no older one is acted on."""
        self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        with map_lock(map_file):
            write_json(self.order_file, asdict(order))

    def frozen(self) -> dict[str, Any]:
        """Return why nothing may go live: {reason, time, release, by}; {} when it may."""
        if not self.freeze_file.exists():
            return {}
        return {"reason": "its file cannot be read", "time": "", "release": "", "by": ""} | read_json(self.freeze_file)

    def freeze(self, reason: str, release: str, by: str) -> None:
        """Let nothing go live until somebody has said why it may again; the first reason stays."""
        if not self.freeze_file.exists():
            self.directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            write_json(self.freeze_file, {"reason": reason, "time": utc_now(), "release": release, "by": by})

    def last_act(self, order: Order) -> dict[str, Any]:
        """Return how the watcher acted on an order; {} when it did not. Asked after a newer order was written."""
        # By the time of an order, the act of the one before is in its own file: both are written under the map's lock.
        told = read_json(self.act_file)
        return told if told.get("order") == order.id else {}

    def fingerprint(self) -> str:
        """Return the fingerprint of the key by which the chain is signed; "" before its first event."""
        try:
            signature = (self.chain / record.SIGNATURE).read_text(encoding="utf-8")
            return signing.read_signature(signature).fingerprint
        except (OSError, signing.SigningError):
            return ""

    # --- the chain

    def note(self, host: str, app: str, rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
        """Append events to the chain and sign its head anew.

        :returns: the fingerprint of the key
        :raises signing.SigningError: when it cannot be signed; the events are written all the same
        :raises OSError: when they cannot be written
        :raises record.BrokenChain: when what is there is no chain
        """
        who = signing.identity("golive-watcher", host)
        self.chain.mkdir(mode=0o750, parents=True, exist_ok=True)
        begins = [] if (self.chain / record.EVENTS).exists() else [("run.started", _beginning(host, app))]
        lock = os.open(self.directory, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            record.append(self.chain, [*begins, *rows])
            signing.make_key(self.key, self.allowed, who)
            head = json.dumps(record.head(self.chain), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            signature = signing.sign(head.encode(), self.key)
            for name, text in ((record.HEAD, head), (record.SIGNATURE, signature)):
                draft = self.directory / f".{name}.new"
                draft.write_text(text, encoding="utf-8")
                draft.replace(self.chain / name)
        finally:
            os.close(lock)
        return signing.read_signature(signature).fingerprint


def _beginning(host: str, app: str) -> dict[str, Any]:
    return {"id": "chain", "app": app, "release": "", "kind": "watcher", "host": host}


# --- what is told of it


def fresh(state: Mapping[str, Any], uptime: float) -> bool:
    """Whether a state is that of a watcher that runs.

    :param uptime: present time of the clock that the state's `uptime` is of (CLOCK_BOOTTIME)
    """
    return 0 <= uptime - float(state.get("uptime", -1e9)) < STALE_SECONDS


def not_fresh(state: Mapping[str, Any], uptime: float) -> list[str]:
    """Return that the watcher does not run; nothing when it does."""
    return [] if state and fresh(state, uptime) else ["the watcher does not run"]


def not_on_guard(state: Mapping[str, Any], release: str, uptime: float) -> list[str]:
    """Return why the watcher does not guard a release; nothing when it does.

    :param release: the release that serves
    """
    if not state or not fresh(state, uptime):
        return ["the watcher does not run"]
    problems = []
    order = state.get("order") or {}
    if order.get("state") != ARMED or order.get("release") != release:
        armed = order.get("release") if order.get("state") == ARMED else "nothing"
        problems.append(f"it guards {armed}, wanted {release}")
    if state.get("window") not in ("strict", "normal"):
        problems.append(f"its window is {state.get('window') or 'none'}, wanted strict or normal")
    if state.get("dry_run"):
        problems.append("it is set to act never (watcher_dry_run)")
    if int(state.get("seen_of_minute", 0)) < 1:
        problems.append("it has not seen one request of the live colour within a minute")
    return problems


def not_alive(state: Mapping[str, Any], uptime: float) -> list[str]:
    """Return why the watcher could not be relied on, whatever it was last told; nothing when it can."""
    if not state or not fresh(state, uptime):
        return ["the watcher does not run"]
    if int(state.get("seen_of_minute", 0)) < 1:
        return ["it has not seen one request of the live colour within a minute"]
    return []


def rolled_back(state: Mapping[str, Any], release: str) -> list[str]:
    """Return why the watcher took the traffic from a release that it guards, or would have; nothing when it did not."""
    order = state.get("order") or {}
    if order.get("release") != release:
        return [f"it guards {order.get('release') or 'nothing'}, wanted {release}"]
    acted = state.get("acted") or state.get("would_act") or {}
    return [str(acted["sentence"])] if acted else []
