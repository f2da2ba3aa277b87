"""Says in one sentence that SOPS is missing, before community.sops looks for it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: golive_sops
short_description: Refuses files of SOPS on a controller without SOPS
description:
  - Gives no variables. Where C(group_vars) or C(host_vars) have files of SOPS (C(*.sops.yml), C(*.sops.yaml),
    C(*.sops.json)) and there is no program to decrypt them, the run ends with a sentence.
  - P(community.sops.sops#vars) decrypts them.
options: {}
author: [golive developers]
"""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.inventory.group import Group
from ansible.plugins.vars import BaseVarsPlugin

with suppress(ImportError):  # the collection that decrypts; without it there is nothing to do for it
    from ansible_collections.community.sops.plugins.vars import sops

    # Ansible makes a plugin anew, its documentation parsed again, for every look at a variable, unless the plugin says
    # that it need not. This one keeps nothing in itself from one call to the next.
    sops.VarsModule.is_stateless = True

ENDINGS = (".sops.yml", ".sops.yaml", ".sops.json")
_LOOKED: set[Path] = set()  # every task asks for every group


class VarsModule(BaseVarsPlugin):  # type: ignore[misc]  # Ansible has no types
    """What Ansible looks for in a vars file."""

    is_stateless = True

    def get_vars(self, loader: Any, path: str, entities: Any) -> dict[str, Any]:
        """Return nothing, or refuse."""
        super().get_vars(loader, path, entities)
        for entity in entities if isinstance(entities, list) else [entities]:
            place = Path(self._basedir, "group_vars" if isinstance(entity, Group) else "host_vars", entity.name)
            if place not in _LOOKED:
                _LOOKED.add(place)
                self._look(place)
        return {}

    def _look(self, place: Path) -> None:
        beside = (place.with_name(place.name + ending) for ending in ENDINGS)
        found = [file for file in (*beside, *place.rglob("*")) if file.name.endswith(ENDINGS) and file.is_file()]
        program = os.environ.get("ANSIBLE_SOPS_BINARY", "sops")
        if found and shutil.which(program) is None:
            raise AnsibleParserError(
                f"{found[0]} is a file of SOPS, but this controller has no program {program} (looked in PATH): install "
                "SOPS, or keep these values in a file of Ansible Vault. Nothing was touched."
            )
