"""make_bundles.py DIR: signed bundles of two small packages, one of which needs the other.

They are: first, second (newer), foreign (for no release that a host has), altered (spoilt after it was signed).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from golive_core import bundle, signing

from golive import debs
from golive.bundle import pack

PACKAGES = {"golive-example": "golive-example-data", "golive-example-data": ""}


def package(name: str, version: str, needs: str, into: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / name
        (root / "DEBIAN").mkdir(parents=True)
        (root / "usr" / "share" / name).mkdir(parents=True)
        (root / "usr" / "share" / name / "version").write_text(f"{version}\n")
        fields = {
            "Package": name,
            "Version": version,
            "Architecture": "all",
            "Maintainer": "golive <golive@example.org>",
            "Description": "stands for a package of the distribution",
            **({"Depends": f"{needs} (= {version})"} if needs else {}),
        }
        (root / "DEBIAN" / "control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", str(root), str(into)]
        subprocess.run(command, check=True, capture_output=True)


def make(top: Path, version: str, suites: list[str], key: Path) -> None:
    for name in ("debs", "wheels"):
        (top / name).mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        into = Path(scratch)
        for name, needs in PACKAGES.items():
            package(name, version, needs, into)
        found = [debs.look_at(file) for file in sorted(into.glob("*.deb"))]
        (into / debs.INDEX).write_text(debs.index(found))
        for suite in suites:
            pack(top / "debs" / f"{suite}.tar", into, [*(deb.file for deb in found), into / debs.INDEX])
    manifest = {"schema": bundle.SCHEMA, "suites": {suite: {} for suite in suites}}
    (top / bundle.MANIFEST).write_text(json.dumps(manifest))
    sums = bundle.checksums(bundle.read(top).sums)
    (top / bundle.SUMS).write_text(sums)
    (top / bundle.SIGNATURE).write_text(signing.sign(sums.encode(), key, bundle.NAMESPACE))


def main(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name, who in (("signers", "ada@desk"), ("others", "eve@desk")):
        signing.make_key(place / f"{name}.key", place / name, who, bundle.NAMESPACE)
    key = place / "signers.key"
    make(place / "first", "1:1.0-1", ["bookworm", "trixie"], key)
    make(place / "second", "1:2.0-1", ["bookworm", "trixie"], key)
    make(place / "foreign", "1:1.0-1", ["nowhere"], key)
    make(place / "altered", "1:1.0-1", ["bookworm", "trixie"], key)
    (place / "altered" / "wheels" / "added.whl").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
