"""A host's own state as one archive: packed, read back, and put back.

An archive is a compressed tar whose last entry is a manifest: of which host, from when, and the SHA-256 of every file.
One that was cut off has none. It is encrypted before it leaves the host (age(1), which also notices a changed byte).
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import io
import json
import os
import pwd
import shutil
import sqlite3
import subprocess
import tarfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

MANIFEST = "golive-manifest.json"
SUFFIX = ".tar.gz.age"
BEGINS = b"age-encryption.org/v1\n"  # what is not encrypted is not kept
_TIME = "%Y%m%dT%H%M%SZ"


class Unfit(ValueError):
    """An archive is not what it should be. The message is one sentence."""


class Entry(NamedTuple):
    """What an archive holds at one place."""

    kind: str  # file, link, directory
    text: str  # SHA-256 of a file, or where a link leads
    mode: int
    owner: str
    group: str


# --- which archives there are


def name_of(when: float) -> str:
    """Return the name of an archive of this time (epoch seconds)."""
    return f"{datetime.fromtimestamp(when, UTC):{_TIME}}{SUFFIX}"


def time_of(name: str) -> float:
    """Return the time that is in an archive's name; raises ValueError when it is none."""
    return datetime.strptime(name.removesuffix(SUFFIX), _TIME).replace(tzinfo=UTC).timestamp()


def archives(names: Iterable[str]) -> list[str]:
    """Return those of the names that are archives', oldest first."""
    found = []
    for name in names:
        with contextlib.suppress(ValueError):
            if name.endswith(SUFFIX):
                found.append((time_of(name), name))
    return [name for _, name in sorted(found)]


def superfluous(names: Iterable[str], days: int, now: float) -> list[str]:
    """Return which archives go: all but the newest of each of the last days, and the newest of all.

    A host that somebody else has taken over can so replace what it sent today, and nothing older.
    """
    there = archives(names)
    newest = {name[:8]: name for name in there}  # of a day: later ones come later
    first = f"{datetime.fromtimestamp(now, UTC) - timedelta(days=days - 1):%Y%m%d}"
    keep = {name for day, name in newest.items() if day >= first} | set(there[-1:])
    return [name for name in there if name not in keep]


# --- pack


def pack(rules: Sequence[Mapping[str, Any]], host: str, app: str, output: IO[bytes], root: Path = Path("/")) -> int:
    """Write an archive of what there is of some paths, and return how many files it holds.

    :param rules: ``{path, sqlite}``; with `sqlite` the file is a database that is copied as one transaction sees it
    """
    seen: dict[str, str] = {}
    with tarfile.open(fileobj=output, mode="w|gz", format=tarfile.PAX_FORMAT) as archive:
        for rule in rules:
            for path in _below(root / rule["path"].lstrip("/")):
                name = path.relative_to(root).as_posix()
                try:
                    info = archive.gettarinfo(str(path), name)
                    body = b""
                    if info.islnk():  # a second name of a file: a file of its own
                        info.type, info.linkname = tarfile.REGTYPE, ""
                    if info.isreg():
                        body = _database(path) if rule.get("sqlite") else path.read_bytes()
                        info.size = len(body)
                except FileNotFoundError:  # went while it was looked at
                    continue
                archive.addfile(info, io.BytesIO(body))
                if info.isreg():
                    seen[name] = hashlib.sha256(body).hexdigest()
        told = {"host": host, "app": app, "time": time.time(), "paths": [rule["path"] for rule in rules], "files": seen}
        text = json.dumps(told).encode()
        last = tarfile.TarInfo(MANIFEST)
        last.size, last.mtime = len(text), int(time.time())
        archive.addfile(last, io.BytesIO(text))
    return len(seen)


def _below(top: Path) -> Iterator[Path]:
    """Give a path and all below it that can be kept: files, links, directories."""
    if top.is_symlink() or top.is_file():
        yield top
    elif top.is_dir():
        yield top
        children: list[Path] = []
        with contextlib.suppress(FileNotFoundError):  # went while it was looked at
            children = sorted(top.iterdir())
        for child in children:
            yield from _below(child)


