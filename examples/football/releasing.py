"""What build.py and ci.py share: the releases of this tree, dependencies, git and the container engine.

Standard library only, Python 3.12 or newer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parent
APP = "football"
# What the image runs on, whatever this machine is.
PIP_TARGET = (
    "--only-binary=:all:", "--implementation=cp", "--python-version=3.13",
    "--platform=manylinux2014_x86_64", "--platform=manylinux_2_17_x86_64", "--platform=manylinux_2_28_x86_64",
)  # fmt: skip


class BuildError(Exception):
    """Something that a build needs is missing or failed; the text is one sentence."""


@dataclass(frozen=True)
class Release:
    """An entry of releases.toml."""

    version: str
    alembic_head: str
    leave_out: tuple[str, ...]
    changes: tuple[dict[str, Any], ...]

    def files(self, *roots: str) -> dict[str, bytes]:
        """Return path and content of the release's files below `roots`."""
        found = {}
        for root in roots:
            for path in sorted((TREE / root).rglob("*")) if (TREE / root).is_dir() else [TREE / root]:
                name = path.relative_to(TREE).as_posix()
                if path.is_file() and "__pycache__" not in path.parts and name not in self.leave_out:
                    found[name] = path.read_bytes()
        if "football/RELEASE" in found:
            found["football/RELEASE"] = f"{self.version}\n".encode()
        return found


def read_releases() -> dict[str, Release]:
    """Return the releases that can be built, by version."""
    rows = tomllib.loads((TREE / "releases.toml").read_text(encoding="utf-8"))["release"]
    return {
        row["version"]: Release(row["version"], row["alembic_head"], tuple(row["leave_out"]), tuple(row["changes"]))
        for row in rows
    }


def find_release(version: str) -> Release:
    releases = read_releases()
    if version not in releases:
        raise BuildError(f"Release {version} is not in releases.toml, which has {', '.join(releases)}.")
    return releases[version]


def write_files(files: dict[str, bytes], directory: Path, mtime: int = 0) -> None:
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    fix_times(directory, mtime)


def fix_times(directory: Path, mtime: int) -> None:
    """Give everything in a directory one time, so that equal content makes an equal layer."""
    for path in [directory, *directory.rglob("*")]:
        os.utime(path, (mtime, mtime), follow_symlinks=False)


def hash_files(files: dict[str, bytes], *others: str) -> str:
    digest = hashlib.sha256()
    for part in (*others, *(f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in files.items())):
        digest.update(part.encode() + b"\n")
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run(*command: str | Path, **options: Any) -> str:
    """Run a command and return its output; its last line of error becomes the sentence of a BuildError."""
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, check=True, capture_output=True, text=True, **options
        )
    except FileNotFoundError:
        raise BuildError(f"The program {command[0]} is not installed.") from None
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or "").strip().splitlines() or ["no message"]
        what = " ".join(str(word) for word in command[:3])
        raise BuildError(f"`{what} ...` failed with code {error.returncode}: {lines[-1]}") from None
    return done.stdout.strip()


def image_id(image: str) -> str | None:
    """Return the id of an image in the engine, None when it is not there."""
    ids = run("docker", "image", "ls", "--no-trunc", "--quiet", image).split()
    if ids:
        return ids[0]
    try:
        return run("docker", "image", "inspect", "--format", "{{.Id}}", image)  # named by id
    except BuildError as error:
        if "No such image" in str(error):
            return None
        raise


def need_image(image: str, option: str) -> str:
    found = image_id(image)
    if found is None:
        raise BuildError(f"The image {image}, given by {option}, is not in the engine.")
    return found


def commit() -> tuple[str, bool, int]:
    """Return the commit that is checked out ("unknown" outside git), whether the tree differs from it, and its time."""
    try:
        head = run("git", "-C", TREE, "rev-parse", "HEAD")
        dirty = bool(run("git", "-C", TREE, "status", "--porcelain", "--", "."))
        return head, dirty, int(run("git", "-C", TREE, "log", "-1", "--format=%ct"))
    except BuildError:
        return "unknown", True, 0


def install(lock: str, cache: Path, python: Path) -> Path:
    """Install a lock file's packages once and return the directory; later calls find it."""
    target = cache / f"{Path(lock).stem}-{hash_files({lock: (TREE / lock).read_bytes()}, *PIP_TARGET)[:16]}"
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            packages = Path(temporary) / "packages"
            # --no-deps: the lock is complete, and pip would judge markers by the Python that it runs on.
            run(
                python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
                "--require-hashes", *PIP_TARGET, "--target", packages, "-r", TREE / lock,
            )  # fmt: skip
            packages.rename(target)
    return target


def copy_packages(source: Path, target: Path, mtime: int) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("bin", "__pycache__"))
    fix_times(target, mtime)


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def end(error: BuildError) -> None:
    print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
    sys.exit(1)


def main() -> None:
    """Fetch the packages of a release and of its tests, so that neither waits for them."""
    cache, python = map(Path, sys.argv[1:])
    try:
        for lock in ("requirements.lock", "requirements-ci.lock"):
            install(lock, cache, python)
    except BuildError as error:
        end(error)


if __name__ == "__main__":
    main()
