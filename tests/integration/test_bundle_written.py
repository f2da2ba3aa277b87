"""./golive bundle with the real Ansible, apt and pip; of all packages it takes two small ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from golive_core import bundle as core

from golive import bundle, debs
from golive.__main__ import main
from golive.init import GROUPS
from golive.lab import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="packages are fetched by apt-get")


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One host, one release."""
    place = tmp_path_factory.mktemp("inventory")
    hosts = {
        "all": {
            "hosts": {"server1": {}},
            "children": {group: {"hosts": {"server1": {}}} for group in GROUPS},
            "vars": {"golive_app": "shop", "tea_packages": ["netbase"]},
        }
    }
    (place / "hosts.yml").write_text(json.dumps(hosts))
    release = place / ".golive" / "releases" / "1.4.0"
    (release / "evidence").mkdir(parents=True)
    (release / "image.tar").write_bytes(b"image")
    (release / "evidence" / "junit.xml").write_text("<testsuites/>")
    (release / "release.json").write_text(json.dumps({"release": "1.4.0", "archive": "image.tar"}))
    return place


def test_the_roles_packages_are_told_without_a_host(inventory: Path) -> None:
    site = bundle.ask_inventory(inventory, ["trixie", "bookworm"])
    assert (site.app, site.releases, site.grafana) == ("shop", inventory / ".golive" / "releases", "")
    (newer,), (older,) = site.packages["trixie"], site.packages["bookworm"]
    assert newer >= {
        "haproxy",
        "nftables",
        "docker.io",
        "rsyslog-relp",
        "python3-psycopg2",
        "redis-server",
        "postgresql-17",
    }
    assert "postgresql-15" in older


@pytest.fixture(scope="module")
def written(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle in which little is left out but the weight."""
    output = tmp_path_factory.mktemp("out") / "golive-bundle-1.4.0.tar"
    lock = output.with_name("lock")
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    lock.write_text("".join(re.findall(r"^iniconfig==(?:.*\\\n)+.*\n", text, re.MULTILINE)))
    grafana = output.with_name("g.tgz")
    grafana.write_bytes(b"grafana")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "installed", lambda _: [{"role": "tea", "names": "{{ tea_packages }}"}])
        patch.setattr(bundle, "LOCK", lock)
        patch.setattr(debs, "ALWAYS", ("ca-certificates",))
        words = ["bundle", "-i", str(inventory), "--release", "1.4.0", "--grafana", str(grafana)]
        patch.setattr("sys.argv", ["golive", *words, "--output", str(output)])
        assert main() == 0
    return output


@pytest.fixture(scope="module")
def unpacked(written: Path) -> Path:
    subprocess.run(["tar", "xf", written.name], cwd=written.parent, check=True)
    return written.with_suffix("")


def test_it_is_whole_and_says_so(written: Path, inventory: Path, monkeypatch: Any, capsys: Any) -> None:
    signers = inventory / ".golive" / "signing" / core.ALLOWED_NAME
    monkeypatch.setattr("sys.argv", ["golive", "bundle", "verify", str(written), "--allowed-signers", str(signers)])
    assert main() == 0
    assert "shop 1.4.0" in capsys.readouterr().out


def test_all_parts_are_in_it(unpacked: Path) -> None:
    (wheel,) = unpacked.glob("wheels/*")
    assert wheel.name.startswith("iniconfig-")
    assert (unpacked / "grafana.tar.gz").read_bytes() == b"grafana"
    assert (unpacked / "releases" / "1.4.0" / "evidence" / "junit.xml").exists()
    with tarfile.open(unpacked / "project.tar") as project:
        assert {"golive/golive", "golive/playbooks/golive.yml"} <= set(project.getnames())
    manifest = json.loads((unpacked / core.MANIFEST).read_text())
    assert (manifest["releases"], list(manifest["suites"]), manifest["grafana"]) == (["1.4.0"], ["trixie"], True)


def test_a_package_comes_with_all_that_it_needs_and_its_index_last(unpacked: Path, tmp_path: Path) -> None:
    with tarfile.open(unpacked / "debs" / "trixie.tar") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path, filter="data")
    found = {name.partition("_")[0] for name in names}
    assert found >= {"netbase", "ca-certificates", "openssl", "libc6"}
    assert names[-1] == debs.INDEX
    assert not any("%" in name for name in names), "apt would look for another file"
    index = (tmp_path / debs.INDEX).read_text(encoding="utf-8")
    listed = dict(
        zip(re.findall("(?m)^Filename: ./(.*)$", index), re.findall("(?m)^SHA256: (.*)$", index), strict=True)
    )
    assert set(listed) == {*names} - {debs.INDEX}
    for name, digest in listed.items():
        with (tmp_path / name).open("rb") as file:
            assert core.digest(file) == digest


def test_the_list_of_parts_names_each_of_them(unpacked: Path) -> None:
    parts = json.loads((unpacked / bundle.SBOM).read_text(encoding="utf-8"))["components"]
    assert {"iniconfig", "netbase", "libc6", "shop", "grafana"} <= {part["name"] for part in parts}
