"""A colour as clients and the engines of two hosts show it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

PORTS = {"blue": 8001, "green": 8002}


@pytest.fixture(scope="session")
def served(on, address, fetch) -> Callable[[str, str], dict[str, Any]]:
    """Return what a host answers as a colour, asked from the edge; nothing when it does not."""

    def ask(name: str, colour: str) -> dict[str, Any]:
        said = fetch(on("edge1"), f"http://{address(name)}:{PORTS[colour]}/version")
        return json.loads(said["body"]) if said["status"] == 200 else {}

    return ask


@pytest.fixture(scope="session")
def container(on) -> Callable[[str, str], dict[str, Any]]:
    """Return what `docker inspect` shows of the container of a colour that runs on a host."""

    def find(name: str, colour: str) -> dict[str, Any]:
        (found,) = on(name).check_output(f"docker ps -q --filter label=golive.container=football-{colour}").split()
        return json.loads(on(name).check_output(f"docker inspect {found}"))[0]

    return find


@pytest.fixture(scope="session")
def released(state) -> Callable[[str], dict[str, Any]]:
    """Return the release.json of a release."""
    return lambda name: json.loads((state / "releases" / name / "release.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def probed(module, released) -> Callable[..., dict[str, Any]]:
    """Return what a kind of container_probe measures of a colour on a host, as the gates ask."""

    def ask(name: str, colour: str, kind: str, release: str = "") -> dict[str, Any]:
        image = {"image_id": released(release)["image_id"]} if release else {}
        check = {"id": kind, "kind": kind, "container": f"football-{colour}", **image}
        seen: dict[str, Any] = module(name, "container_probe", checks=[check])["measurements"][0]
        return seen

    return ask
