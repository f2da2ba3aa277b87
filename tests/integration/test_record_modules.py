"""golive_record, record_copy and record_verify as processes, with the real ssh-keygen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, Run


def finish(run_module: Run, records: Path, **values: Any) -> dict[str, Any]:
    run = {"app": "football", "release": "1.0.0", "phases": ["preflight"]}
    begun = run_module("golive_record", {"state": "started", "directory": str(records), "name": "1.0.0", "run": run})
    rows = [{"kind": "phase.completed", "data": {"phase": "preflight"}}]
    return run_module("golive_record", {"state": "finished", "directory": begun["directory"], "events": rows, **values})


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "records"


def test_a_finished_record_is_signed_with_a_key_that_was_made_for_it(run_module: Run, records: Path) -> None:
    told = finish(run_module, records)
    directory = Path(told["directory"])
    assert told["unsigned"] == ""
    assert told["told"]["signature"]["signed"]
    assert (directory / "head.json").read_text() == told["head"]
    assert (directory / "head.json.sig").read_text() == told["signature"]
    assert (records.parent / "signing" / "record_key").stat().st_mode & 0o777 == 0o600
    checked = run_module("record_verify", {"directory": str(directory)})
    assert (checked["problems"], checked["app"], checked["events"]) == ([], "football", 3)
    assert checked["signer"] == told["told"]["signature"]["identity"]


def test_a_record_that_is_finished_again_is_signed_again(run_module: Run, records: Path) -> None:
    directory = finish(run_module, records)["directory"]
    note = [{"kind": "note", "data": {"message": "later"}}]
    run_module("golive_record", {"state": "finished", "directory": directory, "events": note})
    assert run_module("record_verify", {"directory": directory})["problems"] == []


@pytest.mark.parametrize("missing", ["key", "ssh-keygen"])
def test_a_record_that_cannot_be_signed_is_written_and_says_why(
    run_module: Run, records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    values = {"signing_key": str(tmp_path / "no-key")} if missing == "key" else {}
    why = f"there is no key {tmp_path / 'no-key'}" if missing == "key" else "ssh-keygen is not installed"
    if missing == "ssh-keygen":
        monkeypatch.setenv("PATH", str(tmp_path))
    told = finish(run_module, records, **values)
    directory = Path(told["directory"])
    assert why in told["unsigned"]
    assert told["signature"] == ""
    assert not (directory / "head.json.sig").exists()
    assert why in json.loads((directory / "record.json").read_text())["signature"]["why"]
    assert (directory / "record.md").exists()
    monkeypatch.undo()
    (sentence,) = run_module("record_verify", {"directory": str(directory)})["problems"]
    assert f"is not signed: head.json.sig is missing ({why}" in sentence


def test_a_signature_of_before_does_not_outlive_a_record_that_cannot_be_signed(
    run_module: Run, records: Path, tmp_path: Path
) -> None:
    directory = finish(run_module, records)["directory"]
    run_module("golive_record", {"state": "finished", "directory": directory, "signing_key": str(tmp_path / "none")})
    assert not (Path(directory) / "head.json.sig").exists()


def test_a_key_and_signers_of_ones_own(run_module: Run, records: Path, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "own")], check=True)
    told = finish(run_module, records, signing_key=str(tmp_path / "own"))
    assert not (records.parent / "signing").exists()
    allowed = tmp_path / "allowed"
    allowed.write_text(f"ops@example.org {(tmp_path / 'own.pub').read_text()}")
    checked = run_module("record_verify", {"directory": told["directory"], "allowed_signers": str(allowed)})
    assert (checked["problems"], checked["signer"]) == ([], "ops@example.org")


def test_check_mode_signs_nothing(run_module: Run, records: Path) -> None:
    told = run_module("golive_record", {"state": "finished", "directory": str(records / "x")}, check_mode=True)
    assert (told["head"], told["signature"], told["unsigned"]) == ("", "", "")
    assert not records.exists()
    assert not (records.parent / "signing").exists()


# --- the copy on an edge


def copy(tmp_path: Path, run_id: str, **values: Any) -> dict[str, Any]:
    """Run record_copy as Ansible does; it reports changes, so not in this process."""
    arguments = {"directory": str(tmp_path / "copies"), "run_id": run_id, "head": '{"events": 1}\n', **values}
    script = (
        "import json, runpy, sys; sys.path.insert(0, sys.argv[1]);"
        "import ansible.module_utils as m; m.__path__.append(sys.argv[2]);"
        "from ansible.module_utils.testing import patch_module_args;"
        "context = patch_module_args(json.loads(sys.argv[4])); context.__enter__();"
        "runpy.run_path(sys.argv[3], run_name='__main__')"
    )
    words = [ROOT / "module_utils", ROOT / "module_utils", ROOT / "library" / "record_copy.py", json.dumps(arguments)]
    done = subprocess.run([sys.executable, "-c", script, *map(str, words)], capture_output=True, text=True, check=False)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_copy_is_kept_for_root_only_and_asked_for_again(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        assert copy(tmp_path, "2026-a", signature="s\n")["changed"]
    finally:
        os.umask(old)
    directory = tmp_path / "copies" / "2026-a"
    assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {
        "head.json": 0o640, "head.json.sig": 0o640,
    }  # fmt: skip
    assert (directory.stat().st_mode & 0o777, directory.parent.stat().st_mode & 0o777) == (0o750, 0o750)
    assert not copy(tmp_path, "2026-a", signature="s\n")["changed"]
    assert copy(tmp_path, "2026-a", state="asked")["head"] == '{"events": 1}\n'
    assert copy(tmp_path, "2026-b", state="asked")["head"] == ""


def test_an_unsigned_head_takes_the_place_of_a_signed_one(tmp_path: Path) -> None:
    copy(tmp_path, "2026-a", signature="s\n")
    copy(tmp_path, "2026-a", head='{"events": 2}\n')
    assert [path.name for path in (tmp_path / "copies" / "2026-a").iterdir()] == ["head.json"]


def test_only_the_newest_copies_stay(tmp_path: Path) -> None:
    for number in range(4):
        copy(tmp_path, f"2026-{number}", keep=3)
    assert sorted(path.name for path in (tmp_path / "copies").iterdir()) == ["2026-1", "2026-2", "2026-3"]
    assert copy(tmp_path, "2026-4", keep=3, _ansible_check_mode=True)["removed"] == ["2026-1"]
    assert (tmp_path / "copies" / "2026-1").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"run_id": "../x"}, "wanted the name of a record"),
        ({"run_id": ".."}, "wanted the name of a record"),
        ({"head": ""}, "needs `head`"),
        ({"keep": 0}, "`keep` is 0, wanted 1 or more"),
    ],
)
def test_what_record_copy_refuses(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    told = copy(tmp_path, **{"run_id": "2026-a", **values})
    assert told["failed"]
    assert said in told["msg"]
    assert not (tmp_path / "copies").exists()


def test_a_place_that_is_no_directory_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "copies").write_text("")
    assert "cannot be kept or read" in copy(tmp_path, "2026-a")["msg"]


def test_copies_are_compared(run_module: Run, records: Path) -> None:
    told = finish(run_module, records)
    copies = {
        "edge1": told["head"],
        "edge2": "",
        "edge3": told["head"].replace('"events":3', '"events":4'),
    }
    checked = run_module("record_verify", {"directory": told["directory"], "copies": copies})
    assert (checked["compared"], checked["without_copy"]) == (["edge1"], ["edge2"])
    (sentence,) = checked["problems"]
    assert sentence.startswith("edge3 keeps another head of record")


# --- the playbook and the command, without an inventory


def playbook(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["ansible-playbook", "playbooks/record.yml", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def golive(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "golive", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_record_is_checked_offline_by_playbook_and_command(run_module: Run, records: Path) -> None:
    directory = finish(run_module, records)["directory"]
    said = playbook("-e", f"record={directory}")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "3 events, signed by" in said.stdout
    assert golive("record", "verify", directory).returncode == 0
    with (Path(directory) / "record.md").open("a") as file:
        file.write("LIVE\n")
    for done in (playbook("-e", f"record={directory}"), golive("record", "verify", directory)):
        assert done.returncode != 0
        assert "is not the file that was signed" in " ".join((done.stdout + done.stderr).split())
        assert "Traceback" not in done.stdout + done.stderr


def test_no_record_named_is_a_sentence() -> None:
    done = playbook()
    assert done.returncode != 0
    assert "No record was named" in done.stdout


def test_the_copy_of_an_edge_is_asked_and_one_that_is_away_stops_nothing(
    run_module: Run, records: Path, tmp_path: Path
) -> None:
    told = finish(run_module, records)
    directory = Path(told["directory"])
    keeps = tmp_path / "state" / "records" / directory.name
    keeps.mkdir(parents=True)
    shutil.copy(directory / "head.json", keeps)
    inventory = {
        "all": {
            "children": {
                "edge": {
                    "hosts": {
                        "edge1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
                        "edge2": {"ansible_host": "127.0.0.2", "ansible_port": 1},
                    }
                }
            },
            "vars": {"golive_state_dir": str(tmp_path / "state")},
        }
    }
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    done = playbook("-i", str(tmp_path / "hosts.yml"), "-e", f"record={directory}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Edges with the same copy: edge1" in done.stdout
    assert "Edges that did not answer: edge2" in done.stdout
    (keeps / "head.json").write_text(told["head"].replace('"events":3', '"events":4'))
    done = playbook("-i", str(tmp_path / "hosts.yml"), "-e", f"record={directory}")
    assert done.returncode != 0
    assert "edge1 keeps another head of record" in " ".join(done.stdout.split())
