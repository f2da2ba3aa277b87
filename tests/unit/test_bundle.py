"""A bundle is used when it is what somebody known signed; every way to spoil one is noticed, by the real ssh-keygen."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from golive_core import bundle, signing

from golive import bundle as verb
from golive.__main__ import main
from golive.bundle import pack
from golive.lab import ROOT
from golive.say import Problem

MANIFEST = {
    "schema": bundle.SCHEMA,
    "app": "football",
    "releases": ["1.4.0", "1.3.0"],
    "suites": {"trixie": {"debs": 2, "lacks": []}},
    "architecture": "amd64",
    "python": "3.13",
    "machine": "linux x86_64",
    "created": "2026-11-29T12:00:00Z",
    "commit": "3f2a9c1",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, who in (("ours", "ada@desk"), ("theirs", "eve@desk")):
        signing.make_key(tmp_path / "keys" / name, tmp_path / "keys" / f"{name}.allowed", who, bundle.NAMESPACE)
    return tmp_path / "keys"


@pytest.fixture
def made(tmp_path: Path, home: Path) -> Path:
    top = tmp_path / "golive-bundle-1.4.0"
    (top / "wheels").mkdir(parents=True)
    (top / "releases" / "1.4.0").mkdir(parents=True)
    (top / "wheels" / "ansible-14.5.0-py3-none-any.whl").write_bytes(b"wheel")
    (top / "releases" / "1.4.0" / "release.json").write_text("{}")
    (top / bundle.MANIFEST).write_text(json.dumps(MANIFEST))
    return seal(top, home / "ours")


def seal(top: Path, key: Path, namespace: str = bundle.NAMESPACE) -> Path:
    for name in (bundle.SUMS, bundle.SIGNATURE):
        (top / name).unlink(missing_ok=True)
    text = bundle.checksums(bundle.read(top).sums)
    (top / bundle.SUMS).write_text(text)
    (top / bundle.SIGNATURE).write_text(signing.sign(text.encode(), key, namespace))
    return top


def packed(top: Path) -> Path:
    tar = top.with_suffix(".tar")
    pack(tar, top, sorted(path for path in top.rglob("*") if not path.is_dir()), top.name)
    return tar


def problems(place: Path, home: Path) -> str:
    return "\n".join(bundle.verify(place, home / "ours.allowed").problems)


@pytest.mark.parametrize("form", [lambda top: top, packed], ids=["directory", "tar"])
def test_a_bundle_as_signed_is_good_and_names_its_signer(made, home, form):
    checked = bundle.verify(form(made), home / "ours.allowed")
    assert (checked.problems, checked.signer, checked.manifest) == ((), "ada@desk", MANIFEST)


def test_sha256sum_and_ssh_keygen_agree(made, home):
    """What docs/how-to/air-gapped.md tells to type before anything of a bundle is run."""
    subprocess.run(["sha256sum", "--quiet", "--check", bundle.SUMS], cwd=made, check=True)
    command = ["ssh-keygen", "-Y", "verify", "-n", bundle.NAMESPACE, "-I", "ada@desk", "-s", bundle.SIGNATURE]
    with (made / bundle.SUMS).open("rb") as text:
        subprocess.run([*command, "-f", home / "ours.allowed"], cwd=made, stdin=text, check=True, capture_output=True)


WHEEL = "wheels/ansible-14.5.0-py3-none-any.whl"
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file that was changed": (lambda top: (top / WHEEL).write_bytes(b"wheal"), f"{WHEEL} is not what was signed"),
    "a file that is missing": (lambda top: (top / WHEEL).unlink(), f"{WHEEL} is missing"),
    "a file that was added": (lambda top: (top / "wheels" / "x.whl").touch(), "wheels/x.whl was added"),
    "a hidden file": (lambda top: (top / ".pth").touch(), ".pth was added"),
    "a link that was added": (lambda top: (top / "x").symlink_to("/etc/passwd"), "x was added"),
    "another manifest": (
        lambda top: (top / bundle.MANIFEST).write_text(json.dumps({**MANIFEST, "suites": {"sid": {}}})),
        "manifest.json is not what was signed",
    ),
    "a line that was taken out": (
        lambda top: (top / bundle.SUMS).write_text((top / bundle.SUMS).read_text().partition("\n")[2]),
        "it is not the text that ada@desk signed",
    ),
    "no signature": (lambda top: (top / bundle.SIGNATURE).unlink(), "it has no SHA256SUMS.sig"),
    "no list": (lambda top: (top / bundle.SUMS).unlink(), "it has no SHA256SUMS;"),
    "no signature at all": (lambda top: (top / bundle.SIGNATURE).write_text("x"), "not a signature of ssh-keygen"),
}


@pytest.mark.parametrize("form", [lambda top: top, packed], ids=["directory", "tar"])
@pytest.mark.parametrize("case", SPOILT)
def test_what_was_done_to_it_is_said(made, home, case, form):
    spoil, sentence = SPOILT[case]
    spoil(made)
    assert sentence in problems(form(made), home)


def test_a_signer_who_is_not_named_is_nobody(made, home):
    assert "does not name its key" in problems(seal(made, home / "theirs"), home)


def test_a_signature_for_something_else_is_none(made, home):
    assert 'made for "golive-record", wanted "golive-bundle"' in problems(
        seal(made, home / "ours", "golive-record"), home
    )


def test_a_file_that_is_twice_in_a_tar_is_seen(made, home):
    """Unpacked, the second one would stand where the first was checked."""
    tar = packed(made)
    with tarfile.open(tar, "a") as archive:
        member = tarfile.TarInfo(f"{made.name}/{WHEEL}")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"wheel"))
    assert f"{WHEEL} was added" in problems(tar, home)


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "golive-bundle-1.4.0/../x", "x"])
def test_a_tar_that_would_leave_its_directory_is_seen(made, home, name):
    tar = packed(made)
    with tarfile.open(tar, "a") as archive:
        archive.addfile(tarfile.TarInfo(name))
    assert f"{name} was added" in problems(tar, home)


def test_what_is_no_bundle_is_told_in_a_sentence(tmp_path, home):
    (tmp_path / "x.tar").write_bytes(b"no tar")
    assert "cannot be read to its end" in problems(tmp_path / "x.tar", home)
    assert "there is no bundle" in problems(tmp_path / "y", home)
    (tmp_path / "empty").mkdir()
    assert "is no signed bundle" in problems(tmp_path / "empty", home)


def test_a_tar_that_was_cut_off_is_refused(made, home):
    tar = packed(made)
    tar.write_bytes(tar.read_bytes()[:3000])
    assert "is no signed bundle" in problems(tar, home) or "cannot be read" in problems(tar, home)


def test_a_manifest_of_another_kind_is_refused(made, home):
    (made / bundle.MANIFEST).write_text("[]")
    assert "no manifest of a bundle" in problems(seal(made, home / "ours"), home)
    (made / bundle.MANIFEST).write_text(json.dumps({**MANIFEST, "schema": 9}))
    assert "schema 9, wanted 1" in problems(seal(made, home / "ours"), home)


def test_a_name_that_sha256sum_would_write_otherwise_is_refused():
    with pytest.raises(ValueError, match="cannot stand in SHA256SUMS"):
        bundle.checksums({"a\nb": "0" * 64})


# --- the side that uses it


def test_none_is_needed(home):
    assert bundle.refusals("", "") == []


def test_one_that_is_whole_may_be_used(made, home):
    assert bundle.refusals(str(made), str(home / "ours.allowed")) == []


def test_one_needs_somebody_who_may_have_signed_it(made):
    assert "golive_bundle_signers is not" in bundle.refusals(str(made), "")[0]


def test_a_relative_path_would_mean_another_place_for_each_tool():
    assert "wanted the absolute path" in bundle.refusals("bundle", "signers")[0]


def test_a_host_with_another_release_is_refused(made):
    assert bundle.suite_refusals(str(made), "trixie") == []
    (sentence,) = bundle.suite_refusals(str(made), "bookworm")
    assert "has packages for trixie; make one with --suite bookworm" in sentence


def test_the_verb_tells_what_is_in_one(made, home, monkeypatch, capsys):
    command = ["golive", "bundle", "verify", str(made), "--allowed-signers", str(home / "ours.allowed")]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 0
    said = capsys.readouterr().out
    assert "signed by ada@desk" in said
    assert "football 1.4.0, 1.3.0" in said
    (made / WHEEL).unlink()
    assert main() == 1
    assert "is missing" in capsys.readouterr().err


# --- what goes into one


def test_every_package_that_a_task_installs_is_found_wherever_the_task_is():
    tasks = yaml.safe_load("""
