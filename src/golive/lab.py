"""The lab: container hosts on this machine that stand for servers, and the releases that are deployed to them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from . import engine
from .say import Problem, ask, run, say, step


def _root() -> Path:
    """Return the project: this file is in it, unless golive was installed; then GOLIVE_PROJECT, or where one stands."""
    given = [Path(os.environ["GOLIVE_PROJECT"])] if os.environ.get("GOLIVE_PROJECT") else []
    here = Path(__file__).parents[2]
    places = [*given, here, Path.cwd(), *Path.cwd().parents]
    return next((place for place in places if (place / "playbooks" / "golive.yml").exists()), here)


ROOT = _root()
SUITE = "trixie"
RELEASES = ("1.0.0", "1.1.0")
IMAGES = ("host", "python")  # the slower one first
RECIPE_NEEDS = ["mmdebstrap", "debian-archive-keyring"]
FOOTBALL = ROOT / "examples" / "football"


@dataclass(frozen=True)
class Lab:
    """One lab; several can stand side by side on one engine under different names (GOLIVE_LAB)."""

    name: str

    @property
    def state(self) -> Path:
        """What the controller keeps for this lab."""
        return ROOT / ".golive" / self.name

    @property
    def label(self) -> str:
        """The label on everything that this lab made on the engine."""
        return f"golive.lab={self.name}"

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment in which inventories/lab means this lab."""
        return {**os.environ, "GOLIVE_LAB": self.name}

    def playbook(self, *words: str) -> list[str]:
        """Return an ansible-playbook command for this lab."""
        return ["ansible-playbook", *words]

    # -- up ------------------------------------------------------------------------------------------------------------

    def up(self, release: str) -> None:
        """Bring up engine, images, hosts and a release; what is there already stays as it is.

        :raises Problem: when one of them cannot be had
        """
        self._engine()
        what = f"lab images and hosts; release {release}, and what its tests say"
        with step(what), self._images_made() as made, ThreadPoolExecutor() as pool:
            packages = pool.submit(self._packages)

            def hosts() -> None:
                made["host"].result()
                self._hosts()

            def image_of_tests() -> None:
                made["host"].result()
                self._image_of_tests(release)

            def build() -> None:
                made["python"].result()  # all that the build needs; the other image takes longer
                packages.result()
                self._build(release)

            def tested() -> None:
                for needed in [pool.submit(build), pool.submit(image_of_tests)]:
                    needed.result()
                self._test(release)

            for done in [pool.submit(tested), pool.submit(hosts)]:
                done.result()

    def images(self, *suites: str) -> None:
        """Make sure that an engine runs and has the images of the lab: enough for `molecule test`.

        :param suites: other releases of the distribution whose hosts are wanted, too
        :raises Problem: when they cannot be had
        """
        self._engine()
        with step("lab images"), self._images_made() as made:
            for done in made.values():
                done.result()
        for suite in suites:
            if not self._image_exists("host", suite):
                engine.install_packages(RECIPE_NEEDS)
                with step(f"image of hosts with {suite}"), self._scratch() as scratch:
                    self._image("host", scratch, suite)

    def _engine(self) -> None:
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with step("Docker engine"):
            engine.ensure()
        self._refuse_foreign()

    def _refuse_foreign(self) -> None:
        """Refuse to take over the lab of another clone of the project, which may be in use."""
        other = self._owner()
        if other not in ("", str(ROOT)):
            raise Problem(
                f"the lab {self.name} on this engine belongs to the clone in {other}; "
                f"run `./golive demo down` there, or choose another name here: GOLIVE_LAB=another ./golive demo."
            )

    def _owner(self) -> str:
        listing = ["docker", "ps", "--all", "--filter", f"label={self.label}", "--format", '{{.Label "golive.clone"}}']
        return next(filter(None, ask(listing, why="The lab's hosts cannot be listed").splitlines()), "")

    @contextmanager
    def _images_made(self) -> Iterator[dict[str, Future[None]]]:
        """The images that are being made, each by its kind; all are done when the block ends."""
        if not all(map(self._image_exists, IMAGES)):
            engine.install_packages(RECIPE_NEEDS)
        with self._scratch() as scratch, ThreadPoolExecutor() as pool:
            yield {kind: pool.submit(self._image, kind, scratch) for kind in IMAGES}

    def _image(self, kind: str, scratch: Path, suite: str = SUITE) -> None:
        if not self._image_exists(kind, suite):
            recipe = ROOT / "lab" / "build-image"
            environment = {**os.environ, "TMPDIR": str(scratch)}
            # In a mount namespace of its own: what it mounts goes with it, also when it is killed.
            run(["unshare", "--mount", recipe, kind, suite, self._tag(kind, suite), self.label], env=environment)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A directory that apt's own user can enter, empty also after a build that was killed."""
        directory = Path("/var/tmp") / self.name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o755)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _tag(self, kind: str, suite: str = SUITE) -> str:
        return f"{self.name}/{kind}:{suite}"

    def _image_exists(self, kind: str, suite: str = SUITE) -> bool:
        command = ["docker", "image", "inspect", self._tag(kind, suite)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _hosts(self) -> None:
        if self._hosts_run():
            return
        run(
            self.playbook("playbooks/lab.yml", "-i", "inventories/lab"),
            env={**self.environment, "ANSIBLE_DISPLAY_OK_HOSTS": "false", "ANSIBLE_STDOUT_CALLBACK": "default"},
            cwd=ROOT,
        )

    def _hosts_run(self) -> bool:
        """Return whether every host of the inventory has booted: the playbook takes ten seconds to see the same."""
        inventory = yaml.safe_load((ROOT / "inventories" / "lab" / "hosts.yml").read_text(encoding="utf-8"))
        boot = [
            ["docker", "exec", f"{self.name}-{host}", "systemctl", "is-system-running"]
            for host in inventory["all"]["hosts"]
        ]
        return all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in boot)

    def _packages(self) -> None:
        run([sys.executable, FOOTBALL / "releasing.py", self.state / "cache", sys.executable])

    def release(self, release: str) -> None:
        """Build a release of the application and run its tests on it, as a CI server would have done."""
        self._build(release)
        self._test(release)

    def _build(self, release: str) -> None:
        self._football("build.py", release, "--base", self._tag("python"), "--tag", f"{self.name}/football:{release}")

    def _image_of_tests(self, release: str) -> None:
        self._test(release, "--image-only")

    def _test(self, release: str, *words: str) -> None:
        self._football("ci.py", release, "--base", self._tag("host"), "--ci-image", self._tag("football-ci"), *words)

    def _football(self, script: str, release: str, *words: str) -> None:
        state = ["--out", str(self.state / "releases" / release), "--cache", str(self.state / "cache")]
        run([sys.executable, FOOTBALL / script, release, *state, "--python", sys.executable, *words])

    # -- asking --------------------------------------------------------------------------------------------------------

    def containers(self) -> list[str]:
        """Return the names of the lab's hosts."""
        listing = ["docker", "ps", "--all", "--filter", f"label={self.label}", "--format", "{{.Names}}"]
        return sorted(ask(listing, why="The lab's hosts cannot be listed").split())

    def port(self, host: str, port: int) -> str:
        """Return 127.0.0.1:PORT, at which this machine reaches a port of a lab host."""
        published = ask(["docker", "port", f"{self.name}-{host}", str(port)], why=f"{host} has no port {port}")
        return published.splitlines()[0]

    def memory_bytes(self) -> int:
        """Return the memory that the lab's hosts use now, page cache left out."""
        listing = ["docker", "stats", "--no-stream", "--format", "{{json .MemUsage}}", *self.containers()]
        used = (json.loads(line).split("/")[0].strip() for line in ask(listing, why="No statistics").splitlines())
        return sum(map(_bytes, used))

    def records(self) -> list[Path]:
        """Return the directories of the records, oldest first."""
        return sorted(path for path in (self.state / "records").glob("*") if path.is_dir())

    def serves(self) -> bool:
        """Return whether the edge serves a colour; records stay when the hosts go."""
        asked = ["docker", "exec", f"{self.name}-edge1", "grep", "-qE", "^live (blue|green)", "/etc/haproxy/live.map"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    # -- down ----------------------------------------------------------------------------------------------------------

    def _made(self, kind: str, *words: str) -> list[str]:
        """Return what the lab, or a Molecule scenario on its image, made of a kind."""
        found: list[str] = []
        for label in (self.label, f"golive.molecule={self.name}"):
            listing = ["docker", kind, "ls", "--quiet", *words, "--filter", f"label={label}"]
            found += ask(listing, why=f"The lab's {kind}s cannot be listed").split()
        return list(dict.fromkeys(found))

    def down(self) -> None:
        """Remove every container, volume, network, image and process of this lab, and nothing else. Records stay."""
        # What an engine that was killed, or a machine that went down, left behind is still on the disk.
        if self.state.exists() and engine.installed():
            engine.ensure()
        if shutil.which("docker") and engine.answers():
            self._refuse_foreign()
            why = f"The lab {self.name} cannot be removed"
            if hosts := self._made("container", "--all"):
                ask(["docker", "rm", "--force", "--volumes", *hosts], why=why)
            for kind in ("volume", "network"):
                if found := self._made(kind):
                    ask(["docker", kind, "rm", *found], why=why)
            # An image goes only after those that were built from it. The newest come first in the list, but not surely.
            while found := self._made("image"):
                subprocess.run(["docker", "image", "rm", "--force", *found], capture_output=True, check=False)
                if self._made("image") == found:
                    ask(["docker", "image", "rm", "--force", *found], why=why)  # says what holds them
            engine.stop_if_unused()
        for leftover in ("releases", "cache", "secrets"):
            shutil.rmtree(self.state / leftover, ignore_errors=True)
        say(f"golive: the lab {self.name} is gone; its records stay in {self.state / 'records'}.")


def _bytes(text: str) -> int:
    """Return the bytes that docker writes as 12.5MiB."""
    units = {"GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1}
    unit = next(unit for unit in units if text.endswith(unit))
    return int(float(text.removesuffix(unit)) * units[unit])


def current() -> Lab:
    """Return the lab that GOLIVE_LAB names."""
    return Lab(os.environ.get("GOLIVE_LAB") or "golive-lab")
