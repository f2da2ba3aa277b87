"""Find variables that no role knows: a typing error must not be a silent default."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any


def known_variables(specs: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return every option of every role.

    :param specs: role name to the content of its meta/argument_specs.yml
    """
    return {
        option
        for spec in specs.values()
        for entry in spec.get("argument_specs", {}).values()
        for option in entry.get("options", {})
    }


def variable_refusals(
    names: Iterable[str],
    specs: Mapping[str, Mapping[str, Any]],
    renamed: Mapping[str, str],
    internal: Collection[str] = (),
) -> list[str]:
    """Return one sentence for each variable that has another name by now, or carries a role's prefix and is not known.

    :param names: names of the variables that are set anywhere
    :param specs: role name to the content of its meta/argument_specs.yml
    :param renamed: the old name of a variable to its new one
    :param internal: what roles and playbooks tell each other; never the nearest name
    """
    known = known_variables(specs)
    prefixes = tuple(f"{role}_" for role in specs)
    sentences = []
    for name in sorted(set(names) - known):
        if name in renamed:
            sentences.append(f"variable {name} is now {renamed[name]}; rename it where you set it")
        elif name.startswith(prefixes) and name not in internal:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
            sentences.append(f"variable {name} is not known" + (f"; did you mean {near[0]}?" if near else ""))
    return sentences
