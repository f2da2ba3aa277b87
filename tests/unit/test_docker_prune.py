"""Which images the pruning timer removes, and above all which not."""

from __future__ import annotations

import importlib.util
import json
import os
from datetime import UTC, datetime

import pytest
from support import ROOT

FILE = ROOT / "roles/docker/files/docker_prune.py"
SPEC = importlib.util.spec_from_file_location("docker_prune", FILE)
assert SPEC
assert SPEC.loader
prune = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(prune)

NOW = datetime(2026, 6, 10, tzinfo=UTC).timestamp()
WEEK = 7 * 86_400


def image_id(number: int) -> str:
    return f"sha256:{number:064x}"


def image(number, *tags, created="2026-01-01T00:00:00.123456789Z", tagged="0001-01-01T00:00:00Z"):
    return {
        "Id": image_id(number),
        "RepoTags": list(tags),
        "Created": created,
        "Metadata": {"LastTagTime": tagged},
    }


def removed(*images, used=(), needed=()):
    return prune.removable(images, used, needed, NOW, WEEK)


def test_an_old_image_that_nothing_needs_goes_by_each_of_its_names():
    assert removed(image(1, "app:1", "app:latest"), image(2)) == ["app:1", "app:latest", image_id(2)]


def test_the_image_of_a_container_stays():
    assert removed(image(1, "app:1"), used={image_id(1)}) == []


def test_the_image_of_a_release_stays():
    assert removed(image(1, "app:1"), image(2, "app:2"), needed={image_id(1)}) == ["app:2"]


@pytest.mark.parametrize(
    "young",
    [
        image(1, "app:1", created="2026-06-09T00:00:00Z"),
        image(1, "app:1", created="2026-06-09T00:00:00.5+02:00"),
        image(1, "app:1", tagged="2026-06-09T00:00:00.123456789Z"),
    ],
)
def test_an_image_that_came_lately_stays(young):
    assert removed(young) == []


def test_an_image_that_is_exactly_old_enough_goes():
    assert removed(image(1, "app:1", tagged="2026-06-03T00:00:00Z")) == ["app:1"]
    assert removed(image(1, "app:1", tagged="2026-06-03T00:00:01Z")) == []


def release(root, name, manifest=None, age=0.0):
    directory = root / "football" / "releases" / name
    directory.mkdir(parents=True)
    if manifest is not None:
        (directory / "manifest.json").write_text(manifest)
    os.utime(directory, (NOW - age, NOW - age))


def test_every_release_on_the_host_keeps_its_images(tmp_path):
    release(tmp_path, "1", json.dumps({"release": "1", "image_id": image_id(1)}))
    release(tmp_path, "2", json.dumps({"release": "2", "workers": [{"image_id": image_id(2)}], "app": image_id(3)}))
    assert prune.releases(tmp_path, NOW) == {image_id(1), image_id(2), image_id(3)}
    assert prune.releases(tmp_path / "nowhere", NOW) == set()


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [(None, "is being staged"), ("{", "cannot be read"), ('{"release": "1"}', "names no image id")],
)
def test_nothing_is_known_to_be_unneeded_when_a_release_does_not_tell(tmp_path, manifest, sentence):
    release(tmp_path, "1", manifest)
    with pytest.raises(ValueError, match=sentence):
        prune.releases(tmp_path, NOW)


def test_a_release_that_never_started_holds_nothing_up_for_long(tmp_path):
    release(tmp_path, "1", age=86_400)
    assert prune.releases(tmp_path, NOW) == set()
