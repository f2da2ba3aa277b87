"""Filters about the phases that stand: what they are made of, and on which hosts they are done."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import __version__ as ansible_version
from ansible.errors import AnsibleError
from jinja2.exceptions import UndefinedError

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import phase_inputs, phase_state

# What Ansible itself says of a run and of a host; the groups are asked for by themselves.
_MAGIC = frozenset(("environment", "groups", "hostvars", "omit", "play_hosts", "playbook_dir", "vars"))


def digests(
    roles: Mapping[str, Sequence[str]],
    hostvars: Any,
    groups: Mapping[str, Sequence[str]],
    directory: str,
    without: Iterable[str],
) -> dict[str, str]:
    """Return phase to a digest of its code, of the variables of all hosts that it reads, and of the files these name.

    :param roles: phase to the roles that do its work
    :param directory: of all roles
    :param without: names of variables that say what one run is about
    """
    home = Path(directory).resolve()
    project = home.parent
    code = phase_inputs.tree(*(project / name for name in phase_inputs.PROJECT))
    raw = {host: hostvars.raw_get(host) for host in groups["all"]}
    given = {host: [name for name in there if not _magic(name)] for host, there in raw.items()}
    bases = {project / "playbooks", *(Path(str(there.get("inventory_dir") or project)) for there in raw.values())}
    templates = {host: hostvars[host] for host in raw}  # each makes a templar
    rendered = functools.cache(lambda host, name: _rendered(templates[host], raw[host], name))
    found = {}
    for phase, names in roles.items():
        values = phase_inputs.values(phase_inputs.variables(home, names) - set(without), given, rendered)
        files = phase_inputs.named_files(values, bases)
        found[phase] = phase_inputs.digest([ansible_version, code, dict(groups), values, files])
    return found


def _magic(name: str) -> bool:
    return name in _MAGIC or name.startswith(("ansible_", "group_", "inventory_", "role_"))


def _rendered(templates: Mapping[str, Any], raw: Mapping[str, Any], name: str) -> Any:
    """Return the value of a variable; as it is written where it needs what is not known yet: a default of a role."""
    try:
        return phase_inputs.plain(templates[name])
    except (AnsibleError, UndefinedError):
        return str(raw[name])


def inputs(of_phases: Mapping[str, str], hosts: Sequence[Any], secrets: str) -> dict[str, str]:
    """Return phase to its digest, of what is learnt from the hosts and of the secrets, too.

    :param of_phases: phase to what :func:`digests` has returned
    :param hosts: what is known about the hosts
    :param secrets: directory of the secrets on the controller
    """
    store = phase_inputs.tree(Path(secrets))
    return {phase: phase_inputs.digest([digest, list(hosts), store]) for phase, digest in of_phases.items()}


class FilterModule:
    """What Ansible looks for in a filter file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return filter name to function."""
        return {
            "golive_phase_digests": digests,
            "golive_phase_inputs": inputs,
            "golive_phase_notes": phase_state.notes,
            "golive_phase_to_remember": phase_state.to_remember,
            "golive_phase_to_work": phase_state.to_work,
        }
