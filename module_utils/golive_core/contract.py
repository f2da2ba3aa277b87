"""Contract steps: what a database loses once no release that may come back needs it (expand/contract, Fowler 2014).

A step is ``{"name", "statement", "gone"}``: the SQL that takes the thing away, and a query of one boolean that tells
whether it is gone. Nothing is remembered about steps: the database itself says which were carried out. A release says
in its release.json, under ``does_without``, which steps do not hurt it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Step = Mapping[str, str]


def refusal(name: str, steps: Sequence[Step]) -> str:
    """Return the sentence that refuses a step that is not described; nothing when it is."""
    known = [step["name"] for step in steps]
    if name in known:
        return ""
    if not known:
        return "migration_contracts describes no contract step: add it to the inventory of the application"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else "."
    return f'no contract step is named "{name}"{hint} There are {", ".join(known)}: say -e step=NAME'


def needed_by(step: str, releases: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the releases that may come back and do not say that they do without what a step takes away.

    :param releases: name to manifest of each release that is kept on a host
    """
    return sorted(name for name, manifest in releases.items() if step not in manifest.get("does_without", []))


def unlisted(steps: Iterable[Step], does_without: Iterable[str]) -> list[Step]:
    """Return the steps that a release would miss something after."""
    fine = set(does_without)
    return [step for step in steps if step["name"] not in fine]


def gone_query(steps: Sequence[Step]) -> str:
    """Return the SQL whose rows, of one column ``name``, are the steps that were carried out."""
    rows = ", ".join(f"({_text(step['name'])}, ({step['gone'].rstrip().rstrip(';')}))" for step in steps)
    return f"SELECT step.name FROM (VALUES {rows}) AS step (name, gone) WHERE step.gone ORDER BY 1"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
