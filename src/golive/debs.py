"""Packages of a Debian release with all that they need, fetched by a private apt that knows nothing of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from golive_core.bundle import digest, package_index

from .say import Problem

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# What Ansible's module for apt needs, what a controller makes its .venv with, and what every host has: a library that
# is newer than the host's may want the newer one of these.
ALWAYS = ("?essential", "python3-apt", "python3-venv")
INDEX = "Packages"
SECONDS = 3600
# Relative paths are in the private root. Only how to reach a mirror is taken from this machine.
SETTINGS = """\
Dir "{root}";
Dir::State "state"; Dir::State::status "status";
Dir::Cache "cache";
Dir::Etc "etc"; Dir::Etc::netrc "/etc/apt/auth.conf"; Dir::Etc::netrcparts "/etc/apt/auth.conf.d";
Dir::Log "log";
APT::Architecture "{architecture}"; APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
"""


@dataclass(frozen=True)
class Source:
    """A repository: address, suite, components."""

    url: str
    suite: str
    components: tuple[str, ...]

    def line(self, keyring: Path) -> str:
        """Return it as a line of sources.list."""
        return f"deb [signed-by={keyring}] {self.url} {self.suite} {' '.join(self.components)}\n"


@dataclass(frozen=True)
class Deb:
    """A package that was fetched."""

    file: Path
    name: str
    version: str
    architecture: str
    sha256: str
    control: str


def sources(suite: str, mirrors: Sequence[str], targets: str, own: str) -> list[Source]:
    """Return where the packages of a release come from.

    :param mirrors: addresses that were given; none for those of this machine
    :param targets: what `apt-get indextargets` said on this machine: address, suite and component on each line
    :param own: the release that this machine has
    :raises Problem: when no repository is known
    """
    if mirrors:
        return [
            Source(url, name, ("main",))
            for url in mirrors
            for name in ((f"{suite}-security",) if "security" in url else (suite, f"{suite}-updates"))
        ]
    found: dict[tuple[str, str], list[str]] = {}
    for line in targets.splitlines():
        url, name, component = line.split()
        if own and re.fullmatch(rf"{re.escape(own)}(-updates|-security)?", name):
            parts = found.setdefault((url, name.replace(own, suite, 1)), [])
            parts += [component] if component not in parts else []
    if not found:
        raise Problem("this machine's apt has no repository of Debian; name one with --mirror URL, as often as needed.")
    return [Source(url, name, tuple(parts)) for (url, name), parts in found.items()]


def own_sources(suite: str, mirrors: Sequence[str]) -> list[Source]:
    """Return where the packages of a release come from, as this machine knows it.

    :raises Problem: when this machine has no apt, or no repository is known
    """
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Problem(
            "packages are fetched by apt-get, which this machine does not have; run this on Debian or Ubuntu."
        )
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    targets = _said(asked)
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    own = release.get("VERSION_CODENAME", "").strip('"') if release.get("ID") == "debian" else ""
    return sources(suite, mirrors, targets, own)


class PrivateApt:
    """An apt with a root of its own, for one release and architecture, as if nothing were installed."""

    def __init__(self, root: Path, architecture: str, repositories: Iterable[Source], keyring: Path = KEYRING) -> None:
        """Make the root.

        :param root: an empty directory
        :raises Problem: when the distribution's keys are missing
        """
        if not keyring.is_file():
            raise Problem(f"there is no {keyring} to check packages with; install debian-archive-keyring.")
        for name in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d", "log"):
            (root / name).mkdir(parents=True)
        (root / "status").touch()
        (root / "etc" / "sources.list").write_text("".join(source.line(keyring) for source in repositories))
        reach = _said(["apt-config", "dump", "Acquire::http", "Acquire::https"])
        settings = SETTINGS.format(root=root, architecture=architecture)
        (root / "apt.conf").write_text(f"{settings}{reach}\n")
        self._archives = root / "cache" / "archives"
        self._environment = {**os.environ, "APT_CONFIG": str(root / "apt.conf"), "LC_ALL": "C"}

    def update(self) -> None:
        """Fetch the lists.

        :raises Problem: when one of them cannot be had, or is not signed by the distribution
        """
        self._run("apt-get", "-qq", "update")

    def lacks(self, names: Collection[str]) -> set[str]:
        """Return which packages the release does not have."""
        known = self._run("apt-cache", "madison", *names).splitlines()
        return set(names) - {line.partition("|")[0].strip() for line in known}

    def fetch(self, names: Iterable[str]) -> None:
        """Fetch packages and all that they need, down to libc.

        :raises Problem: when they cannot be had together
        """
        self._run("apt-get", "-qq", "--yes", "--download-only", "install", *ALWAYS, *sorted(names))

    def fetched(self) -> list[Deb]:
        """Return what has been fetched so far, each file under the name that it has on a mirror."""
        return [look_at(file) for file in sorted(self._archives.glob("*.deb"))]

    def _run(self, *words: str) -> str:
        return _said(words, self._environment)


def _said(words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, env=environment, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        lines = [line.removeprefix("E: ") for line in done.stderr.splitlines() if line.startswith("E: ")]
        raise Problem(
            f"`{' '.join(words[:3])}` said: {'; '.join(lines[:3]) or done.stderr.strip()[-300:] or 'nothing'}"
        )
    return done.stdout


def look_at(file: Path) -> Deb:
    """Return what a package says of itself; its file gets the name that it has on a mirror."""
    control = _said(["dpkg-deb", "--field", str(file)])
    fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", control, re.MULTILINE))
    name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
    # apt writes the colon of an epoch as %3a, and takes that for a colon again when it reads a file's address.
    plain = file.with_name(f"{name}_{version.rpartition(':')[2]}_{architecture}.deb")
    file.rename(plain)
    with plain.open("rb") as content:
        return Deb(plain, name, version, architecture, digest(content), control)


def index(packages: Iterable[Deb]) -> str:
    """Return the file Packages for them."""
    return package_index((deb.control, deb.file.name, deb.file.stat().st_size, deb.sha256) for deb in packages)


def host_architecture() -> str:
    """Return the architecture of this machine, as Debian calls it."""
    return _said(["dpkg", "--print-architecture"]).strip()


def fetch(
    suite: str, wanted: Iterable[Collection[str]], mirrors: Sequence[str], into: Path, keyring: Path = KEYRING
) -> tuple[list[Deb], set[str]]:
    """Fetch the packages of a release, and write their index beside them.

    :param wanted: the packages of each kind of host: those of two kinds need not go together
    :param into: a directory that is not there yet
    :returns: what was fetched, and which names the release does not have
    :raises Problem: when that is not possible
    """
    repositories = own_sources(suite, mirrors)
    # apt leaves a directory whose name has no blanks and can be read; the one of this run may be anywhere.
    with tempfile.TemporaryDirectory(prefix="golive-apt-") as root:
        apt = PrivateApt(Path(root), host_architecture(), repositories, keyring)
        apt.update()
        sets = sorted({frozenset(names) for names in wanted}, key=sorted)
        missing = apt.lacks(frozenset().union(*sets)) if any(sets) else set()
        for names in sets:
            apt.fetch(names - missing)
        into.mkdir(parents=True)
        found = []
        for deb in apt.fetched():
            file = into / deb.file.name
            shutil.move(deb.file, file)
            found.append(Deb(file, deb.name, deb.version, deb.architecture, deb.sha256, deb.control))
    (into / INDEX).write_text(index(found), encoding="utf-8")
    return found, missing
