"""`./golive bundle`: one signed file with all that a go-live needs where there is no network; and its check."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from golive_core import bundle, signing
from golive_core.bundle import Checked
from golive_core.request import RELEASE

from . import debs, play
from .lab import ROOT, SUITE
from .say import Problem, complain, say, step

LOCK = ROOT / "requirements.lock"
PROJECT = "project.tar"
GRAFANA = "grafana.tar.gz"  # what grafana_archive is by default where a bundle is used
SBOM = "sbom.cdx.json"
# Without git nobody knows what belongs to the project; these surely do not.
LEFT_OUT = {".git", ".venv", ".golive", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".ansible"}
# How the roles see a host before anybody has reached it.
ADDRESS = "192.0.2.1"


@dataclass(frozen=True)
class Site:
    """What an inventory says of what it needs: packages for each release of the distribution, one set per host."""

    app: str
    releases: Path
    grafana: str
    packages: Mapping[str, Sequence[frozenset[str]]]


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "bundle",
        help="one signed file with all that a go-live needs where there is no network; or check one",
        usage="./golive bundle [options]\n       ./golive bundle verify FILE-OR-DIR --allowed-signers FILE",
        description="Write one signed file with the project, packages, releases and a list of all parts, for a site "
        "without networks: docs/how-to/air-gapped.md. `verify` checks one.",
        epilog="example: ./golive bundle -i inventories/mine --release 1.4.0 --release 1.3.0",
    )
    parser.add_argument("part", nargs="?", choices=("write", "verify"), default="write", help=argparse.SUPPRESS)
    parser.add_argument("place", nargs="?", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("-i", "--inventory", metavar="DIR", help=f"the inventory (or {play.INVENTORY})")
    parser.add_argument("--release", action="append", metavar="NAME", help="a release; again for each one more")
    parser.add_argument("--suite", action="append", metavar="NAME", help=f"Debian that hosts have; again ... ({SUITE})")
    parser.add_argument("--mirror", action="append", metavar="URL", help="of Debian; again ... (as apt here has it)")
    parser.add_argument("--grafana", type=Path, metavar="FILE", help="Grafana's tar.gz (grafana_archive)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="SSH key that signs (one that golive makes)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="(golive-bundle-RELEASE.tar)")
    parser.add_argument("--allowed-signers", type=Path, metavar="FILE", help="names the keys that may sign")


def carry_out(options: argparse.Namespace) -> int:
    """Write or verify a bundle; return the exit code.

    :raises Problem: when it cannot be done
    """
    if options.part == "verify":
        return _verify(options)
    if options.place:
        raise Problem(f"{options.place} is one word too many; the file to write is named by --output.", code=2)
    return _write(options)


# --- verify


def _verify(options: argparse.Namespace) -> int:
    if not options.place or not options.allowed_signers:
        raise Problem(
            "say what to verify and who may have signed it: bundle verify FILE --allowed-signers FILE", code=2
        )
    checked = bundle.verify(options.place, options.allowed_signers)
    for problem in checked.problems:
        complain(f"{problem}.")
    if not checked.problems:
        say(f"{options.place}: whole, signed by {checked.signer}")
        for line in about(checked):
            say(line)
    return 1 if checked.problems else 0


def about(checked: Checked) -> list[str]:
    """Return what a bundle is for, in lines."""
    told = checked.manifest
    suites = (f"{name} ({suite['debs']} packages)" for name, suite in told["suites"].items())
    return [
        f"  Releases      {told['app']} {', '.join(told['releases'])}",
        f"  Hosts         {', '.join(suites)}, {told['architecture']}",
        f"  Controller    Python {told['python']}, {told['machine']}",
        f"  Made          {told['created']} from {told['commit'] or 'a tree without git'}",
    ]


# --- write


def _write(options: argparse.Namespace) -> int:
    place = play.inventory(options.inventory)
    names = list(dict.fromkeys(options.release or []))
    if not names or not all(map(RELEASE.fullmatch, names)):
        raise Problem(
            "say which release shall be in it: --release 1.4.0, and again for the one that serves now.", code=2
        )
    output = (options.output or Path(f"golive-bundle-{names[0]}.tar")).absolute()
    if output.exists():
        raise Problem(f"{output} is there already, and nothing is overwritten; choose another --output.", code=2)
    home = play.records_of(place).with_name("signing")
    key, allowed = options.key or home / bundle.KEY_NAME, home / bundle.ALLOWED_NAME
    with tempfile.TemporaryDirectory(prefix=".golive-bundle-", dir=output.parent) as scratch:
        top = Path(scratch) / output.stem
        top.mkdir()
        _sign(b"golive", key, allowed, made=not options.key)  # tried before the work
        fill(top, place, names, list(dict.fromkeys(options.suite or [SUITE])), options.mirror or [], options.grafana)
        with step("checksums and signature"):
            sums = bundle.checksums(bundle.read(top).sums)
            (top / bundle.SUMS).write_text(sums, encoding="utf-8")
            signature = _sign(sums.encode(), key, allowed, made=not options.key)
            (top / bundle.SIGNATURE).write_text(signature, encoding="utf-8")
        draft = Path(scratch) / "bundle.tar"
        pack(draft, top, _files(top), top.name)
        draft.replace(output)
    say(f"golive: wrote {output} ({output.stat().st_size / 2**20:.0f} MiB)")
    if not options.key:
        say("golive: the other side trusts it by this line, which must reach it another way, in the file that")
        say("        golive_bundle_signers names there:")
        say(allowed.read_text(encoding="utf-8").strip())
    return 0


def _sign(text: bytes, key: Path, allowed: Path, *, made: bool) -> str:
    try:
        if made:
            who = signing.identity(getpass.getuser(), socket.gethostname())
            signing.make_key(key, allowed, who, bundle.NAMESPACE)
        return signing.sign(text, key, bundle.NAMESPACE)
    except signing.SigningError as error:
        raise Problem(f"the bundle cannot be signed: {error}.") from error


def fill(
    top: Path, place: Path, names: Sequence[str], suites: Sequence[str], mirrors: Sequence[str], grafana: Path | None
) -> None:
    """Put everything into the directory of a bundle but the checksums.

    :raises Problem: when a part cannot be had
    """
    # It takes a while to import, and no other verb needs it.
    from . import sbom

    with step("what the inventory needs"):
        site = ask_inventory(place, suites)
    manifests = {name: copy_release(site, name, top / "releases" / name) for name in names}
    archive = grafana or (Path(site.grafana) if site.grafana else None)
    if archive:
        if not archive.is_file():
            raise Problem(f"there is no archive of Grafana {archive}; name one with --grafana FILE.")
        shutil.copyfile(archive, top / GRAFANA)
    project = project_files()
    pack(top / PROJECT, ROOT, project, "golive")
    if not any(file.is_relative_to(place) for file in project):
        say(f"golive: {place} is not in it, as git does not have it: carry it over yourself, without its .golive.")
    with step("Python packages"):
        _wheels(top / "wheels")
    fetched: dict[str, list[debs.Deb]] = {}
    told: dict[str, Any] = {}
    lacking: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory(prefix="debs-", dir=top.parent) as scratch:
        for suite in suites:
            into = Path(scratch) / suite
            with step(f"packages of {suite}"):
                fetched[suite], lacking[suite] = debs.fetch(suite, site.packages[suite], mirrors, into)
            (top / "debs").mkdir(exist_ok=True)
            # The index comes last: where it is, all has been unpacked.
            pack(top / "debs" / f"{suite}.tar", into, sorted(_files(into), key=lambda file: file.name == debs.INDEX))
            told[suite] = {"debs": len(fetched[suite]), "lacks": sorted(lacking[suite])}
    refuse_missing(lacking)
    wheels = {file.name: _digest(file) for file in sorted((top / "wheels").iterdir())}
    (top / SBOM).write_text(
        sbom.document(site.app, manifests, wheels, fetched, _digest(top / GRAFANA) if archive else ""), encoding="utf-8"
    )
    commit, dirty = _commit()
    manifest = {
        "schema": bundle.SCHEMA,
        "app": site.app,
        "releases": list(names),
        "suites": told,
        "architecture": debs.host_architecture(),
        "python": platform.python_version().rpartition(".")[0],
        "machine": f"{sys.platform} {platform.machine()}",
        "grafana": bool(archive),
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": f"{commit}{', with changes' if dirty else ''}",
    }
    (top / bundle.MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def refuse_missing(lacking: Mapping[str, set[str]]) -> None:
    """A package that some release lacks may be for hosts with another one; one that all lack is a mistake.

    :raises Problem: for one that all lack
    """
    if nowhere := set.intersection(*lacking.values()):
        raise Problem(
            f"{', '.join(lacking)} has no {', '.join(sorted(nowhere))}; correct the variable that names it, or take "
            "the distribution's packages: a vendor's repository cannot be bundled."
        )
    for suite, names in lacking.items():
        if names:
            say(f"golive: {suite} has no {', '.join(sorted(names))}: hosts with it cannot have what needs them.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return bundle.digest(file)


def copy_release(site: Site, name: str, into: Path) -> dict[str, Any]:
    """Copy a release; return its release.json.

    :raises Problem: when it is not on this machine
    """
    source = site.releases / name
    try:
        told: dict[str, Any] = json.loads((source / "release.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Problem(f"release {name} is not in {site.releases} ({error}); build or fetch it there first.") from error
    shutil.copytree(source, into)
    return told


def _wheels(into: Path) -> None:
    """Fetch what requirements.lock names, for this Python.

    :raises Problem: when it cannot be had
    """
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "--dest", str(into)]
    done = subprocess.run([*command, "--requirement", str(LOCK)], capture_output=True, text=True, check=False)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise Problem(f"the packages of requirements.lock cannot be fetched: pip said: {last[0]}")


def _git(*words: str) -> str | None:
    """Return what git says of the project; None where it has no git."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        return None
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def _commit() -> tuple[str, bool]:
    return (_git("rev-parse", "HEAD") or "").strip(), bool(_git("status", "--porcelain", "--untracked-files=no"))


