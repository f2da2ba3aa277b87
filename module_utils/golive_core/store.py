"""The generated secrets: one file each in a directory of the controller, and what a rotation leaves there.

A secret NAME lies in file NAME. A rotation begins when that file becomes NAME.old (one rename), upon which a new value
is generated, and ends when NAME.old is removed. Secrets of rotation ``twin`` belong to two accounts, a and b, that take
turns: what is generated beside NAME.old lies in NAME_b, and the next time in NAME again.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import secrets
import string
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from .texts import pick, text

LENGTH = 32
ALPHABET = string.ascii_letters + string.digits
DAY = 86400
SLOTS = ("", "_b")  # how the files and accounts of a and b end

Entry = Mapping[str, Any]  # of the catalogue: name, rotation, max_age_days and more
Vault = Mapping[str, str]

SOPS_VALUE = "ENC[AES256_GCM,"  # how SOPS begins a value that it encrypted


class Place(NamedTuple):
    """Where a secret lies: the ending of its account and file, and that of the one which is being withdrawn, if any."""

    slot: str
    old: str | None


def place(entry: Entry, files: Iterable[str]) -> Place:
    """Return where the value in use lies, and where the one that a rotation has not withdrawn yet."""
    name, present = entry["name"], set(files)
    slots = SLOTS if entry["rotation"] == "twin" else SLOTS[:1]
    old = next((slot for slot in slots if f"{name}{slot}.old" in present), None)
    if old is None:
        return Place(next((slot for slot in slots if f"{name}{slot}" in present), ""), None)
    return Place(slots[(slots.index(old) + 1) % len(slots)], old)


def generate(file: Path) -> None:
    """Write a new secret, unless another process was quicker; nobody ever sees half of it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    value = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as output:
        output.write(value + "\n")
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()


def read(
    directory: Path, catalogue: Iterable[Entry], vault: Vault, vault_old: Vault, vault_slots: Vault, withdrawn: str = ""
) -> dict[str, dict[str, str]]:
    """Return every secret; what is in neither the vault nor the directory is generated.

    :param vault: name to value, for what is not generated
    :param vault_old: values that a rotation is to withdraw
    :param vault_slots: "_b" for those of rotation twin that belong to account b
    :param withdrawn: the secret whose old value counts no more
    :returns: ``secrets``: NAME to the value in use and NAME_old to the one that is being withdrawn, for twins also
        NAME_a and NAME_b to those of the two accounts, each empty when there is none; ``slots``: NAME to the ending of
        its account
    :raises ValueError: when a value of the vault was never decrypted
    """
    encrypted = sorted(name for name, value in {**vault_old, **vault}.items() if str(value).startswith(SOPS_VALUE))
    if encrypted:
        raise ValueError(
            f"golive_secrets_vault has {', '.join(encrypted)} as SOPS encrypted it, so it would be a password; "
            "name the file *.sops.yml, or enable community.sops.sops in vars_plugins_enabled of ansible.cfg"
        )
    found, slots = dict(vault), {}
    for entry in catalogue:
        name = entry["name"]
        if name in vault:
            slot, old = vault_slots.get(name, ""), vault_old.get(name, "")
        else:
            slot, old_slot = place(entry, _files(directory))
            if not (directory / f"{name}{slot}").exists():
                generate(directory / f"{name}{slot}")
            found[name] = _value(directory / f"{name}{slot}")
            old = "" if old_slot is None else _value(directory / f"{name}{old_slot}.old")
        old = "" if name == withdrawn else old
        slots[name] = slot
        found[f"{name}_old"] = old
        if entry["rotation"] == "twin":
            a, b = (old, found[name]) if slot else (found[name], old)
            found |= {f"{name}_a": a, f"{name}_b": b}
    return {"secrets": found, "slots": slots}


def _files(directory: Path) -> list[str]:
    return [file.name for file in directory.iterdir()] if directory.is_dir() else []


