"""API keys of the application: what has to be done so that the application has those that are described, and no more.

Described keys stand in the inventory (app_api_keys), listed ones are what the application's own command tells as JSON:
``[{"name", "state": active|revoked|expired, "scopes": [...], "expires": day, instant or null, "sha256": digits}]``.
``sha256`` is the hash of the key or its first twelve digits or more; an application that cannot tell it leaves it out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from .store import SLOTS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")
DIGITS = re.compile(r"[0-9a-f]{12,64}")
STATES = ("active", "revoked", "expired")
SHOWN = 10  # names in a sentence

Described = Mapping[str, Any]  # name, secret, scopes, expires, days, state
Commands = Mapping[str, Sequence[str]]  # list, issue, scope, expires, revoke


class Secrets(NamedTuple):
    """What golive knows of its secrets: values and `_old` values, slots of twins, names of twins, days of making."""

    values: Mapping[str, str]
    slots: Mapping[str, str]
    twins: frozenset[str]
    made: Mapping[str, int | None]  # epoch seconds

    @classmethod
    def of(
        cls,
        values: Mapping[str, str],
        slots: Mapping[str, str],
        catalogue: Iterable[Described],
        ages: Iterable[Described],
    ) -> Secrets:
        """Return it from golive_secrets, golive_secrets_slots, golive_secrets_catalogue, and `store.ages`."""
        twins = frozenset(entry["name"] for entry in catalogue if entry["rotation"] == "twin")
        return cls(values, slots, twins, {row["name"]: row["made"] for row in ages})


class Wanted(NamedTuple):
    """One name that the application shall know, or shall not let in any more."""

    name: str
    state: str  # issued, revoked, or kept: it has to stay as it is until a rotation withdraws it
    secret: str  # empty: whatever its value is
    scopes: tuple[str, ...]
    expires: datetime | None


def refusals(described: Sequence[Described], commands: Commands, secrets: Secrets) -> list[str]:
    """Return a sentence for each thing that is wrong with the description."""
    if not described:
        return []
    said = [f"app_api_key_commands has no {name}" for name in ("list", "issue", "revoke") if not commands.get(name)]
    if any(key.get("scopes") for key in described) and not commands.get("scope"):
        said.append("keys have scopes, but app_api_key_commands has no scope")
    if any(key.get("expires") or key.get("days") for key in described) and not commands.get("expires"):
        said.append("keys expire, but app_api_key_commands has no expires")
    for key in described:
        said += [f"app_api_keys, {key['name']}: {what}" for what in _wrong(key, secrets)]
    if any(not NAME.fullmatch(key["name"]) for key in described):
        return said
    names = Counter(name for key in described for name in _names(key, secrets))
    said += [f"app_api_keys: {name} is there {count} times" for name, count in names.items() if count > 1]
    shared = Counter(key["secret"] for key in described if key.get("secret"))
    said += [f"app_api_keys: {count} keys have secret {name}" for name, count in shared.items() if count > 1]
    return said


def _wrong(key: Described, secrets: Secrets) -> list[str]:
    said = []
    secret, expires, days = key.get("secret"), key.get("expires"), key.get("days")
    if not NAME.fullmatch(key["name"]):
        said.append("wanted a name of letters, digits and . _ @ -")
    if secret and secret not in secrets.values:
        said.append(f"no secret is named {secret}; add it to golive_secrets_catalogue or golive_secrets_vault")
    if not secret and key.get("state") != "revoked":
        said.append("say which secret holds its value")
    if expires and days:
        said.append("expires and days exclude each other")
    if expires and _instant(expires) is None:
        said.append(f"{expires} is no day like 2026-11-24")
    if days and (days < 1 or not secret or secrets.made.get(secret) is None):
        said.append(
            f"days is {days}, counted from the day on which the value was made: wanted 1 or more, and a day for "
            f"{secret} in secrets_made if it comes from a vault"
        )
    return said


def _names(key: Described, secrets: Secrets) -> list[str]:
    """Return the name in use, and that of the twin."""
    secret = key.get("secret")
    if secret not in secrets.twins:
        return [key["name"]]
    slot = secrets.slots.get(secret, "")
    return [key["name"] + slot, key["name"] + SLOTS[(SLOTS.index(slot) + 1) % 2]]


def _wanted(described: Iterable[Described], secrets: Secrets) -> list[Wanted]:
    wanted = []
    for key in described:
        name, *twin = _names(key, secrets)
        secret, state = key.get("secret") or "", key.get("state") or "issued"
        scopes, expires = tuple(sorted(key.get("scopes") or [])), _expires(key, secrets)
        wanted.append(Wanted(name, state, secret, scopes, expires))
        kept = state == "issued" and secrets.values.get(f"{secret}_old")
        wanted += [Wanted(other, "kept" if kept else "revoked", "", scopes, None) for other in twin]
    return wanted


def _expires(key: Described, secrets: Secrets) -> datetime | None:
    if key.get("days"):
        made = datetime.fromtimestamp(secrets.made[key["secret"]] or 0, UTC)
        return made.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=key["days"])
    return _instant(key["expires"]) if key.get("expires") else None


def _instant(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def plan(
    described: Sequence[Described], listed: str, secrets: Secrets, commands: Commands, revoke_unknown: bool
) -> dict[str, Any]:
    """Return what has to be done so that the application has the keys that are described.

    :param listed: what the application's list command printed
    :param revoke_unknown: keys that nobody describes are revoked, too
    :returns: ``steps``: ``what`` (issue or revoke), ``name``, ``why``, ``argv`` and ``secret``, the name of the
        secret that goes to the standard input, or empty; ``unknown``: names that are active and that nobody describes;
        ``wrong``: a sentence for each thing that must not be done. Values of secrets are in none of these.
    """
    try:
        rows = _rows(listed)
    except (ValueError, TypeError) as error:
        return {
            "steps": [],
            "unknown": [],
            "wrong": [f"the list command of app_api_key_commands printed no list of keys ({error})"],
        }
    steps: list[dict[str, Any]] = []
    wrong: list[str] = []
    wanted = _wanted(described, secrets)
    for key in wanted:
        row = rows.get(key.name)
        why = _why_issue(key, row, secrets)
        if why and row and row["state"] == "revoked" and not _new_value(key, row, secrets):
            wrong.append(
                f"API key {key.name} was revoked in the application, but app_api_keys describes it as issued. A key "
                f"that was revoked is not let in again: rotate its secret ({key.secret}), or describe it as "
                "revoked"
            )
            continue
        if why:
            steps.append(_step("issue", key.name, why, _issue_argv(key, commands), key.secret))
        if key.state == "revoked" and (why or (row is not None and row["state"] != "revoked")):
            steps.append(_step("revoke", key.name, "described as revoked", _words(commands["revoke"], name=key.name)))
    known = {key.name for key in wanted}
    unknown = [name for name, row in rows.items() if name not in known and row["state"] == "active"]
    if revoke_unknown:
        steps += [_step("revoke", name, "described nowhere", _words(commands["revoke"], name=name)) for name in unknown]
    return {"steps": steps, "unknown": unknown, "wrong": wrong}


def _rows(listed: str) -> dict[str, Mapping[str, Any]]:
    rows: dict[str, Mapping[str, Any]] = {}
    found = json.loads(listed)
    if not isinstance(found, list):
        raise TypeError(f"a JSON {type(found).__name__}")
    for row in found:
        if not isinstance(row, dict) or not isinstance(row.get("name"), str) or row.get("state") not in STATES:
            raise ValueError("wanted name, and state active, revoked or expired, of each")
        # The name goes into a command; the word of the application is not trusted to be none of its options.
        if not NAME.fullmatch(row["name"]):
            raise ValueError(f"{row['name']!r} cannot be the name of a key")
        if row.get("expires") is not None and _instant(row["expires"]) is None:
            raise ValueError(f"{row['name']} expires {row['expires']!r}, wanted a day or an ISO 8601 instant")
        if row.get("sha256") is not None and not DIGITS.fullmatch(str(row["sha256"])):
            raise ValueError(f"sha256 of {row['name']} is not 12 to 64 hexadecimal digits")
        rows[row["name"]] = row
    return rows


def _same_value(key: Wanted, row: Mapping[str, Any], secrets: Secrets) -> bool | None:
    """Return whether the application has the value of the secret; None when it does not tell."""
    if row.get("sha256") is None:
        return None
    return sha256(secrets.values[key.secret].encode()).hexdigest().startswith(row["sha256"])


def _new_value(key: Wanted, row: Mapping[str, Any], secrets: Secrets) -> bool:
    same = _same_value(key, row, secrets)
    # Where the application does not tell, the name can only have got a new value in a rotation.
    return bool(secrets.values.get(f"{key.secret}_old")) if same is None else not same


def _why_issue(key: Wanted, row: Mapping[str, Any] | None, secrets: Secrets) -> str:
    if not key.secret:
        return ""
    if row is None:
        return "the application does not know it"
    if key.state == "revoked":
        return "its value is another one" if _same_value(key, row, secrets) is False else ""
    if row["state"] == "revoked":
        return "it was revoked"
    if _same_value(key, row, secrets) is False:
        return "its value is another one"
    if tuple(sorted(row.get("scopes") or [])) != key.scopes:
        return f"its scopes are {', '.join(row.get('scopes') or []) or 'none'}"
    expires = _instant(row["expires"]) if row.get("expires") is not None else None
    return "" if expires == key.expires else f"it expires {row.get('expires') or 'never'}"


def _issue_argv(key: Wanted, commands: Commands) -> list[str]:
    argv = _words(commands["issue"], name=key.name)
    for scope in key.scopes:
        argv += _words(commands["scope"], name=key.name, scope=scope)
    if key.expires:
        argv += _words(commands["expires"], name=key.name, expires=_day(key.expires))
    return argv


def _day(moment: datetime) -> str:
    midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return moment.strftime("%Y-%m-%d") if midnight and not moment.utcoffset() else moment.isoformat()


def _words(words: Iterable[str], **values: str) -> list[str]:
    # In one pass: what is put in is not looked at again.
    return [re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), word) for word in words]


def _step(what: str, name: str, why: str, argv: list[str], secret: str = "") -> dict[str, Any]:
    return {"what": what, "name": name, "why": why, "argv": argv, "secret": secret}


def describe(planned: Mapping[str, Any], revoke_unknown: bool) -> list[str]:
    """Return a line for each step, and one for the keys that nobody describes."""
    lines = [f"{step['what']} {step['name']}: {step['why']}" for step in planned["steps"]]
    unknown = planned["unknown"]
    if unknown and not revoke_unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        lines.append(
            f"left alone, described nowhere: {', '.join(unknown[:SHOWN])}{more}; describe them in app_api_keys, or "
            "revoke them with app_api_keys_revoke_unknown"
        )
    return lines
