"""The linter that takes minutes; ORDER in tests/conftest.py places it after the unit tests, beside which it runs."""

from __future__ import annotations

import pytest

from .conftest import SLOW


@pytest.mark.parametrize("name", SLOW)
def test_it_finds_nothing(linters, name):
    done = linters[name].result()
    assert done.returncode == 0, done.stdout + done.stderr
