"""Images for containers, made of the host's own programs: there is no registry to ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PROGRAMS = "sh sleep dd"
WITH_LIBRARIES = (
    f"for program in {PROGRAMS}; do command -v $program; ldd $(command -v $program) | grep -o '/[^ ]*'; done | sort -u"
)


@pytest.fixture(scope="session")
def image(host: Any) -> Callable[[str], str]:
    """Make an image under a name; return its id. No two are the same."""
    files = host.check_output(WITH_LIBRARIES)
    host.check_output(f"tar --create --dereference --file /srv/image.tar {' '.join(files.split())}")
    return lambda name: host.check_output(f"docker import --change 'LABEL is={name}' /srv/image.tar {name}")
