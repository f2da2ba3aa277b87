"""A host's own state: what is kept of it, what is refused when it is read, and how it is put back."""

from __future__ import annotations

import gzip
import io
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
from golive_core import host_state
from golive_core.host_state import Archive, Unfit

NOON = 1_795_867_200  # 2026-11-28 12:00 UTC
DAY = 86_400
RULES = [{"path": "/opt/x/releases"}, {"path": "/opt/x/current"}, {"path": "/opt/x/none"}]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    top = tmp_path / "root"
    for name, text in {"1.0.0/manifest.json": "one", "1.1.0/env": "SECRET=x", "empty/.keep": ""}.items():
        (top / "opt/x/releases" / name).parent.mkdir(parents=True, exist_ok=True)
        (top / "opt/x/releases" / name).write_text(text)
    (top / "opt/x/releases/1.1.0/env").chmod(0o600)
    (top / "opt/x/current").symlink_to("releases/1.1.0")
    return top


def packed(root, rules=RULES, host="app1"):
    output = io.BytesIO()
    host_state.pack(rules, host, "football", output, root)
    return output.getvalue()


def read(body, places=None):
    return Archive(io.BytesIO(body)).read(places)


def made(*members, manifest='{"host": "app1", "app": "football", "time": 0, "paths": [], "files": {}}'):
    """An archive that pack() would not make."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w|gz") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.uname, info.gname = kind, target, "root", "root"
            archive.addfile(info, io.BytesIO(b""))
        if manifest:
            info = tarfile.TarInfo(host_state.MANIFEST)
            info.size = len(manifest)
            archive.addfile(info, io.BytesIO(manifest.encode()))
    return output.getvalue()


# --- which archives there are


def test_of_each_day_the_last_one_is_kept_and_the_newest_of_all_in_any_case():
    hours = [host_state.name_of(NOON - hour * 3600) for hour in range(0, 96, 6)]
    gone = host_state.superfluous([*hours, ".new", "README"], 2, NOON)
    assert [name for name in reversed(hours) if name not in gone] == [
        "20261127T180000Z.tar.gz.age",
        "20261128T120000Z.tar.gz.age",
    ]
    assert host_state.superfluous(hours, 2, NOON + 365 * DAY) == sorted(hours)[:-1]


def test_a_host_cannot_push_out_what_it_sent_on_earlier_days():
    earlier = [host_state.name_of(NOON - day * DAY) for day in range(1, 5)]
    many = [host_state.name_of(NOON + second) for second in range(1000)]
    assert not set(earlier) & set(host_state.superfluous(earlier + many, 30, NOON + 1000))


# --- packed and read


def test_what_is_packed_is_read_back(root):
    archive = read(packed(root)).belongs_to("app1", "football")
    assert archive.tops() == ["/opt/x/releases", "/opt/x/current"]
    assert archive.entries["opt/x/current"][:2] == ("link", "releases/1.1.0")
    assert archive.entries["opt/x/releases/1.1.0/env"].mode == 0o600
    assert set(archive.manifest["files"]) == {
        "opt/x/releases/1.0.0/manifest.json", "opt/x/releases/1.1.0/env", "opt/x/releases/empty/.keep",
    }  # fmt: skip


def test_sockets_are_left_out_and_two_names_of_a_file_are_two_files(root):
    import socket

    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(root / "opt/x/releases/s"))
        (root / "opt/x/releases/again").hardlink_to(root / "opt/x/releases/1.0.0/manifest.json")
        archive = read(packed(root))
    assert "opt/x/releases/s" not in archive.entries
    again = archive.entries["opt/x/releases/again"]
    assert again[:2] == archive.entries["opt/x/releases/1.0.0/manifest.json"][:2]


def test_a_database_is_copied_without_what_is_not_committed(tmp_path):
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as base:
        base.execute("CREATE TABLE t (n int)")
        base.execute("INSERT INTO t VALUES (1)")
        base.execute("BEGIN")
        base.execute("INSERT INTO t VALUES (2)")
        body = packed(tmp_path, [{"path": "/x.db", "sqlite": True}])
    read(body, {"/x.db": tmp_path / "copy.db"})
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT n FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda body: body[:-30], "damaged"),
        (lambda _: b"", "damaged|cut off"),
        (lambda body: gzip.compress(gzip.decompress(body).replace(b"SECRET=x", b"SECRET=y")), "differs"),
        (lambda body: gzip.compress(gzip.decompress(body)[:2048]), "damaged|cut off"),
        (lambda _: made(manifest=""), "its last entry, the manifest, is not there"),
    ],
)
def test_what_is_not_whole_is_refused(root, spoil, sentence):
    with pytest.raises(Unfit, match=sentence):
        read(spoil(packed(root)))


def test_that_of_another_host_is_refused(root):
    with pytest.raises(Unfit, match="that of app2 of football, wanted app1 of football"):
        read(packed(root, host="app2")).belongs_to("app1", "football")


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([("/etc/passwd", tarfile.REGTYPE, "")], "leads out"),
        ([("opt/x/../../etc/passwd", tarfile.REGTYPE, "")], "leads out"),
        ([("opt/x", tarfile.CHRTYPE, "")], "neither file"),
        ([("opt/x", tarfile.LNKTYPE, "etc/passwd")], "neither file"),
    ],
)
def test_what_an_archive_cannot_hold_is_refused(members, sentence):
    with pytest.raises(Unfit, match=sentence):
        read(made(*members))


def test_a_link_is_no_way_out(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    body = made(
        ("opt/x", tarfile.DIRTYPE, ""),
        ("opt/x/way", tarfile.SYMTYPE, str(tmp_path / "elsewhere")),
        ("opt/x/way/out", tarfile.REGTYPE, ""),
    )
    with pytest.raises(Unfit, match="below a link that leads elsewhere"):
        read(body, {"/opt/x": tmp_path / "staged"})
    assert not list((tmp_path / "elsewhere").iterdir())


def test_who_is_not_on_this_host_is_named(tmp_path):
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w|gz") as archive:
        info = tarfile.TarInfo("x")
        info.uname = "no-such-user"
        archive.addfile(info)
    with pytest.raises(Unfit, match="this host has no no-such-user"):
        read(output.getvalue(), {"/x": tmp_path / "x"})


# --- put back


def test_what_would_be_other_is_told(root):
    archive = read(packed(root))
    assert not any(host_state.changes(archive, "/opt/x/releases", root).values())
    (root / "opt/x/releases/1.0.0/manifest.json").write_text("two")
    (root / "opt/x/releases/1.1.0/env").unlink()
    (root / "opt/x/releases/stray").touch()
    assert host_state.changes(archive, "/opt/x/releases", root) == {
        "new": ["opt/x/releases/1.1.0/env"],
        "other": ["opt/x/releases/1.0.0/manifest.json"],
        "gone": ["opt/x/releases/stray"],
    }
    (root / "opt/x/current").unlink()
    assert host_state.changes(archive, "/opt/x/current", root)["new"] == ["opt/x/current"]


def test_it_takes_the_place_of_what_stays_beside_it(root):
    body = packed(root)
    (root / "opt/x/releases/1.1.0/env").write_text("spoilt")
    (root / "opt/x/current").unlink()
    (root / "opt/x/releases-journal").touch()
    staged = {top: root / f"opt/x/.{Path(top).name}.new" for top in ("/opt/x/releases", "/opt/x/current")}
    read(body, staged)
    kept = host_state.swap(staged, "T", ["/opt/x/releases-journal", "/opt/x/releases-wal"], root)
    assert list(kept.values()) == [str(root / "opt/x/releases-journal.before-T"), str(root / "opt/x/releases.before-T")]
    assert not (root / "opt/x/releases-journal").exists()
    assert (root / "opt/x/current/env").read_text() == "SECRET=x"
    assert (root / "opt/x/releases/1.1.0/env").stat().st_mode & 0o777 == 0o600
    assert (root / "opt/x/releases.before-T/1.1.0/env").read_text() == "spoilt"


def test_where_one_cannot_take_its_place_all_is_as_it_was(root):
    body = packed(root)
    staged = {"/opt/x/releases": root / "opt/x/.releases.new", "/opt/x/current": root / "opt/x/.current.new"}
    read(body, staged)
    staged["/opt/x/current"].unlink()
    before = sorted(path for path in (root / "opt/x").rglob("*") if ".releases.new" not in str(path))
    with pytest.raises(FileNotFoundError):
        host_state.swap(staged, "T", root=root)
    assert sorted(path for path in (root / "opt/x").rglob("*") if ".releases.new" not in str(path)) == before
    assert staged["/opt/x/releases"].is_dir()
