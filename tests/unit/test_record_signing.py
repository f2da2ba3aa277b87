"""Every way to spoil a signed record is noticed, with the real ssh-keygen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from golive_core import record, signing

RUN_ID = "20261125T010203Z-1.0.0"
PHASES = ("preflight", "evidence", "infrastructure")
FILES = ("record.json", "record.md", "record.html", "raw/00ff.txt")


def write(directory: Path, release: str = "1.0.0") -> Path:
    directory.mkdir(parents=True)
    run = {"id": directory.name, "app": "football", "release": release}
    record.append(directory, [("run.started", run), *(("phase.completed", {"phase": phase}) for phase in PHASES)])
    (directory / "raw").mkdir()
    for name in FILES:
        (directory / name).write_text(f"{name} of {release}\n")
    return directory


def seal(directory: Path, key: Path, namespace: str = signing.NAMESPACE) -> Path:
    head = record.canonical(record.head(directory)) + b"\n"
    (directory / record.HEAD).write_bytes(head)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", str(key)]
    done = subprocess.run(command, input=head, capture_output=True, check=True)
    (directory / record.SIGNATURE).write_bytes(done.stdout)
    return directory


@pytest.fixture
def home(tmp_path: Path) -> Path:
    signing.make_key(tmp_path / "signing" / "record_key", tmp_path / "signing" / "allowed_signers", "ada@desk")
    return tmp_path / "signing"


@pytest.fixture
def signed(tmp_path: Path, home: Path) -> Path:
    return seal(write(tmp_path / "records" / RUN_ID), home / "record_key")


def problems(directory: Path) -> str:
    return "\n".join(record.verify(directory, signing.home(directory) / "allowed_signers").problems)


def test_a_record_as_signed_is_good_and_names_its_signer(signed: Path) -> None:
    checked = record.verify(signed, signing.home(signed) / "allowed_signers")
    assert (checked.problems, checked.signer) == ((), "ada@desk")
    assert (checked.head["run_id"], checked.head["events"], set(checked.head["files"])) == (
        RUN_ID, 4, {*FILES, "events.jsonl"},
    )  # fmt: skip


@pytest.mark.parametrize("name", [*FILES, "events.jsonl"])
def test_one_changed_byte(signed: Path, name: str) -> None:
    content = bytearray((signed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (signed / name).write_bytes(content)
    said = problems(signed)
    assert f"{name} in {signed} is not the file that was signed (SHA-256 " in said
    assert "do not rely on this record" in said


def lines(directory: Path) -> list[str]:
    return (directory / record.EVENTS).read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rows: rows[:1] + rows[2:], "event 2 (phase.completed) does not follow from the one before it"),
        (lambda rows: [rows[0], rows[2], rows[1], rows[3]], "event 2 (phase.completed) does not follow"),
        (lambda rows: rows[:-1], "ends after 3 of 4 signed events: its tail was cut off"),
        (lambda _rows: [], "ends after 0 of 4 signed events"),
        (lambda rows: [*rows[:-1], rows[-1][:-20]], "its last line is not whole"),
        (lambda rows: [*rows, "[]\n"], "line 5 of"),
        (lambda rows: [*rows, '{"data": [1]}\n'], "event 5 (unknown) does not follow"),
        (lambda rows: [*rows, '{"kind": "\\ud800"}\n'], "event 5"),
    ],
    ids=["removed", "moved", "tail cut off", "emptied", "half a line", "not an event", "odd data", "no text"],
)
def test_a_spoiled_chain(signed: Path, spoil, said: str) -> None:
    (signed / record.EVENTS).write_text("".join(spoil(lines(signed))))
    before = (signed / record.EVENTS).read_bytes()
    assert said in problems(signed)
    assert (signed / record.EVENTS).read_bytes() == before, "checking a record must not repair it"


def test_an_event_added_after_the_end(signed: Path) -> None:
    record.append(signed, [("note", {"message": "all was well"})])
    assert "has 5 events, signed were 4" in problems(signed)


def test_another_chain_of_the_same_length(signed: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other" / RUN_ID, "9.9.9")
    shutil.copy(other / record.EVENTS, signed / record.EVENTS)
    assert "is another chain than the signed one" in problems(signed)


def test_files_that_were_swapped(signed: Path) -> None:
    (signed / "record.md").rename(signed / "away")
    (signed / "record.html").rename(signed / "record.md")
    (signed / "away").rename(signed / "record.html")
    said = problems(signed)
    assert f"record.md in {signed} is not the file that was signed" in said
    assert f"record.html in {signed} is not the file that was signed" in said


def test_a_record_in_the_place_of_another(signed: Path, home: Path) -> None:
    other = signed.with_name("20261126T000000Z-1.1.0")
    signed.rename(other)
    assert f"{other} holds the record {RUN_ID}" in problems(other)


@pytest.mark.parametrize("name", [*FILES, "events.jsonl"])
def test_a_missing_file(signed: Path, name: str) -> None:
    (signed / name).unlink()
    assert f"{name} is missing in {signed}, and was there when the record was signed" in problems(signed)


@pytest.mark.parametrize("name", ["raw/more.txt", "notes.txt", ".hidden"])
def test_an_added_file(signed: Path, name: str) -> None:
    (signed / name).write_text("x")
    assert f"{name} in {signed} was added after the record was signed" in problems(signed)


def test_a_file_that_became_a_directory(signed: Path) -> None:
    (signed / "record.md").unlink()
    (signed / "record.md").mkdir()
    assert f"record.md is missing in {signed}" in problems(signed)


def test_an_unknown_signer(signed: Path, tmp_path: Path) -> None:
    signing.make_key(tmp_path / "evil" / "key", tmp_path / "evil" / "allowed", "eve@desk")
    seal(signed, tmp_path / "evil" / "key")
    said = problems(signed)
    fingerprint = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "evil" / "key")], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    assert f"{signing.home(signed) / 'allowed_signers'} does not name its key {fingerprint}" in said
    assert record.verify(signed, tmp_path / "evil" / "allowed").problems == ()


def test_a_wrong_namespace(signed: Path, home: Path) -> None:
    seal(signed, home / "record_key", "file")
    assert 'it was made for "file", wanted "golive-record"' in problems(signed)


def test_a_key_that_may_sign_other_things_only(signed: Path, home: Path) -> None:
    allowed = home / "allowed_signers"
    allowed.write_text(allowed.read_text().replace('namespaces="golive-record"', 'namespaces="git"'))
    assert record.verify(signed, allowed).signer == ""
    assert "is not signed as it should be" in problems(signed)


def test_a_head_that_was_rewritten(signed: Path) -> None:
    """Whoever changes a file can also change the head, but cannot sign it."""
    (signed / "record.md").write_text("LIVE\n")
    (signed / record.HEAD).write_bytes(record.canonical(record.head(signed)) + b"\n")
    assert problems(signed).endswith("is not signed as it should be: it is not the text that ada@desk signed.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "is not a signature of ssh-keygen"),
        ("", "is not a signature of ssh-keygen"),
        ("-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n", "is not a signature of ssh-keygen"),
    ],
)
def test_a_file_that_is_no_signature(signed: Path, text: str, said: str) -> None:
    (signed / record.SIGNATURE).write_text(text)
    assert said in problems(signed)


def test_no_signature_says_why(signed: Path) -> None:
    (signed / record.SIGNATURE).unlink()
    assert f"{signed} is not signed: head.json.sig is missing; nothing shows who" in problems(signed)
    (signed / "record.json").write_text(json.dumps({"signature": {"why": "there is no key /k"}}))
    assert "head.json.sig is missing (there is no key /k); nothing" in problems(signed)


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "1", '{"files": 1}', '{"files": {}, "events": "4", "head": "x"}', '{"files": {}, "events": 4}',
        '{"files": {"record.md": 7}, "events": 4, "head": "x"}', '{"files": {}, "events": 4, "head": null}',
    ],
)  # fmt: skip
def test_a_head_that_is_none(signed: Path, text: str) -> None:
    (signed / record.HEAD).write_text(text)
    assert "is not the head of a record" in problems(signed)


def test_no_head(signed: Path) -> None:
    (signed / record.HEAD).unlink()
    assert f"head.json is missing in {signed}" in problems(signed)


def test_no_record_at_all(tmp_path: Path) -> None:
    (sentence,) = record.verify(tmp_path / "nothing", tmp_path).problems
    assert sentence.startswith(f"there is no record {tmp_path / 'nothing'}")


def test_no_list_of_signers(signed: Path, home: Path) -> None:
    (home / "allowed_signers").unlink()
    assert f"there is no list of allowed signers {home / 'allowed_signers'}" in problems(signed)


def test_without_ssh_keygen_a_sentence(signed: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home))
    assert "ssh-keygen is not installed on this machine; install openssh-client" in problems(signed)
    with pytest.raises(signing.SigningError, match="ssh-keygen is not installed"):
        signing.sign(b"x", home / "record_key")


# --- keys


def test_a_key_is_made_once_and_only_its_owner_reads_it(home: Path) -> None:
    key = home / "record_key"
    before = key.read_bytes()
    assert (key.stat().st_mode & 0o777, home.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not signing.make_key(key, home / "allowed_signers", "bob@desk")
    assert key.read_bytes() == before
    assert (home / "allowed_signers").read_text().startswith('ada@desk namespaces="golive-record" ssh-ed25519 ')
    assert sorted(path.name for path in home.iterdir()) == ["allowed_signers", "record_key"]


def test_no_key_to_sign_with(tmp_path: Path) -> None:
    with pytest.raises(signing.SigningError, match=f"there is no key {tmp_path / 'k'}"):
        signing.sign(b"x", tmp_path / "k")


def test_a_key_with_a_passphrase_does_not_ask(tmp_path: Path) -> None:
    key = tmp_path / "k"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)], check=True)
    with pytest.raises(signing.SigningError, match="cannot sign"):
        signing.sign(b"x", key)


def test_a_key_that_others_can_read_does_not_sign(home: Path) -> None:
    (home / "record_key").chmod(0o644)
    with pytest.raises(signing.SigningError, match="cannot sign"):
        signing.sign(b"x", home / "record_key")


def test_a_place_where_no_key_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(signing.SigningError, match="no key can be made in"):
        signing.make_key(tmp_path / "file" / "key", tmp_path / "file" / "allowed", "a@b")


@pytest.mark.parametrize(
    ("user", "host", "seen"), [("ada", "desk", "ada@desk"), ("a b", "d,*!", "a-b@d---"), ("é", "x", "-@x")]
)
def test_an_identity_has_no_mark_that_the_list_of_signers_reads_as_its_own(user: str, host: str, seen: str) -> None:
    assert signing.identity(user, host) == seen


# --- the copy on the edge


def test_the_copy_of_the_edge_is_compared(signed: Path) -> None:
    told = record.verify(signed, signing.home(signed) / "allowed_signers").head
    text = (signed / record.HEAD).read_text()
    assert record.differs(told, "edge1", text) == ""
    shorter = record.differs(told, "edge1", json.dumps({**told, "events": 3}))
    assert shorter.startswith(f"edge1 keeps another head of record {RUN_ID}: 3 events")
    assert "keeps another head" in record.differs(told, "edge1", json.dumps({**told, "head": "0" * 64}))
    page = {**told, "files": {**told["files"], "record.md": "0" * 64}}
    assert "keeps another head of record" in record.differs(told, "edge1", json.dumps(page))
    assert "the same events, here: another record.md;" in record.differs(told, "edge1", json.dumps(page))
    for nonsense in ("", "{", "[]", "{}", '{"files": 1}'):
        assert "cannot be read" in record.differs(told, "edge1", nonsense)


def test_reading_as_another_user_is_a_sentence(signed: Path) -> None:
    if os.geteuid() == 0:
        (signed / record.HEAD).unlink()
        (signed / record.HEAD).symlink_to(signed / "loop")
        (signed / "loop").symlink_to(signed / record.HEAD)
    else:
        (signed / record.HEAD).chmod(0)
    assert "head.json is missing" in problems(signed) or "cannot be read" in problems(signed)
