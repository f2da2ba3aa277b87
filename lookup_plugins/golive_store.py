"""The lookup that reads the generated secrets, and generates those that are missing."""

from __future__ import annotations

DOCUMENTATION = r"""
name: golive_store
short_description: Every secret, generated or from a vault
description:
  - Reads the generated secrets of the controller, and generates those that are neither there nor in the vault.
options:
  _terms:
    description: The catalogue of secrets, as in golive_secrets_catalogue.
    type: list
    elements: dict
    required: true
  directory:
    description: Directory of the generated secrets.
    type: path
    required: true
  vault:
    description: Name to value of those that are not generated.
    type: dict
    default: {}
  vault_old:
    description: Name to the value that a rotation is to withdraw.
    type: dict
    default: {}
  vault_slots:
    description: Name to the ending of its account, for those of rotation twin.
    type: dict
    default: {}
  withdrawn:
    description: The secret whose old value is not to be accepted any more.
    type: str
    default: ''
author: [golive developers]
"""

EXAMPLES = r"""
- name: Show how many secrets there are
  ansible.builtin.debug:
    msg: "{{ (lookup('golive_store', golive_secrets_catalogue, directory=golive_secrets_dir)).secrets | length }}"
"""

RETURN = r"""
_raw:
  description: "One dictionary: C(secrets), name to value, and C(slots), name to the ending of its account."
  type: list
  elements: dict
"""

import sys
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core import store


class LookupModule(LookupBase):  # type: ignore[misc]  # Ansible has no types
    """What Ansible looks for in a lookup file."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, dict[str, str]]]:
        """Return the secrets."""
        self.set_options(var_options=variables, direct=kwargs)
        vaults = (self.get_option(name) for name in ("vault", "vault_old", "vault_slots", "withdrawn"))
        try:
            return [store.read(Path(self.get_option("directory")), terms[0], *vaults)]
        except ValueError as error:
            raise AnsibleLookupError(f"{error}. Nothing was touched.") from None
