"""The linters that take seconds."""

from __future__ import annotations

import pytest

from .conftest import QUICK


@pytest.mark.parametrize("name", QUICK)
def test_it_finds_nothing(linters, name):
    done = linters[name].result()
    assert done.returncode == 0, done.stdout + done.stderr
