"""Text that PostgreSQL and PgBouncer want in a form of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core.postgresql import pgbouncer_users, replication_slot


class FilterModule:
    """Filters of roles postgresql_access, postgresql_replica and pgbouncer."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """Return them by name."""
        return {"golive_pgbouncer_users": pgbouncer_users, "golive_replication_slot": replication_slot}
