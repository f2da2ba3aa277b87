"""What an archive of `docker save` holds, and whether all of it is there. Layers are not read, only skipped."""

from __future__ import annotations

import hashlib
import json
import lzma
import tarfile
import zlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Archive:
    """Ids of the images (sha256:...), and the bytes of all files when unpacked."""

    ids: tuple[str, ...]
    size: int


def read_archive(path: str) -> Archive:
    """Look into an archive, compressed or not.

    :raises ValueError: when it is not there, ends too early, was damaged, or is another kind of file
    """
    try:
        with tarfile.open(path) as archive:
            return _read(archive)
    except FileNotFoundError:
        raise ValueError("is not there") from None
    except (OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"cannot be read to its end ({error})") from None
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"is no archive of docker save ({type(error).__name__}: {error})") from None


def _read(archive: tarfile.TarFile) -> Archive:
    members = {member.name: member for member in archive}
    if "manifest.json" not in members:
        raise ValueError("has no manifest.json: it was cut off, or is no archive of docker save")
    images: list[dict[str, Any]] = json.loads(_content(archive, members["manifest.json"]))
    if missing := [layer for image in images for layer in image["Layers"] if layer not in members]:
        raise ValueError(f"was cut off: {len(missing)} of its layers are missing")
    configs = [_content(archive, members[image["Config"]]) for image in images]
    ids = tuple(f"sha256:{hashlib.sha256(config).hexdigest()}" for config in configs)
    for image, found in zip(images, ids, strict=True):
        name = image["Config"].rpartition("/")[2].removesuffix(".json")
        if found != f"sha256:{name}":
            raise ValueError(f"was damaged: the image that it calls sha256:{name} is {found}")
    return Archive(ids, sum(member.size for member in members.values()))


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    if file is None:
        raise ValueError(f"has no file {member.name}")
    return file.read()