def _database(path: Path) -> bytes:
    with (
        contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as source,
        contextlib.closing(sqlite3.connect(":memory:")) as copy,
    ):
        source.backup(copy)
        return copy.serialize()


# --- read


@contextlib.contextmanager
def decrypted(archive: Path, identity: str) -> Iterator[IO[bytes]]:
    """Give what is in an encrypted archive; it is worth something only when the block ends without an error.

    :param identity: the private key as age(1) writes it
    :raises Unfit: when the key does not open it, or something in it was changed
    """
    reading, writing = os.pipe()  # so that the key is in no file, and in no argument
    os.write(writing, f"{identity}\n".encode())
    os.close(writing)
    command = ["age", "--decrypt", "--identity", f"/dev/fd/{reading}", str(archive)]
    try:
        cipher = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[reading])
    except FileNotFoundError:
        raise Unfit("this host has no age(1) to decrypt it with") from None
    finally:
        os.close(reading)
    with cipher:
        assert cipher.stdout
        assert cipher.stderr
        problem: Unfit | None = None
        try:
            yield cipher.stdout
            while cipher.stdout.read(1 << 20):
                pass  # to the end, where age sees whether it was cut off
        except Unfit as unfit:
            problem = unfit
        cipher.stdout.close()
        said = cipher.stderr.read().decode(errors="replace").strip().splitlines()
    if cipher.returncode > 0:  # below 0: it was not read to its end
        raise Unfit(f"it is not decrypted: {said[0].removeprefix('age: error: ') if said else cipher.returncode}")
    if problem:
        raise problem


class Archive:
    """An archive that is read once, from its beginning to its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Take the decrypted archive."""
        self.stream = stream
        self.manifest: dict[str, Any] = {}
        self.entries: dict[str, Entry] = {}

    def read(self, places: Mapping[str, Path] | None = None) -> Archive:
        """Read all of it, compare each file with the manifest, and write what is wanted.

        :param places: path of a rule to where what is there in the archive is to be written
        :raises Unfit: when it is damaged, cut off, or holds what it cannot hold
        """
        found: dict[str, str] = {}
        try:
            with tarfile.open(fileobj=self.stream, mode="r|gz") as archive:
                for member in archive:
                    body = b""
                    if member.isreg():
                        body = archive.extractfile(member).read()  # type: ignore[union-attr]  # a file has one
                    if member.name == MANIFEST:
                        self.manifest = json.loads(body)
                        continue
                    entry = _entry(member, body)
                    self.entries[member.name] = entry
                    if entry.kind == "file":
                        found[member.name] = entry.text
                    place = _place(member.name, places or {})
                    if place:
                        _write(*place, entry, body)
        except (tarfile.TarError, zlib.error, EOFError, ValueError, AttributeError) as error:
            raise error if isinstance(error, Unfit) else Unfit(f"it is damaged: {error}") from None
        if not self.manifest:
            raise Unfit("it is cut off: its last entry, the manifest, is not there")
        said = self.manifest.get("files") or {}
        if found != said:
            wrong = sorted(found.items() ^ said.items())
            raise Unfit(f"it does not hold what its manifest says: {wrong[0][0]} differs")
        return self

    def belongs_to(self, host: str, app: str) -> Archive:
        """Return itself when it is of this host.

        :raises Unfit: when it is of another one
        """
        whose = f"{self.manifest.get('host')} of {self.manifest.get('app')}"
        if whose != f"{host} of {app}":
            raise Unfit(f"it is that of {whose}, wanted {host} of {app}")
        return self

    def tops(self) -> list[str]:
        """Return the paths of the rules of which there is something in it."""
        return [path for path in self.manifest["paths"] if path.lstrip("/") in self.entries]


