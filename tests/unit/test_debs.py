"""Where packages come from, their index, and the list of all parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from golive import debs, sbom
from golive.debs import Deb, Source
from golive.say import Problem

TARGETS = """http://deb.example/debian/ bookworm main
http://deb.example/debian/ bookworm-updates main
http://deb.example/debian/ bookworm contrib
http://deb.example/debian-security/ bookworm-security main
http://vendor.example/ stable main
"""


def test_this_machines_mirrors_have_other_releases_too():
    assert debs.sources("trixie", [], TARGETS, "bookworm") == [
        Source("http://deb.example/debian/", "trixie", ("main", "contrib")),
        Source("http://deb.example/debian/", "trixie-updates", ("main",)),
        Source("http://deb.example/debian-security/", "trixie-security", ("main",)),
    ]


def test_mirrors_that_are_named_are_the_only_ones():
    given = ["http://a.example/debian", "http://a.example/debian-security"]
    assert [source.suite for source in debs.sources("trixie", given, TARGETS, "bookworm")] == [
        "trixie", "trixie-updates", "trixie-security",
    ]  # fmt: skip


@pytest.mark.parametrize(("targets", "own"), [("", "bookworm"), (TARGETS, ""), (TARGETS, "jammy")])
def test_a_machine_without_debians_repositories_is_told_to_name_one(targets, own):
    with pytest.raises(Problem, match="name one with --mirror URL"):
        debs.sources("trixie", [], targets, own)


def test_a_repository_is_trusted_by_the_distributions_keys():
    line = Source("http://a.example/debian", "trixie", ("main", "contrib")).line(Path("/k.gpg"))
    assert line == "deb [signed-by=/k.gpg] http://a.example/debian trixie main contrib\n"


@pytest.fixture
def package(tmp_path: Path) -> Deb:
    file = tmp_path / "libx_1.0-1_amd64.deb"
    file.write_bytes(b"deb")
    return Deb(file, "libx", "1:1.0-1", "amd64", "ab" * 32, "Package: libx\nVersion: 1:1.0-1\nDescription: x\n y\n")


def test_the_index_says_where_each_package_is_and_its_checksum(package):
    assert debs.index([package]) == (
        "Package: libx\nVersion: 1:1.0-1\nDescription: x\n y\n"
        f"Filename: ./libx_1.0-1_amd64.deb\nSize: 3\nSHA256: {'ab' * 32}\n\n"
    )


def test_the_list_of_parts_is_what_cyclonedx_says_it_must_be(package):
    told = {"image_id": "sha256:abc", "archive": "image.tar", "archive_sha256": "cd" * 32, "commit": "3f2a9c1"}
    wheels = {"ansible_core-2.21.5-py3-none-any.whl": "ef" * 32, "Parsley-1.3-py2.py3-none-any.whl": "01" * 32}
    text = sbom.document("shop", {"1.4.0": told, "1.3.0": {}}, wheels, {"trixie": [package]}, "23" * 32)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = json.loads(text)["components"]
    assert {part.get("purl") for part in parts if part["type"] == "library"} == {
        "pkg:pypi/ansible-core@2.21.5",
        "pkg:pypi/parsley@1.3",
        "pkg:deb/debian/libx@1:1.0-1?arch=amd64&distro=trixie",
    }
    hashes = {part["name"]: [one["content"] for one in part.get("hashes", [])] for part in parts}
    assert hashes["libx"] == ["ab" * 32]
    assert hashes["grafana"] == ["23" * 32]
    (image,) = (part for part in parts if part["type"] == "container" and part["version"] == "1.4.0")
    assert image["hashes"] == [{"alg": "SHA-256", "content": "cd" * 32}]
    assert {"name": "golive:image_id", "value": "sha256:abc"} in image["properties"]


def test_the_schema_is_really_asked():
    text = sbom.document("shop", {"1.4.0": {}}, {}, {}, "")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"application"', '"tea"')) is not None
