"""A migration rehearsed on a restored copy: whether it can be, what others saw of it, and who bears its schema."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import compose, migration
from .compose import API
from .measurement import Measurement, measurement, summarise
from .migration import Outcome

OWN_SESSIONS = 2  # of golive, at most, between two looks at the number of sessions


# --- whether it can be


def unfit(live: Mapping[str, Any], copied: Mapping[str, Any], backups: Sequence[str]) -> str:
    """Return why a migration cannot be rehearsed; empty when it can.

    :param live: variable to its value as it is, of those that tell the application where its database is
    :param copied: the same, with golive_database_host and golive_database_port of the copy
    :param backups: hosts of group backup
    """
    if not backups:
        return "no host of the inventory has backups"
    fixed = [name for name in live if live[name] == copied[name]]
    if fixed:
        return (
            f"{' and '.join(fixed)} would lead to the database itself, since the address is not taken from "
            "golive_database_host and golive_database_port"
        )
    return ""


# --- what others saw of it


@dataclass
class Writes:
    """What one who wrote all the while met: seconds of each write, and what refused one."""

    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def note(self, seconds: float, refused: str = "") -> None:
        self.seconds.append(seconds)
        if refused:
            self.refused.append(refused)


def lost_rows(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return one sentence for each table that is gone or has fewer rows."""
    return [
        f"{name} is gone, with {rows:,} rows" if name not in after else f"{name} has {after[name]:,} rows, had {rows:,}"
        for name, rows in before.items()
        if after.get(name, -1) < rows
    ]


def measurements(
    outcome: Outcome, writes: Writes, before: Mapping[str, int], after: Mapping[str, int], unread: Sequence[str] = ()
) -> list[Measurement]:
    """Return what was measured of a migration on the copy.

    :param before: table to its number of rows; `after`: the same, of the same tables where they are still there
    :param unread: tables whose rows may not be read
    """
    empty = not before and not unread
    longest = max([*writes.seconds, 0.0])
    # A write may be slow for other reasons, on a host that has other things to do; and a wait that ended between two
    # looks was not seen.
    waited = max(outcome.others_waited, min(longest, outcome.others_waited + outcome.gap))
    slow = f"the longest of {len(writes.seconds)} writes took {longest:.3f} s"
    locks = [f"{row['mode']} on {row['relation']} for {row['seconds']:.2f} s" for row in outcome.locks]
    lost = lost_rows(before, after)
    whole = f"{sum(before.values()):,} rows in {len(before)} tables, {sum(after.values()):,} afterwards"
    grown = f"; the database grew by {(outcome.size_after - outcome.size_before) / 2**20:.1f} MiB"
    return [
        measurement(
            "database.rehearsal_seconds",
            n=1,
            failures=0 if outcome.done else 1,
            value=outcome.seconds if outcome.done else None,
            unit="s",
            observed=f"on the copy: {migration.told(outcome) if outcome.done else migration.failure(outcome)}",
            expected=f"the migration ends at {outcome.head}",
            seconds=outcome.seconds,
        ),
        measurement(
            "database.rehearsal_lock_wait",
            n=len(writes.seconds) or int(empty),
            failures=len(writes.refused),
            samples=writes.seconds,
            value=0.0 if empty else round(waited, 4),
            unit="s",
            observed="the database is empty, so nobody can wait"
            if empty
            else summarise([*writes.refused, slow, f"locks that stop writers: {summarise(locks) or 'none seen'}"], 5),
            expected="everybody goes on to write",
            invalid="" if empty or writes.seconds else "nobody wrote: the role that writes may write to no table",
            seconds=outcome.seconds,
        ),
        measurement(
            "database.rehearsal_rows",
            n=len(before) or int(empty),
            failures=len(lost),
            value=float(sum(after.values())),
            observed=summarise(lost) or ("the database was empty" if empty else whole + grown),
            expected="no row of any table is lost",
            invalid=f"the role that migrates may not read {', '.join(unread)}" if unread else "",
        ),
    ]


# --- the old release on the copy


