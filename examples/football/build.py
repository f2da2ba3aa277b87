#!/usr/bin/env python3
"""Build a release: an image, its archive, and release.json that says what it is.

Does nothing when DIR holds the release of the same files and base already and the engine still has the image.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import releasing
from releasing import BuildError, run

ARCHIVE = "image.tar"


def build(version: str, base: str, out: Path, cache: Path, python: Path, tag: str) -> tuple[dict[str, Any], bool]:
    """Return the content of release.json and whether anything had to be built."""
    release = releasing.find_release(version)
    files = release.files("football")
    base_id = releasing.need_image(base, "--base")
    sources = files | release.files("Dockerfile", "requirements.lock")
    tree = releasing.hash_files(sources, version, base_id, json.dumps(release.changes))
    commit, dirty, mtime = releasing.commit()
    known = read_release(out)
    # A build of uncommitted files is repeated once they are committed: its commit would be the wrong one.
    if known and known["tree_sha256"] == tree and (dirty or not known["dirty"]) and is_intact(known, out, tag):
        return known, False

    packages = releasing.install("requirements.lock", cache, python)
    with tempfile.TemporaryDirectory(prefix="football-build-") as name:
        context = Path(name)
        releasing.write_files(files, context / "app", mtime)
        releasing.copy_packages(packages, context / "site-packages", mtime)
        run(
            "docker", "build", "--quiet", "--tag", tag, "--file", releasing.TREE / "Dockerfile",
            "--build-arg", f"BASE={base}", "--build-arg", f"RELEASE={version}", "--build-arg", f"COMMIT={commit}",
            context,
        )  # fmt: skip
    head = run("docker", "run", "--rm", "--network", "none", "--read-only", tag, "head")
    if head != release.alembic_head:
        raise BuildError(f"The image's schema head is {head}, releases.toml says {release.alembic_head} for {version}.")
    out.mkdir(parents=True, exist_ok=True)
    run("docker", "save", "--output", out / ARCHIVE, tag)
    content = {
        "schema": 1,
        "app": releasing.APP,
        "release": version,
        "commit": commit,
        "dirty": dirty,
        # For the lead time; of uncommitted files nobody knows since when they are.
        "committed_at": "" if dirty else f"{datetime.fromtimestamp(mtime, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "image": tag,
        "image_id": releasing.need_image(tag, "--tag"),
        "archive": ARCHIVE,
        "archive_sha256": releasing.hash_file(out / ARCHIVE),
        "built_at": releasing.utc_now(),
        "alembic_head": head,
        "changes": release.changes,
        "tree_sha256": tree,
    }
    (out / "release.json").write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return content, True


def read_release(out: Path) -> dict[str, Any] | None:
    """Return the release.json of a directory, None when there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads((out / "release.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if content.get("schema") == 1 else None


def is_intact(known: dict[str, Any], out: Path, tag: str) -> bool:
    archive = out / ARCHIVE
    return (
        releasing.image_id(tag) == str(known["image_id"])
        and archive.is_file()
        and releasing.hash_file(archive) == str(known["archive_sha256"])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", help="a version of releases.toml")
    parser.add_argument("--base", required=True, help="image with Debian's python3 3.13")
    parser.add_argument("--out", type=Path, required=True, help="directory for release.json and the archive")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "golive-football")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="a Python 3.12+ that has pip")
    parser.add_argument("--tag", help="name of the image; default golive-football:RELEASE")
    options = parser.parse_args()
    try:
        content, built = build(
            options.release, options.base, options.out, options.cache, options.python,
            options.tag or f"golive-football:{options.release}",
        )  # fmt: skip
    except BuildError as error:
        releasing.end(error)
    print(f"{'built' if built else 'unchanged'}: {content['image']} {content['image_id']} in {options.out}")


if __name__ == "__main__":
    main()