def _entry(member: tarfile.TarInfo, body: bytes) -> Entry:
    parts = PurePosixPath(member.name).parts
    if member.name.startswith("/") or ".." in parts or not parts:
        raise Unfit(f"it holds {member.name}, which leads out of it")
    who = (
        member.mode & 0o777,
        member.uname,
        member.gname,
    )  # nothing comes back that runs as another than who starts it
    if member.isreg():
        return Entry("file", hashlib.sha256(body).hexdigest(), *who)
    if member.issym():
        return Entry("link", member.linkname, *who)
    if member.isdir():
        return Entry("directory", "", *who)
    raise Unfit(f"it holds {member.name}, which is neither file, link nor directory")


def _place(name: str, places: Mapping[str, Path]) -> tuple[Path, Path] | None:
    """Return where an entry is to be written, and below which path all of it has to stay."""
    for top, place in places.items():
        if name == top.lstrip("/"):
            return place, place
        if name.startswith(f"{top.lstrip('/')}/"):
            return place / name[len(top.lstrip("/")) + 1 :], place
    return None


def _write(path: Path, top: Path, entry: Entry, body: bytes) -> None:
    if path != top and not path.parent.resolve().is_relative_to(top.resolve()):
        raise Unfit(f"it holds {path.name} below a link that leads elsewhere")
    owner, group = _number(entry.owner, pwd.getpwnam), _number(entry.group, grp.getgrnam)
    if entry.kind == "directory":
        path.mkdir(0o700)
    elif entry.kind == "link":
        path.symlink_to(entry.text)
    else:
        path.touch(0o600, exist_ok=False)
        path.write_bytes(body)
    os.chown(path, owner, group, follow_symlinks=False)
    if entry.kind != "link":
        path.chmod(entry.mode)


def _number(name: str, find: Any) -> int:
    try:
        return int(find(name)[2])
    except KeyError:
        raise Unfit(f"this host has no {name}, to whom some of it belongs: let a go-live provision it first") from None


# --- compare, and put back


def changes(archive: Archive, top: str, root: Path = Path("/")) -> dict[str, list[str]]:
    """Return what would be other than now below a path: `new` (not there now), `other`, and `gone`."""
    prefix = top.lstrip("/")
    wanted = {name: e for name, e in archive.entries.items() if name == prefix or name.startswith(f"{prefix}/")}
    there = {path.relative_to(root).as_posix(): path for path in _below(root / prefix)}
    return {
        "new": sorted(wanted.keys() - there.keys()),
        "other": sorted(name for name in wanted.keys() & there.keys() if not _same(wanted[name], there[name])),
        "gone": sorted(there.keys() - wanted.keys()),
    }


def _same(entry: Entry, path: Path) -> bool:
    if path.is_symlink():
        return entry.kind == "link" and str(path.readlink()) == entry.text
    if path.is_dir():
        return entry.kind == "directory"
    return entry.kind == "file" and hashlib.sha256(path.read_bytes()).hexdigest() == entry.text


def swap(staged: Mapping[str, Path], stamp: str, leave: Iterable[str] = (), root: Path = Path("/")) -> dict[str, str]:
    """Put what was written beside each path into its place; return path to where is what was there.

    :param leave: what goes aside without anything in its place, such as the journal of a database that is replaced
    :raises OSError: when that fails; then all is as it was
    """
    aside: dict[Path, Path] = {}
    placed: dict[Path, Path] = {}
    try:
        for place in (root / top.lstrip("/") for top in (*leave, *staged)):
            if place.is_symlink() or place.exists():
                kept = place.with_name(f"{place.name}.before-{stamp}")
                place.rename(kept)
                aside[place] = kept
        for top, new in staged.items():
            new.rename(root / top.lstrip("/"))
            placed[root / top.lstrip("/")] = new
    except OSError:
        for place, new in placed.items():
            place.rename(new)
        for place, kept in aside.items():
            kept.rename(place)
        raise
    return {str(place): str(kept) for place, kept in aside.items()}


def discard(path: Path) -> None:
    """Remove what was written beside a path."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
