"""./golive on machines that are old, busy, or were interrupted; in a clone with no packages and nothing behind it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from golive.lab import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a launcher needs: itself, a lock file, and something to hand over to."""
    clone = tmp_path / "clone"
    (clone / "src" / "golive").mkdir(parents=True)
    shutil.copy(ROOT / "golive", clone / "golive")
    (clone / "requirements.lock").write_text("# no packages\n")
    (clone / "src" / "golive" / "__main__.py").write_text("import sys; print('handed over', *sys.argv[1:])\n")
    return clone


def launch(clone: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = environment or {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    return subprocess.run([str(clone / "golive"), *words], capture_output=True, text=True, env=environment, check=False)


def test_the_environment_is_made_once(clone: Path) -> None:
    assert launch(clone, "demo").stdout == "handed over demo\n"
    made = (clone / ".venv" / ".complete").stat().st_mtime_ns
    again = launch(clone, "demo", "down")
    assert (again.stdout, again.stderr) == ("handed over demo down\n", "")
    assert (clone / ".venv" / ".complete").stat().st_mtime_ns == made


def test_what_is_imported_stays_compiled_where_the_environment_says_otherwise(clone: Path) -> None:
    (clone / "src" / "golive" / "said.py").write_text("WORD = 'compiled'\n")
    (clone / "src" / "golive" / "__main__.py").write_text("from .said import WORD; print(WORD)\n")
    said = launch(clone, PATH=os.environ["PATH"], HOME=os.environ["HOME"], PYTHONDONTWRITEBYTECODE="1")
    assert said.stdout == "compiled\n"
    assert list((clone / "src" / "golive" / "__pycache__").glob("said.*.pyc"))


def test_an_environment_that_was_interrupted_is_made_again(clone: Path) -> None:
    process = subprocess.Popen(
        [str(clone / "golive"), "demo"], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + 60
    while not (clone / ".venv" / "bin").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (clone / ".venv" / ".complete").exists()

    again = launch(clone, "demo")
    assert again.stdout == "handed over demo\n"
    assert "making .venv" in again.stderr


@pytest.mark.parametrize(
    "age",
    [
        lambda clone: (clone / "requirements.lock").write_text("# other packages\n"),
        lambda clone: (clone / ".venv" / "bin" / "python").unlink(),
    ],
    ids=["another lock file", "an interpreter that is gone"],
)
def test_an_environment_that_is_out_of_date_is_made_again(clone: Path, age) -> None:
    assert launch(clone, "demo").returncode == 0
    age(clone)
    again = launch(clone, "demo")
    assert again.stdout == "handed over demo\n"
    assert "making .venv" in again.stderr


def test_packages_that_cannot_be_had(clone: Path) -> None:
    """An interrupted download, a lock file that was tampered with: said, and never taken for complete."""
    (clone / "requirements.lock").write_text(f"golive-no-such-package==1.0 --hash=sha256:{'0' * 64}\n")
    said = launch(clone, "demo")
    assert said.returncode == 1
    assert "the packages of requirements.lock could not be installed" in said.stderr
    assert not (clone / ".venv" / ".complete").exists()


def test_two_callers_at_once_make_one_environment(clone: Path) -> None:
    both = [
        subprocess.Popen([str(clone / "golive"), "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate() for process in both]
    assert [out for out, _ in said] == ["handed over demo\n"] * 2
    assert sum("making .venv" in err for _, err in said) == 1
    assert sum("waiting for the set-up that another call has begun" in err for _, err in said) == 1


def locked(*packages: str) -> str:
    """The lines of requirements.lock about some packages, hashes included."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return "".join(re.findall(rf"^(?:{'|'.join(packages)})==(?:.*\\\n)+.*\n", lock, re.MULTILINE))


@pytest.mark.parametrize(("more", "by"), [({}, "uv"), ({"UV_OFFLINE": "1"}, "pip")], ids=["uv", "uv has no index"])
def test_uv_installs_and_pip_where_uv_cannot(clone: Path, more: dict[str, str], by: str) -> None:
    (clone / "requirements.lock").write_text(locked("uv", "iniconfig"))
    said = launch(clone, "demo", **{**os.environ, **more})
    assert (said.returncode, said.stdout) == (0, "handed over demo\n"), said.stderr
    (installer,) = (clone / ".venv").glob("lib/*/site-packages/iniconfig-*/INSTALLER")
    assert installer.read_text().strip() == by


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python packages of a bundle, but two of them."""
    directory = tmp_path_factory.mktemp("bundle")
    lock = directory / "lock"
    lock.write_text(locked("uv", "iniconfig"))
    command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--require-hashes", "-r", str(lock)]
    subprocess.run([*command, "-d", str(directory / "wheels")], check=True)
    return directory


def without_network(clone: Path, bundle: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "GOLIVE_BUNDLE": str(bundle)}
    command = ["unshare", "--net", "--map-root-user", str(clone / "golive"), "demo"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_a_bundle_is_all_that_it_needs(clone: Path, bundle: Path) -> None:
    (clone / "requirements.lock").write_text(locked("uv", "iniconfig"))
    said = without_network(clone, bundle)
    assert (said.returncode, said.stdout) == (0, "handed over demo\n"), said.stderr
    (installer,) = (clone / ".venv").glob("lib/*/site-packages/iniconfig-*/INSTALLER")
    assert installer.read_text().strip() == "uv"


@pytest.mark.parametrize("spoil", ["missing", "altered"])
def test_a_bundle_without_a_package_or_with_another_one(clone: Path, bundle: Path, tmp_path: Path, spoil: str) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    (wheel,) = (tmp_path / "bundle" / "wheels").glob("iniconfig-*")
    if spoil == "missing":
        wheel.unlink()
    else:
        wheel.write_bytes(wheel.read_bytes() + b" ")
    (clone / "requirements.lock").write_text(locked("iniconfig"))
    said = without_network(clone, tmp_path / "bundle")
    assert said.returncode == 1
    assert f"Only {tmp_path}/bundle/wheels was searched" in said.stderr
    assert not (clone / ".venv" / ".complete").exists()


def test_a_python_that_is_too_old(clone: Path, tmp_path: Path) -> None:
    """A PATH on which every Python is old, and no other way to one."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "mkdir", "flock", "sha256sum", "cut", "cat", "id"):
        (programs / name).symlink_to(shutil.which(name) or pytest.fail(f"{name} is missing"))
    old = programs / "python3"
    old.write_text("#!/bin/bash\nexit 1\n")
    old.chmod(0o755)
    said = launch(clone, "demo", PATH=str(programs), HOME=str(tmp_path))
    assert said.returncode == 1
    assert "needs Python 3.12, 3.13 or 3.14" in said.stderr
    assert "pyenv install 3.13" in said.stderr
    assert not (clone / ".venv").exists()
