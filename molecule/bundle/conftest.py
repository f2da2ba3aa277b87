"""What apt knows on the host."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="session")
def sources() -> Callable[[Any], list[str]]:
    """Return where apt on a host takes packages from."""
    return lambda host: host.check_output("apt-get indextargets --format '$(URI)' 'Created-By: Packages'").splitlines()


@pytest.fixture(scope="session")
def repositories() -> Callable[[Any], list[str]]:
    """Return the directories with packages of bundles on a host."""
    return lambda host: host.check_output("ls -d /var/lib/golive-bundle/*").splitlines()
