#!/usr/bin/env python3
"""Test a built release and write the evidence of it: the reports of every tool, and what they are about.

The code and packages under test are taken out of the release's image, so the evidence is about that image and nothing
else. Real PostgreSQL and Redis run beside it in one container without a network. Does nothing when the evidence of this
image and this suite is there already. Exit code 1 says that a tool found something; the reports say what.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import releasing
from build import read_release
from releasing import BuildError, run

REPORTS = ("junit.xml", "coverage.json", "ruff.json", "mypy.xml", "bandit.json")
SUITE = ("tests", "ci-suite.sh", "pyproject.toml", "releases.toml", "releasing.py", "build.py", "ci.py")
SECONDS = 300


def test(version: str, out: Path, image: str, cache: Path, python: Path) -> tuple[dict[str, Any], bool]:
    """Return the content of evidence.json and whether the suite had to run."""
    release = releasing.find_release(version)
    built = read_release(out)
    if built is None or built["release"] != version:
        raise BuildError(f"{out} holds no build of release {version}; run build.py first.")
    releasing.need_image(built["image_id"], "release.json")
    ci_image = releasing.need_image(image, "--ci-image")
    suite = release.files(*SUITE)
    lock = release.files("requirements-ci.lock")
    suite_hash = releasing.hash_files(suite | lock, ci_image)
    evidence = out / "evidence"
    known = read_evidence(evidence)
    if known and (known["image_id"], known["commit"], known["dirty"], known["suite_sha256"]) == (
        built["image_id"], built["commit"], built["dirty"], suite_hash,
    ):  # fmt: skip
        return known, False

    packages = releasing.install("requirements-ci.lock", cache, python)
    with tempfile.TemporaryDirectory(prefix="football-ci-") as name:
        work = Path(name)
        work.chmod(0o755)  # the container's user is another one
        releasing.write_files(suite, work / "suite")
        extract(built["image_id"], work)
        reports = work / "reports"
        reports.mkdir()
        reports.chmod(0o777)
        command = (
            "docker", "run", "--rm", "--network", "none", "--tmpfs", "/tmp:exec",
            "--volume", f"{work}/suite:/suite:ro", "--volume", f"{work}/football:/opt/football:ro",
            "--volume", f"{packages}:/ci-packages:ro", "--volume", f"{reports}:/reports",
            "--env", "PYTHONPATH=/opt/football/app:/opt/football/site-packages:/ci-packages",
            "--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "HOME=/tmp", ci_image, "sh", "/suite/ci-suite.sh",
        )  # fmt: skip
        done = subprocess.run(command, check=False, timeout=SECONDS, stdout=sys.stderr)
        missing = [file for file in REPORTS if not (reports / file).is_file()]
        if missing:
            raise BuildError(f"The suite ended with code {done.returncode} and without {', '.join(missing)}.")
        evidence.mkdir(exist_ok=True)
        for file in REPORTS:
            (evidence / file).write_bytes((reports / file).read_bytes())
    content = {
        "schema": 1,
        "app": releasing.APP,
        "release": version,
        "commit": built["commit"],
        "dirty": built["dirty"],
        "image_id": built["image_id"],
        "created": releasing.utc_now(),
        "passed": done.returncode == 0,
        "reports": {file: releasing.hash_file(evidence / file) for file in REPORTS},
        "suite_sha256": suite_hash,
    }
    (evidence / "evidence.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return content, True


def read_evidence(directory: Path) -> dict[str, Any] | None:
    """Return the evidence.json of a directory, None when it or a report of it is not as it was written."""
    try:
        content: dict[str, Any] = json.loads((directory / "evidence.json").read_text(encoding="utf-8"))
        intact = all(releasing.hash_file(directory / file) == known for file, known in content["reports"].items())
    except (OSError, ValueError, KeyError):
        return None
    return content if intact else None


def extract(image: str, directory: Path) -> None:
    """Copy /opt/football out of an image."""
    container = run("docker", "create", "--network", "none", image)
    try:
        with subprocess.Popen(("docker", "cp", f"{container}:/opt/football", "-"), stdout=subprocess.PIPE) as copy:
            with tarfile.open(fileobj=copy.stdout, mode="r|") as archive:
                archive.extractall(directory, filter="data")
    finally:
        run("docker", "rm", "--volumes", container)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", help="a version of releases.toml")
    parser.add_argument("--out", type=Path, required=True, help="directory that build.py wrote; evidence/ goes there")
    parser.add_argument("--ci-image", required=True, help="image with PostgreSQL, Redis, OpenSSL and Python 3.13")
    parser.add_argument("--base", help="build the CI image from this one when the engine does not have it")
    parser.add_argument("--image-only", action="store_true", help="build the CI image and end")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "golive-football")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="a Python 3.12+ that has pip")
    options = parser.parse_args()
    try:
        if options.base and releasing.image_id(options.ci_image) is None:
            with (releasing.TREE / "Dockerfile.ci").open(encoding="utf-8") as file:
                run("docker", "build", "--quiet", "--tag", options.ci_image, "--build-arg", f"BASE={options.base}", "-",
                    stdin=file)  # fmt: skip
        if options.image_only:
            return
        content, ran = test(options.release, options.out, options.ci_image, options.cache, options.python)
    except BuildError as error:
        releasing.end(error)
    word = "tested" if ran else "unchanged"
    print(f"{word}: {content['image_id']} {'passed' if content['passed'] else 'FAILED'}, {options.out}/evidence")
    sys.exit(0 if content["passed"] else 1)


if __name__ == "__main__":
    main()
