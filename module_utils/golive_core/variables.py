"""Find variables that no role knows or takes: a typing error must not be a silent default."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

# What the wrong value of an option is: its name, its spec and the value to sentences; none where it is right.
Check = Callable[[str, Mapping[str, Any], Any], list[str]]


def known_variables(specs: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return every option of every role.

    :param specs: role name to the content of its meta/argument_specs.yml
    """
    return set(_options(specs))


def _options(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return option name to its spec."""
    return {
        option: told
        for spec in specs.values()
        for entry in spec.get("argument_specs", {}).values()
        for option, told in entry.get("options", {}).items()
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


def type_refusals(
    variables: Mapping[str, Mapping[str, Any]], specs: Mapping[str, Mapping[str, Any]], check: Check
) -> list[str]:
    """Return one sentence for each variable whose value its role would refuse; roles say so themselves, but later.

    A value that is a template, or holds one, may need what is not known yet, or make a secret: its role will see.

    :param variables: host to the names and values that are set for it, as they are written
    :param specs: role name to the content of its meta/argument_specs.yml
    :param check: what refuses a value
    """
    options = _options(specs)
    wrong: dict[str, list[str]] = {}
    for host, values in variables.items():
        for name in sorted(values.keys() & options.keys()):
            if _literal(values[name]):
                for problem in check(name, options[name], values[name]):
                    wrong.setdefault(problem, []).append(host)
    everywhere = len(variables)
    return [
        problem + ("" if len(hosts) == everywhere else f" (set for {', '.join(hosts)})")
        for problem, hosts in wrong.items()
    ]


def _literal(value: Any) -> bool:
    """Return whether a value holds no template and nothing that is encrypted."""
    if isinstance(value, str):
        return "{{" not in value and "{%" not in value
    if isinstance(value, Mapping):
        return all(_literal(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_literal(item) for item in value)
    return value is None or isinstance(value, (bool, int, float))
