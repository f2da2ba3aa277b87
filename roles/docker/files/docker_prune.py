"""Remove images that nothing needs any more: docker_prune.py HOURS APPS

HOURS  an image that came to this host less than so many hours ago stays
APPS   directory with one directory for each application, whose releases/ holds one for each release

A container, also a stopped one, keeps its image. So does every release that is on the host: role app keeps the current
one, the previous one, and the last ones that were verified. Nothing but images is removed, and none by force.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

IMAGE_ID = re.compile(r"sha256:[0-9a-f]{64}")
STAGING_SECONDS = 86_400.0


def removable(
    images: Sequence[Mapping[str, Any]],
    used: Collection[str],
    needed: Collection[str],
    now: float,
    keep_seconds: float,
) -> list[str]:
    """Return by which names images are to be removed: each tag, or the id of an image without one.

    :param images: as `docker image inspect` shows them
    :param used: ids of the images of containers
    :param needed: ids of the images of releases
    :param now: seconds since 1970
    """
    names: list[str] = []
    for image in images:
        if image["Id"] not in used and image["Id"] not in needed and now - arrived(image) >= keep_seconds:
            names += image.get("RepoTags") or [image["Id"]]
    return names


def arrived(image: Mapping[str, Any]) -> float:
    """Return when an image was made or last got a tag here, whatever is later, in seconds since 1970."""
    told = [image["Created"], (image.get("Metadata") or {}).get("LastTagTime") or ""]
    return max(_seconds(text) for text in told)


def _seconds(text: str) -> float:
    """Return the time that the engine writes as 2026-01-02T03:04:05.123456789Z; year 1 is its word for never."""
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)$", text)
    if not match or match[1].startswith("0001"):
        return 0.0
    return datetime.fromisoformat(match[1] + match[2].replace("Z", "+00:00")).timestamp()


def image_ids(manifest: Any) -> Iterator[str]:
    """Return every image id in the manifest of a release."""
    if isinstance(manifest, str):
        if IMAGE_ID.fullmatch(manifest):
            yield manifest
    elif isinstance(manifest, (dict, list)):
        for value in manifest.values() if isinstance(manifest, dict) else manifest:
            yield from image_ids(value)


def releases(apps: Path, now: float) -> set[str]:
    """Return the ids of the images of all releases on this host.

    :raises ValueError: when a release does not tell its image, so that nothing is known to be unneeded
    """
    needed: set[str] = set()
    for directory in apps.glob("*/releases/*/"):
        manifest = directory / "manifest.json"
        if not manifest.exists():
            # A release without a manifest was not started: one that failed, or one that is being brought here now.
            if now - directory.stat().st_mtime < STAGING_SECONDS:
                raise ValueError(f"{directory} is being staged")
            continue
        try:
            found = set(image_ids(json.loads(manifest.read_text(encoding="utf-8"))))
        except (OSError, ValueError) as error:
            raise ValueError(f"{manifest} cannot be read ({error})") from error
        if not found:
            raise ValueError(f"{manifest} names no image id (sha256:...)")
        needed |= found
    return needed


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def _inspect(kind: str, *words: str) -> list[dict[str, Any]]:
    ids = sorted(set(_docker(kind, "ls", "--quiet", "--no-trunc", *words).split()))
    found: list[dict[str, Any]] = json.loads(_docker(kind, "inspect", *ids)) if ids else []
    return found


def main() -> int:
    """Remove, and say what was removed; 1 when the engine or a release does not tell what is needed."""
    hours, apps = float(sys.argv[1]), Path(sys.argv[2])
    now = time.time()
    try:
        images = _inspect("image")
        # Asked after the images: a container that starts meanwhile is seen, and the engine itself refuses the rest.
        used = {container["Image"] for container in _inspect("container", "--all")}
        names = removable(images, used, releases(apps, now), now, hours * 3600)
    except subprocess.CalledProcessError as error:
        print(f"No image was removed: `{' '.join(error.cmd[:3])}` said: {error.stderr.strip()}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"No image was removed: {error}. See to that release, or wait for the next time.", file=sys.stderr)
        return 1
    for name in names:
        done = subprocess.run(["docker", "image", "rm", name], capture_output=True, text=True, check=False)
        print(f"removed {name}" if done.returncode == 0 else f"kept {name}: {done.stderr.strip()}")
    print(f"{len(images)} images before, {len(_docker('image', 'ls', '--quiet').split())} after")
    return 0


if __name__ == "__main__":
    sys.exit(main())
