"""release_retention on directories of this machine; the engine is a stand-in, the real one is asked by molecule/app."""

from __future__ import annotations

import json
import os
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.golive_core.engine_api import EngineError
from support import ROOT


class Engine:
    """Has images, and one container; refuses to remove what it is told to."""

    def __init__(self, images: set[str], refuses: str = "") -> None:
        self.images, self.refuses = set(images), refuses

    def containers(self) -> list[dict[str, Any]]:
        labels = {"golive.app": "football", "golive.colour": "blue", "golive.release": "1.4"}
        return [{"ImageID": "sha256:e", "State": "running", "Labels": labels}, {"ImageID": "sha256:0", "Labels": None}]

    def image_ids(self) -> set[str]:
        return self.images

    def remove_image(self, image_id: str) -> None:
        if image_id == self.refuses:
            raise EngineError("the Docker engine answered 409: in use")
        self.images.remove(image_id)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """1.0 and 1.1 were verified, 1.2 brought an image and never started, 1.3 serves, 1.4 failed and has a container."""
    for place, (release, image) in enumerate(zip(("1.0", "1.1", "1.2", "1.3", "1.4"), "abcde", strict=True)):
        directory = tmp_path / "releases" / release
        directory.mkdir(parents=True)
        (directory / "image_id").write_text(f"sha256:{image}\n")
        if release != "1.2":
            (directory / "manifest.json").write_text(json.dumps({"image_id": f"sha256:{image}"}))
        if release in ("1.0", "1.1"):
            (directory / "verified").touch()
            os.utime(directory / "verified", (place + 1, place + 1))
    return tmp_path


@pytest.fixture
def forget(state: Path) -> Any:
    """Run the module's work: forget(engine, check_mode=, **params) -> result, warnings."""
    run = runpy.run_path(str(ROOT / "library" / "release_retention.py"))["run"]

    def call(engine: Engine, check_mode: bool = False, **params: Any) -> tuple[dict[str, Any], list[str]]:
        warnings: list[str] = []
        given = {"app": "football", "state_dir": str(state), "serving": "1.3", "served_before": "1.1", "keep": 0}
        module = SimpleNamespace(params=given | params, check_mode=check_mode, warn=warnings.append)
        return run(module, engine), warnings

    return call


IMAGES = {f"sha256:{letter}" for letter in "abcde0"}


def test_older_releases_and_one_that_never_started_go_with_their_images(forget: Any, state: Path) -> None:
    engine = Engine(IMAGES)
    result, _ = forget(engine)
    assert result == {"changed": True, "forgotten": ["1.0", "1.2"], "images": ["sha256:a", "sha256:c"]}
    assert {path.name for path in (state / "releases").iterdir()} == {"1.1", "1.3", "1.4"}
    assert engine.images == IMAGES - {"sha256:a", "sha256:c"}
    assert forget(engine)[0] == {"changed": False, "forgotten": [], "images": []}


def test_check_mode_tells_the_same_and_touches_nothing(forget: Any, state: Path) -> None:
    engine = Engine(IMAGES)
    assert forget(engine, check_mode=True)[0]["forgotten"] == ["1.0", "1.2"]
    assert len(list((state / "releases").iterdir())) == 5
    assert engine.images == IMAGES
    assert (state / "releases/1.1/verified").stat().st_mtime == 2


def test_what_served_before_is_noted_as_verified(forget: Any, state: Path) -> None:
    forget(Engine(IMAGES), served_before="1.4")
    assert (state / "releases/1.4/verified").exists()
    assert not (state / "releases/1.3/verified").exists()


def test_an_image_that_cannot_be_removed_is_a_warning(forget: Any) -> None:
    result, warnings = forget(Engine(IMAGES, refuses="sha256:a"))
    assert result["images"] == ["sha256:c"]
    assert warnings == ["Image sha256:a stays on this host: the Docker engine answered 409: in use"]


def test_a_release_that_is_not_on_the_host_is_no_obstacle(forget: Any) -> None:
    assert forget(Engine(IMAGES), serving="", served_before="0.9", keep=9)[0]["forgotten"] == ["1.2", "1.3"]
