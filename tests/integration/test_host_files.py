"""host_files as a process, as root, on files of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import Run


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path / "etc"


def test_files_are_written_once(run_module: Run, etc: Path) -> None:
    wanted = {
        "root": str(etc),
        "files": [
            {"path": "keys", "state": "directory", "mode": "0700"},
            {"path": "keys/secret", "content": "hidden", "mode": "0400", "owner": "1", "group": "1"},
            {"path": "deep/below/settings.json", "content": {"port": 8080}},
            {"path": "now", "state": "link", "src": "deep/below"},
            {"path": "old", "state": "absent"},
        ],
    }
    planned = run_module("host_files", wanted, check_mode=True, changes=True)
    assert planned["changed"]
    assert not etc.exists()
    first = run_module("host_files", wanted, changes=True)
    assert first["written"] == planned["written"] == ["keys", "keys/secret", "deep/below/settings.json", "now"]
    assert ((etc / "keys" / "secret").read_text(), _mode(etc / "keys" / "secret")) == ("hidden", 0o400)
    assert (etc / "keys" / "secret").stat().st_uid == 1
    assert _mode(etc / "keys") == 0o700
    assert (etc / "now" / "settings.json").read_text() == '{\n "port": 8080\n}\n'
    assert run_module("host_files", wanted)["written"] == []


def test_only_what_differs_is_touched(run_module: Run, etc: Path) -> None:
    files = [{"path": "a", "content": "1"}, {"path": "b", "content": "2"}]
    run_module("host_files", {"root": str(etc), "files": files}, changes=True)
    untouched = (etc / "a").stat()
    (etc / "b").chmod(0o600)
    files[1]["mode"] = "0640"
    assert run_module("host_files", {"root": str(etc), "files": files}, changes=True)["written"] == ["b"]
    assert _mode(etc / "b") == 0o640
    assert (etc / "a").stat() == untouched


def test_what_belongs_to_another_after_it_was_made_is_left_alone(run_module: Run, etc: Path) -> None:
    wanted = {"root": str(etc), "files": [{"path": "live.map", "content": "live none\n", "once": True}]}
    run_module("host_files", wanted, changes=True)
    (etc / "live.map").write_text("live blue\n", encoding="utf-8")
    assert run_module("host_files", wanted)["written"] == []
    assert (etc / "live.map").read_text(encoding="utf-8") == "live blue\n"


def test_others_are_removed(run_module: Run, etc: Path) -> None:
    (etc / "d" / "below").mkdir(parents=True)
    for name in ("kept", "old", ".hidden"):
        (etc / "d" / name).touch()
    (etc / "d" / "dangling").symlink_to("nowhere")
    wanted = {"root": str(etc), "files": [{"path": "d/kept", "content": ""}], "purge": ["d"]}
    assert run_module("host_files", wanted, changes=True)["written"] == ["d/.hidden", "d/dangling", "d/old"]
    assert sorted(path.name for path in (etc / "d").iterdir()) == ["below", "kept"]


def test_a_link_is_replaced_by_the_file_and_what_it_led_to_stays(run_module: Run, tmp_path: Path, etc: Path) -> None:
    etc.mkdir()
    (tmp_path / "elsewhere").write_text("theirs", encoding="utf-8")
    (etc / "a").symlink_to(tmp_path / "elsewhere")
    run_module("host_files", {"root": str(etc), "files": [{"path": "a", "content": "ours"}]}, changes=True)
    assert not (etc / "a").is_symlink()
    assert (tmp_path / "elsewhere").read_text(encoding="utf-8") == "theirs"


def test_a_file_that_its_program_refuses_is_not_written(run_module: Run, etc: Path) -> None:
    file = {"path": str(etc / "a.json"), "content": '{"x": 1}', "validate": "python3 -m json.tool %s"}
    run_module("host_files", {"files": [file]}, changes=True)
    told = run_module("host_files", {"files": [{**file, "content": "{"}]})
    assert told["failed"]
    assert f"{etc}/a.json was not written: `python3 -m json.tool {etc}/a.json` refuses" in told["msg"]
    assert (etc / "a.json").read_text(encoding="utf-8") == '{"x": 1}'
    assert [path.name for path in etc.iterdir()] == ["a.json"]


def test_contents_are_not_told_again(run_module: Run, etc: Path) -> None:
    wanted: dict[str, Any] = {"root": str(etc), "files": [{"path": "a", "content": "long-and-secret"}]}
    assert "long-and-secret" not in str(run_module("host_files", wanted, changes=True))
    (etc / "a").unlink()
    told = run_module("host_files", {**wanted, "_ansible_diff": True}, changes=True)
    assert told.pop("diff")[-1]["after"] == "long-and-secret"  # for --diff, which a role with secrets turns off
    assert "long-and-secret" not in str(told)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"path": "../x", "content": ""}, "leads out of its directory"),
        ({"path": "x", "content": "", "group": "nobody-here"}, "There is no group nobody-here on this host"),
        ({"path": "x", "content": "", "mode": "rw-r--r--"}, "wanted octal digits"),
        ({"path": "x"}, "nothing says what would be in it"),
        ({"path": "first", "content": ""}, "first is a directory, wanted a file"),
        ({"path": "x", "state": "link"}, "src"),
    ],
)
def test_what_cannot_be_written_is_said(run_module: Run, etc: Path, entry: dict[str, Any], said: str) -> None:
    (etc / "first").mkdir(parents=True)
    told = run_module("host_files", {"root": str(etc), "files": [entry]})
    assert said in told["msg"]
    assert [path.name for path in etc.iterdir()] == ["first"]
