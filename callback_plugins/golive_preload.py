"""Loads plugins once, before the first worker process: each would load them for itself otherwise, task by task."""

from __future__ import annotations

DOCUMENTATION = r"""
name: golive_preload
type: aggregate
short_description: Loads plugins before Ansible forks
description:
  - Ansible runs every task on every host in a process of its own, forked from one that has hardly any plugin in memory.
    What it needs, such as all filters, is read and compiled anew in each. Loaded here, they are inherited.
  - Says nothing and changes nothing but the time that a run takes.
requirements: [enabled in C(ansible.cfg) by C(callbacks_enabled)]
author: [golive developers]
"""

from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import action_loader, connection_loader, filter_loader, lookup_loader, test_loader


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """What Ansible looks for in a callback's file."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "golive_preload"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:  # noqa: ARG002  # Ansible gives it by name
        """Load them."""
        for jinja_plugins in (filter_loader, test_loader):
            list(jinja_plugins.all())
        for classes in (action_loader, lookup_loader):
            list(classes.all(class_only=True))
        for connection in ("local", "ssh", "community.docker.docker"):
            connection_loader.get(connection, class_only=True)
