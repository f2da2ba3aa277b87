"""Runs a module of golive in the controller's own process.

Ansible starts a Python for each module and sends it what the module imports, which is compiled anew there: 0.3 s for a
verdict that takes a millisecond. What works on the controller anyway needs none of it.
"""

from __future__ import annotations

import json
from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible.module_utils
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

ROOT = Path(__file__).parents[1]
# As on a target, where the package's module_utils are found beside Ansible's own.
ansible.module_utils.__path__.append(str(ROOT / "module_utils"))


def load(name: str) -> ModuleType:
    """Return a module of library/, whose `run(params, check_mode)` does its work."""
    spec = spec_from_file_location(f"golive_{name}", ROOT / "library" / f"{name}.py")
    assert spec
    assert spec.loader
    found = module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return a task's arguments as a module would get them: JSON, without Ansible's tags; a date is ISO 8601."""
    text = json.dumps(arguments, default=lambda value: value.isoformat() if isinstance(value, date) else str(value))
    told: dict[str, Any] = json.loads(text)
    return told


class InProcess(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """An action that is a module's `run`. A host that is not the controller gets the module, as ever."""

    module: ModuleType

    def run(self, tmp: None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Do it and return what it told."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._connection.transport != "local":
            result.update(self._execute_module(task_vars=task_vars))
            return result
        # Not ActionBase.validate_argument_spec, which shows all arguments with what is wrong: thousands of samples.
        checked = ArgumentSpecValidator(self.module.SPEC).validate(plain(self._task.args))
        if checked.error_messages:
            unknown = "Unsupported parameters: " if isinstance(checked.errors[0], UnsupportedError) else ""
            raise AnsibleActionFail(unknown + "; ".join(checked.error_messages))
        try:
            result.update(self.module.run(checked.validated_parameters, self._task.check_mode))
        except self.module.Refused as refused:
            raise AnsibleActionFail(str(refused)) from None
        return result