def _value(file: Path) -> str:
    return file.read_text(encoding="utf-8").split()[0]


def ages(
    directory: Path, catalogue: Iterable[Entry], vault: Iterable[str], made: Mapping[str, str], now: float
) -> list[dict[str, Any]]:
    """Return what is known of each secret, without its value, in the order of the catalogue.

    :param vault: names of those that are not generated
    :param made: name to the day (YYYY-MM-DD) on which one in the vault was made
    :returns: ``name``, ``purpose``, ``source`` (generated or vault), ``made`` (epoch seconds; None when nobody knows),
        ``days`` of age, ``max_age_days`` (0 for ever), and ``state``: fresh, overdue, rotating, unknown, or missing
        (not generated yet)
    :raises ValueError: for a day that is none
    """
    rows: list[dict[str, Any]] = []
    files, vaulted = _files(directory), set(vault)
    for entry in catalogue:
        name, limit = entry["name"], entry["max_age_days"]
        where = place(entry, files)
        since = _day(made.get(name)) if name in vaulted else _since(directory / f"{name}{where.slot}")
        days = None if since is None else int(now - since) // DAY
        if name not in vaulted and where.old is not None:
            state = "rotating"
        elif days is None:
            state = "unknown" if name in vaulted else "missing"
        else:
            state = "overdue" if limit and days >= limit else "fresh"
        source = "vault" if name in vaulted else "generated"
        row = {"name": name, "purpose": entry["purpose"], "source": source, "made": since, "days": days}
        rows.append({**row, "max_age_days": limit, "state": state})
    return rows


def _since(file: Path) -> int | None:
    return int(file.stat().st_mtime) if file.exists() else None


def _day(day: str | None) -> int | None:
    return int(datetime.fromisoformat(str(day)).replace(tzinfo=UTC).timestamp()) if day else None


def describe(rows: Iterable[Mapping[str, Any]], language: str) -> list[str]:
    """Return a line for each row of `ages`, for operators to read."""
    lines = []
    for row in rows:
        key = "secret.for ever" if row["state"] == "fresh" and not row["max_age_days"] else f"secret.{row['state']}"
        left = row["max_age_days"] - (row["days"] or 0)
        what = text(key, language).format(days=row["days"], left=left, over=-left, name=row["name"])
        lines.append(
            f"{row['name']} ({pick(row['purpose'], language)}): {text('secret.' + row['source'], language)}, {what}"
        )
    return lines


def metrics(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of `ages` as metrics in Prometheus's text format; one whose age nobody knows has no time."""
    made, limit = "golive_secret_made_timestamp_seconds", "golive_secret_max_age_seconds"
    lines = [f"# HELP {made} When the value in use was made.", f"# TYPE {made} gauge"]
    lines += [f'{made}{{name="{row["name"]}"}} {row["made"]}' for row in rows if row["made"]]
    lines += [f"# HELP {limit} How old a value may become.", f"# TYPE {limit} gauge"]
    lines += [f'{limit}{{name="{row["name"]}"}} {row["max_age_days"] * DAY}' for row in rows if row["max_age_days"]]
    return "\n".join(lines) + "\n"


def refusal(name: str, catalogue: Sequence[Entry]) -> str:
    """Return why a secret cannot be rotated, in one sentence; empty when it can."""
    rotated = sorted(entry["name"] for entry in catalogue if entry["rotation"] != "none")
    if name in rotated:
        return ""
    if name in [entry["name"] for entry in catalogue]:
        said = f"secret {name} is not rotated: it opens nothing"
    else:
        near = difflib.get_close_matches(name, rotated, n=1, cutoff=0.5)
        said = f"no secret is named '{name}'" if name else "say which secret: -e secret=NAME"
        said += f"; did you mean {near[0]}?" if near else "."
    return f"{said.rstrip('.')}{'' if said.endswith('?') else '.'} Those that can be rotated are {', '.join(rotated)}"