def smoke_checks(
    checks: Mapping[str, Mapping[str, Any]], health: str, name: str, address: str, port: int, wait_seconds: float = 0
) -> list[dict[str, Any]]:
    """Return the checks for http_probe that ask one container for its health and what `app_smoke_checks` describes.

    How long an answer takes is not looked at: a copy that was restored a moment ago is cold.

    :param health: path; `name`: of the URL and the Host header; `address` and `port`: where it listens
    :param wait_seconds: for its health, before anything is measured
    """
    rows = {"health": {"path": health}, **checks}
    return [
        {
            "id": id,
            "url": f"http://{name}:{port}{row['path']}",
            "address": address,
            "method": row.get("method", "GET"),
            "headers": dict(row.get("headers", {})),
            "expect": {key: value for key, value in row.get("expect", {}).items() if key != "max_seconds"},
            "timeout_seconds": 10,
            "until_ok_within_seconds": wait_seconds if id == "health" else 0,
            **({"body": row["body"]} if "body" in row else {}),
        }
        for id, row in rows.items()
    ]


def compose_on_copy(
    document: Mapping[str, Any],
    project: str,
    release: str,
    live: Mapping[str, Any],
    copied: Mapping[str, Any],
    files: Sequence[str],
) -> dict[str, Any]:
    """Return the Compose file of a release that serves, changed to run once more beside it, against a copy.

    It has no labels, so that it counts as no colour, no workers, and a port of the engine's choice on loopback alone.

    :param document: what role app wrote; paths of secrets are relative to the directory `release`
    :param live: environment with the address of the database; `copied`: that with the address of the copy
    :param files: names of secrets that are different for the copy; they lie in `secrets` beside the new file
    """
    found = {key: value for key, value in document.items() if key in ("volumes", "secrets", "configs")}
    service = copy.deepcopy(dict(document["services"][API]))
    for key in ("labels", "networks"):
        service.pop(key, None)
    port = str(service["ports"][0]).rpartition(":")[2]
    # The engine's own network: one of this project's would have to be removed with it.
    service |= {"container_name": project, "ports": [f"127.0.0.1::{port}"], "network_mode": "bridge"}
    service |= {"restart": "no", "logging": {"driver": "json-file"}}
    moved = {name: str(value).replace("$", "$$") for name, value in _moved(live, copied).items()}
    service["environment"] = {**(service.get("environment") or {}), **moved}
    for volume in service.get("volumes", []):
        if isinstance(volume, dict) and str(volume.get("source", "")).startswith("./"):
            name = volume["source"].rpartition("/")[2]
            volume["source"] = f"./secrets/{name}" if name in files else f"{release}/{volume['source'][2:]}"
    return {**found, "name": project, "services": {API: service}}


def variables_on_copy(variables: str, live: Mapping[str, Any], copied: Mapping[str, Any]) -> str:
    """Return the file .env of a release, for Compose files of the application's own, with the address of the copy.

    :param variables: that file; of a name that stands twice the last line counts
    """
    return "".join(f"{line}\n" for line in variables.splitlines()) + compose.variables(_moved(live, copied))


def _moved(live: Mapping[str, Any], copied: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in copied.items() if live.get(name) != value}


def old_release(
    release: str,
    live: Sequence[Mapping[str, Any]],
    copied: Sequence[Mapping[str, Any]],
    sessions: Mapping[str, int],
    problem: str = "",
) -> Measurement:
    """Return whether the release that serves answers on the migrated copy what it answers where it serves.

    What it does not answer there either is not its to answer: the checks are those of the release that comes.

    :param live: measurements of the checks where it serves; `copied`: the same on the copy
    :param sessions: of the copy: `open` now, and how many there were in all `before` it was started and `after`
    :param problem: why it did not start
    """
    right = [row["id"] for row in live if row["n"] and not row["failures"]]
    asked = [row for row in copied if row["id"] in right]
    wrong = [f"{row['id']}: {row['observed']}" for row in asked if row["failures"] or not row["n"]]
    if problem:
        wrong = [f"{release} does not start on the migrated copy: {problem}"]
    came = sessions.get("open", 0) > 0 or sessions.get("after", 0) - sessions.get("before", 0) > OWN_SESSIONS
    invalid = ""
    if not problem and not right:
        invalid = f"{release} answers none of these checks where it serves"
    elif not problem and not came:
        invalid = f"{release} did not come to the copy: its database is somewhere else"
    return measurement(
        "database.old_release_on_new_schema",
        n=max(len(asked), len(wrong)),
        failures=len(wrong),
        value=float(len(asked) - len(wrong)) if not problem else 0.0,
        observed=summarise(wrong) or f"{release} answers {', '.join(right)} on the migrated copy as it does now",
        expected=f"{release} answers as it does where it serves",
        invalid=invalid,
    )
