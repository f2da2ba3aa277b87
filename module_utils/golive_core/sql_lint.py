"""Judging the SQL of a migration before it runs: expand only, and nothing that makes readers and writers wait.

The findings are squawk's (https://squawkhq.com), of which only the JSON counts: it ends with 1 on a clean migration,
too. What a finding means is said by a table of rules, as data::

    {rule: {"verdict": "fail" | "warn" | "ignore" | "partial", "remedy": {"en": ..., "zh": ...}, "pattern": ...}}

``partial`` is a finding that shows that the SQL is not whole, so that nothing can be said of it. A rule with a
``pattern`` is our own: a regular expression that fits a whole statement. A rule that the table does not know fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .measurement import Measurement, measurement, summarise

VERDICTS = ("fail", "warn", "ignore", "partial")
LANGUAGES = ("en", "zh")
_SHOWN = 90  # characters of a statement that are repeated
_TOKEN = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)"""  # nested comments do not come out of tools
    r"""|(?P<kept>E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>[A-Za-z_0-9]*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<end>;)""",
    re.DOTALL,
)
# What only frames the others.
_FRAME = re.compile(r"(?i)(begin|commit|start transaction|end)\b[^;]*$")


class Emitted(NamedTuple):
    """What an emit command left: its exit code, standard output, and the last words of its standard error."""

    code: int
    sql: str
    error: str


class Finding(NamedTuple):
    """One finding: the rule, what the table says of it, and the statement that it is about."""

    rule: str
    verdict: str
    statement: str
    remedy: Mapping[str, str]


Rules = Mapping[str, Mapping[str, Any]]


def statements(sql: str) -> list[str]:
    """Return the statements of an SQL text, without comments: a comment could tell a linter to look away."""
    found, start, text = [], 0, ""
    for token in _TOKEN.finditer(sql):
        if token["kept"] is not None:
            continue
        text += sql[start : token.start()]
        start = token.end()
        if token["end"]:
            found.append(text)
            text = ""
        else:
            text += " "
    found.append(text + sql[start:])
    return [each.strip() for each in found if each.strip()]


def text_for_linter(rows: Sequence[str]) -> str:
    """Return statements as the linter gets them: each on one line, so that a line number names it."""
    return "".join(f"{' '.join(row.splitlines())};\n" for row in rows)


def findings(rows: Sequence[str], report: str, rules: Rules) -> list[Finding]:
    """Return the findings in a migration, those of the linter and those of our own patterns, in the statements' order.

    :param rows: the statements, of which :func:`text_for_linter` was given to the linter
    :param report: what the linter printed, JSON
    :raises ValueError: when that is no report
    """
    try:
        told = json.loads(report)
        seen = [(int(row["line"]), str(row["rule_name"])) for row in told]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"the linter did not print a report: {report.strip()[:200] or 'nothing'}") from error
    for number, row in enumerate(rows):
        seen += [(number, rule) for rule, known in rules.items() if re.fullmatch(known.get("pattern") or "(?!)", row)]
    return [_finding(rows[min(line, len(rows) - 1)], rule, rules) for line, rule in sorted(seen)]


def _finding(statement: str, rule: str, rules: Rules) -> Finding:
    unknown = {
        "en": f"No rule says what {rule} means here; decide in migration_lint_rules.",
        "zh": f"规则表中没有 {rule}；请在 migration_lint_rules 中决定。",
    }
    known = rules.get(rule, {"verdict": "fail", "remedy": unknown})
    return Finding(rule, str(known["verdict"]), _short(statement), known.get("remedy") or {})


def _short(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."


def wrong_rules(rules: Rules) -> list[str]:
    """Return one sentence for each rule that is not well defined."""
    wrong = []
    for name, rule in rules.items():
        if rule.get("verdict") not in VERDICTS:
            wrong.append(f"rule {name} has the verdict {rule.get('verdict')!r}, wanted one of {', '.join(VERDICTS)}")
        elif rule["verdict"] in ("fail", "warn") and set(rule.get("remedy") or {}) != set(LANGUAGES):
            wrong.append(f"rule {name} needs a remedy in {' and '.join(LANGUAGES)}")
    return wrong


def incomplete(emitted: Emitted, mark: str) -> str:
    """Return why the SQL that a tool printed is not that of the whole migration, or nothing when it may be.

    :param mark: text that the SQL must hold, such as the name of the new revision; empty for none
    """
    if emitted.code:
        return f"the emit command ended with code {emitted.code} ({emitted.error or 'no message'})"
    rows = statements(emitted.sql)
    if not [row for row in rows if not _FRAME.match(row)]:
        return f"the emit command printed no SQL ({emitted.error or 'no message'})"
    if mark and mark not in emitted.sql:
        return f'the SQL ends before its last revision: "{mark}" is not in it'
    return ""


def measure(id: str, emitted: Emitted, report: str, rules: Rules, mark: str = "", about: str = "") -> Measurement:
    """Return what was seen in the SQL of a migration, with the remedies of what fails.

    :param about: from where to where the migration leads, for people
    """
    why = incomplete(emitted, mark)
    rows = statements(emitted.sql)
    seen: list[Finding] = []
    if not why:
        try:
            seen = findings(rows, report, rules)
        except ValueError as error:
            why = str(error)
    partial = [each for each in seen if each.verdict == "partial"]
    if partial and not why:
        why = f"the SQL is not whole: {partial[0].rule} in `{partial[0].statement}`"
    bad, odd = ([each for each in seen if each.verdict == verdict] for verdict in ("fail", "warn"))
    told = [f"{each.rule} in `{each.statement}`" for each in bad]
    warned = [f"{each.rule} in `{each.statement}`" for each in odd]
    observed = f"{about}: {len(rows)} statements" + (f"; {summarise(told)}" if told else ", none of them unsafe")
    observed += f" (to be looked at: {summarise(warned)})" if warned else ""
    seen_in_all = measurement(
        id,
        n=len(rows),
        failures=len({each.statement for each in bad}),
        observed=observed,
        expected="statements that only add, and make nobody wait",
        invalid=f"{about}: {why}" if why else "",
    )
    if bad and not why:
        seen_in_all["remedy"] = {
            language: " ".join(dict.fromkeys(each.remedy[language] for each in bad)) for language in LANGUAGES
        }
    return seen_in_all
