"""What role logs is given: masks, rules of the audit trail, and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *(f"local{number}" for number in range(8)),
)
_CLASSES = {
    "[:space:]": r"\s",
    "[:digit:]": r"\d",
    "[:alpha:]": "a-zA-Z",
    "[:alnum:]": "a-zA-Z0-9",
    "[:upper:]": "A-Z",
    "[:lower:]": "a-z",
    "[:xdigit:]": "0-9a-fA-F",
}


def python_pattern(pattern: str) -> re.Pattern[str]:
    """Return a POSIX extended regular expression as Python understands it, near enough to check it.

    :raises re.error: when it is none
    """
    for posix, own in _CLASSES.items():
        pattern = pattern.replace(posix, own)
    return re.compile(pattern)


def _pattern_problem(pattern: str) -> str:
    try:
        python_pattern(pattern)
    except re.error as error:
        return f'"{pattern}" is no regular expression ({error})'
    return ""


def masks_wrong(masks: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each mask that would mask nothing, or not what it says."""
    wrong = []
    for mask in masks:
        problem, group = _pattern_problem(mask["pattern"]), int(mask.get("group", 1))
        if not problem and not 1 <= group <= python_pattern(mask["pattern"]).groups:
            problem = f'"{mask["pattern"]}" has no group {group}, which would be the secret'
        if problem:
            wrong.append(f'the mask "{mask["name"]}" in logs_masks or logs_extra_masks cannot be used: {problem}')
    return wrong


def rules_wrong(rules: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return one sentence for each rule of the audit trail that makes no sense."""
    wrong = []
    for rule in rules:
        unknown = sorted(set(rule.get("facilities") or ()) - set(FACILITIES))
        if unknown:
            problem = f"{', '.join(unknown)} is no facility of syslog"
        elif not any(rule.get(key) for key in ("services", "facilities", "pattern")):
            problem = "it names no services, no facilities and no pattern, and so every line would belong to the trail"
        else:
            problem = _pattern_problem(rule.get("pattern") or "")
        if problem:
            wrong.append(f'the rule "{rule["name"]}" in logs_audit cannot be used: {problem}')
    return wrong


def addresses(hosts: Sequence[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the rows of rsyslog's table that says which host has which address; one that was not reached has none."""
    return [
        {"index": str(hostvars[host]["golive_address"]), "value": host}
        for host in hosts
        if "golive_address" in hostvars[host]
    ]