def project_files() -> list[Path]:
    """Return the files that belong to the project: those that git knows, or else all but what golive and tools made."""
    listed = _git("ls-files", "-z")
    if listed is not None:
        return [path for name in listed.split("\0") if name and os.path.lexists(path := ROOT / name)]
    return [path for path in _files(ROOT) if not LEFT_OUT & {*path.relative_to(ROOT).parts}]


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_symlink() or path.is_file())


def pack(tar: Path, root: Path, files: Iterable[Path], top: str = "") -> None:
    """Write files of a directory into a tar, below `top`, without the names of who owns them here."""

    def anybody(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            archive.add(file, str(Path(top) / file.relative_to(root)), recursive=False, filter=anybody)


# --- what an inventory needs


def ask_inventory(place: Path, suites: Sequence[str]) -> Site:
    """Have Ansible fill in what the roles install, with the inventory's variables. No host is asked.

    :raises Problem: when the inventory does not say enough
    """
    with tempfile.TemporaryDirectory(prefix="golive-bundle-") as scratch:
        playbook = Path(scratch) / "playbook.yml"
        playbook.write_text(json.dumps([_questions(suite) for suite in suites]), encoding="utf-8")
        # The roles' own tasks are tagged `never`, and those that check their variables `always`.
        words = [str(playbook), "-i", str(place), "--tags", "bundle", "--skip-tags", "always"]
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), *words],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            env={
                **os.environ,
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            },
        )
    return site_of(suites, answers(done.stdout, done.stderr))


