"""The audit trail of a host, compared with the copy that another host has of it. Pure.

Each host numbers the lines of its trail, keeps them and sends them. Both copies are summarised in blocks of numbers, so
that two short summaries tell where they differ: a line that is missing on either side, or says something else there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .log_search import read

BLOCK = 100  # numbers
# What the logs host adds to a line.
_ADDED = ("received", "from")


@dataclass(frozen=True)
class Trail:
    """Of each epoch (one run of the sender): number to the hash of its line, and the time of its first line.

    `unreadable` counts what is no line of ours, `rewritten` numbers that stand for two different lines.
    """

    epochs: Mapping[str, Mapping[int, str]]
    began: Mapping[str, str]
    unreadable: int = 0
    rewritten: int = 0

    @property
    def lines(self) -> int:
        """Return how many lines there are."""
        return sum(map(len, self.epochs.values()))


def _hash(entry: Mapping[str, Any]) -> str:
    own = {key: value for key, value in entry.items() if key not in _ADDED}
    return hashlib.sha256(json.dumps(own, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def trail(lines: Iterable[str]) -> Trail:
    """Return the trail that lines of a file tell; two of one number count once, unless they say different things."""
    epochs: dict[str, dict[int, str]] = {}
    began: dict[str, str] = {}
    unreadable = rewritten = 0
    for line in lines:
        entry = read(line)
        if entry is None:
            unreadable += bool(line.strip())
            continue
        epoch, time = str(entry.get("epoch")), str(entry.get("time"))
        hashes = epochs.setdefault(epoch, {})
        began[epoch] = min(time, began.get(epoch, time))
        found = _hash(entry)
        rewritten += hashes.setdefault(int(entry["seq"]), found) != found
    return Trail(epochs, began, unreadable, rewritten)


def _block(hashes: Mapping[int, str], number: int, last: int) -> str:
    own = [f"{seq} {hashes[seq]}" for seq in sorted(hashes) if seq // BLOCK == number and seq <= last]
    return f"{len(own)} {hashlib.sha256(' '.join(own).encode()).hexdigest()[:32]}"


def summary(trail: Trail) -> dict[str, Any]:
    """Return what another host needs to compare.

    :returns: ``{began: time of the first line, epochs: {epoch: {first, last, blocks: {number: "count hash"}}}}``
    """
    told: dict[str, Any] = {}
    for epoch, hashes in trail.epochs.items():
        last = max(hashes)
        blocks = {str(number): _block(hashes, number, last) for number in sorted({seq // BLOCK for seq in hashes})}
        told[epoch] = {"first": min(hashes), "last": last, "blocks": blocks}
    return {"began": min(trail.began.values(), default=""), "epochs": told}


def compare(sent: Mapping[str, Any], received: Trail) -> list[str]:
    """Return one sentence for each block of numbers in which the two copies differ, or in which both have a gap.

    :param sent: the summary of the sender's own copy. What it sent later, the received copy may have, too
    :param received: what the logs host has, of the same days and the one before
    """
    wrong = []
    for epoch, told in sent["epochs"].items():
        first, last = int(told["first"]), int(told["last"])
        have = {seq: found for seq, found in received.epochs.get(epoch, {}).items() if first <= seq <= last}
        for number in range(first // BLOCK, last // BLOCK + 1):
            low, high = max(first, number * BLOCK), min(last, number * BLOCK + BLOCK - 1)
            said = str(told["blocks"].get(str(number), _block({}, number, last)))
            count, here = int(said.split()[0]), sum(low <= seq <= high for seq in have)
            wanted, where = high - low + 1, f"numbers {low} to {high} of {epoch[:8]}"
            if here < count:
                wrong.append(f"{count - here} of {where} are missing on the logs host")
            elif count < here:
                wrong.append(f"{here - count} of {where} are missing on the host that sent them")
            elif count < wanted:
                wrong.append(f"{wanted - count} of {where} are missing on both sides")
            elif _block(have, number, last) != said:
                wrong.append(f"a line among {where} does not say the same on both sides")
    for epoch in received.epochs:
        # One that had ended before the sender's files begin is of days that are not compared.
        if epoch not in sent["epochs"] and received.began[epoch] > sent["began"]:
            wrong.append(f"{len(received.epochs[epoch])} lines of {epoch[:8]} are missing on the host that sent them")
    return wrong