- {name: a, ansible.builtin.apt: {name: one, state: present}}
- name: b
  block:
    - {name: c, ansible.builtin.apt: {name: [two, "{{ three }}"]}}
  rescue:
    - {name: d, ansible.builtin.apt: {name: four}}
  always:
    - {name: e, block: [{name: f, ansible.builtin.apt: {name: five}}]}
- {name: g, ansible.builtin.apt: {name: gone, state: absent}}
- {name: h, ansible.builtin.apt: {update_cache: true}}
- {name: i, ansible.builtin.file: {name: /etc}}
""")
    assert bundle.apt_names("tea", "install", tasks) == [
        {"role": "tea", "names": names} for names in ("one", ["two", "{{ three }}"], "four", "five")
    ]
    assert bundle.apt_names("tea", "install", None) == []


def test_the_roles_are_asked_for_their_packages():
    found = {str(one["names"]) for one in verb.installed(ROOT / "roles")}
    assert {"haproxy", "{{ docker_packages }}", "['python3-cryptography', 'ca-certificates']"} <= found
    assert not any("grafana" in name for name in found), "the vendor's package is in no mirror of the distribution"


def told(suite: str, *names: object, **more: str) -> dict[str, object]:
    packages = [{"role": "x", "names": name} for name in names]
    base = {"suite": suite, "app": "shop", "releases": "/r", "grafana": "", "grafana_source": "none"}
    return {**base, "packages": packages, **more}


def test_each_host_has_its_own_packages():
    found = verb.site_of(
        ["trixie", "bookworm"],
        [told("trixie", "a", ["b", "c"]), told("trixie", "a"), told("bookworm", "a", grafana="/g.tgz")],
    )
    assert found.packages == {"trixie": [{"a", "b", "c"}, {"a"}], "bookworm": [{"a"}]}
    assert (found.app, found.releases, found.grafana) == ("shop", Path("/r"), "/g.tgz")


def test_what_ansible_could_not_fill_in_is_told():
    wrong = {"failed": True, "msg": "'no_such_variable' is undefined"}
    output = json.dumps({"plays": [{"tasks": [{"hosts": {"web1": {"msg": {"suite": "trixie"}}, "web2": wrong}}]}]})
    with pytest.raises(Problem, match="what web2 needs cannot be told: 'no_such_variable' is undefined"):
        verb.answers(output, "")
    with pytest.raises(Problem, match="it said: no such file"):
        verb.answers("", "ERROR!\nno such file\n")
    with pytest.raises(Problem, match="has no hosts"):
        verb.answers('{"plays": []}', "")


def test_a_release_comes_with_its_evidence_or_not_at_all(tmp_path):
    (tmp_path / "1.4.0" / "evidence").mkdir(parents=True)
    (tmp_path / "1.4.0" / "release.json").write_text('{"image_id": "x"}')
    site = verb.Site("shop", tmp_path, "", {})
    assert verb.copy_release(site, "1.4.0", tmp_path / "into") == {"image_id": "x"}
    assert (tmp_path / "into" / "evidence").is_dir()
    with pytest.raises(Problem, match=r"release 9\.9\.9 is not in"):
        verb.copy_release(site, "9.9.9", tmp_path / "other")


def test_a_vendors_repository_cannot_be_carried_over():
    with pytest.raises(Problem, match="grafana_source is apt"):
        verb.site_of(["trixie"], [told("trixie", "a", grafana_source="apt")])


def test_a_package_that_no_release_has_is_a_mistake_and_one_that_some_lack_is_told(capsys):
    verb.refuse_missing({"trixie": set(), "bookworm": {"docker-cli"}})
    assert "bookworm has no docker-cli" in capsys.readouterr().out
    with pytest.raises(Problem, match="trixie has no docker-ce; correct the variable"):
        verb.refuse_missing({"trixie": {"docker-ce"}})


def test_the_project_is_what_git_knows():
    files = {path.relative_to(ROOT).as_posix() for path in verb.project_files()}
    assert {"golive", "requirements.lock", "playbooks/golive.yml"} <= files
    assert not any(name.startswith((".git/", ".venv/", ".golive/")) for name in files)


def test_nobody_is_named_in_a_tar(tmp_path):
    (tmp_path / "a").touch()
    pack(tmp_path / "x.tar", tmp_path, [tmp_path / "a"], "top")
    with tarfile.open(tmp_path / "x.tar") as archive:
        (member,) = archive
    assert (member.name, member.uid, member.gid, member.uname, member.gname) == ("top/a", 0, 0, "", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-i", "inventories/lab"], "say which release shall be in it"),
        (["-i", "inventories/lab", "--release", "../x"], "say which release shall be in it"),
        (["verify"], "say what to verify and who may have signed it"),
        (["write", "x.tar"], "one word too many"),
    ],
)
def test_a_wrong_use_is_told_in_a_sentence(words, sentence, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["golive", "bundle", *words])
    assert main() == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_there_is_not_overwritten(tmp_path, monkeypatch, capsys):
    (tmp_path / "x.tar").touch()
    words = ["bundle", "-i", "inventories/lab", "--release", "1.4.0", "--output", str(tmp_path / "x.tar")]
    monkeypatch.setattr("sys.argv", ["golive", *words])
    assert main() == 2
    assert "nothing is overwritten" in capsys.readouterr().err
