"""Features: every module here with a `router` is part of the release that it is built into."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from fastapi import APIRouter


def discover() -> Iterator[APIRouter]:
    """Yield the router of every feature, in the order of their names."""
    for module in pkgutil.iter_modules(__path__):
        router: APIRouter = import_module(f"{__name__}.{module.name}").router
        yield router
