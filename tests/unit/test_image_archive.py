"""Archives as docker save wrote them up to engine 24 and from 25 on, and what can be wrong with one."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from golive_core.image_archive import read_archive

CONFIG = b'{"architecture": "amd64"}'
DIGEST = hashlib.sha256(CONFIG).hexdigest()
LAYER = b"x" * 30_000
OLD = {"config": f"{DIGEST}.json", "layer": "0a1b/layer.tar"}
NEW = {"config": f"blobs/sha256/{DIGEST}", "layer": "blobs/sha256/0a1b"}


def save(path: Path, names: dict[str, str], config: bytes = CONFIG, mode: str = "w", leave_out: str = "") -> Path:
    manifest = json.dumps([{"Config": names["config"], "RepoTags": ["football:1.0"], "Layers": [names["layer"]]}])
    files = {names["layer"]: LAYER, names["config"]: config, "manifest.json": manifest.encode()}
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            if name != leave_out:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("names", [OLD, NEW], ids=["old", "new"])
@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_the_id_is_that_of_the_configuration(tmp_path: Path, names: dict[str, str], mode: str) -> None:
    found = read_archive(str(save(tmp_path / "image.tar", names, mode=mode)))
    assert found.ids == (f"sha256:{DIGEST}",)
    assert found.size > len(LAYER)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.7])
def test_an_archive_that_was_cut_off_is_named(tmp_path: Path, mode: str, share: float) -> None:
    path = save(tmp_path / "image.tar", NEW, mode=mode)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ValueError, match=r"cannot be read to its end|was cut off"):
        read_archive(str(path))


def test_an_archive_without_its_layer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 of its layers are missing"):
        read_archive(str(save(tmp_path / "image.tar", NEW, leave_out=NEW["layer"])))


def test_a_configuration_that_was_changed_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"calls sha256:{DIGEST} is sha256:"):
        read_archive(str(save(tmp_path / "image.tar", NEW, config=b"{}")))


def test_another_kind_of_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no archive")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "text", "text")
    for name in ("text", "other.tar"):
        with pytest.raises(ValueError, match=r"cannot be read|no archive of docker save"):
            read_archive(str(tmp_path / name))


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not there"):
        read_archive(str(tmp_path / "image.tar"))