def _questions(suite: str) -> dict[str, Any]:
    """Return a play that runs no role, but has their variables, and tells what the roles would install on each host."""
    roles = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
    asked = {
        "suite": suite,
        "app": "{{ golive_app }}",
        "releases": "{{ golive_releases_dir }}",
        "grafana_source": "{{ grafana_source }}",
        "grafana": "{{ grafana_archive if grafana_source == 'archive' else '' }}",
        "packages": "{{ __bundle_names }}",
    }
    facts = {"cacheable": True, "distribution": "Debian", "distribution_release": suite}
    return {
        "name": suite,
        "hosts": "all",
        "gather_facts": False,
        "roles": [{"role": role, "tags": ["never"]} for role in roles],
        "vars": {"__bundle_names": installed(ROOT / "roles"), "golive_address": ADDRESS},
        "tasks": [
            {"name": "Take the release for that of the host", "ansible.builtin.set_fact": facts, "tags": ["bundle"]},
            {"name": "Tell", "ansible.builtin.debug": {"msg": asked}, "tags": ["bundle"]},
        ],
    }


def installed(roles: Path) -> list[dict[str, Any]]:
    """Return what the tasks of all roles install, as they name it: the roles are the only list of packages."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [
        found
        for file in sorted(roles.glob("*/tasks/**/*.yml"))
        for found in bundle.apt_names(file.relative_to(roles).parts[0], file.stem, yaml.load(file.read_bytes(), loader))
    ]


def answers(output: str, errors: str) -> list[dict[str, Any]]:
    """Return what each host told.

    :raises Problem: when one did not
    """
    try:
        plays = json.loads(output[output.index("{") :])["plays"]
    except (ValueError, LookupError):
        last = errors.strip().splitlines()[-1:] or output.strip().splitlines()[-1:] or ["nothing"]
        raise Problem(f"Ansible cannot read the inventory: it said: {last[0]}") from None
    told: list[dict[str, Any]] = []
    for results in (task["hosts"] for found in plays for task in found["tasks"]):
        for host, result in results.items():
            if result.get("failed"):
                raise Problem(f"what {host} needs cannot be told: {result.get('msg', 'Ansible said nothing')}")
            told += [result["msg"]] if isinstance(result.get("msg"), dict) else []
    if not told:
        raise Problem("the inventory has no hosts.")
    return told


def site_of(suites: Sequence[str], told: Sequence[Mapping[str, Any]]) -> Site:
    """Return what a site needs, from what its hosts told.

    :raises Problem: when a part of it cannot be carried over
    """
    if any(host["grafana_source"] == "apt" for host in told):
        raise Problem(
            "grafana_source is apt, and a vendor's repository cannot be bundled; wanted archive, and the vendor's file."
        )
    packages = {suite: [_names(host["packages"]) for host in told if host["suite"] == suite] for suite in suites}
    grafana = next((host["grafana"] for host in told if host["grafana"]), "")
    return Site(str(told[0]["app"]), Path(told[0]["releases"]), grafana, packages)


def _names(packages: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the names; a task may give one or a list."""
    lists = ([given["names"]] if isinstance(given["names"], str) else given["names"] for given in packages)
    return frozenset(name for names in lists for name in names)
