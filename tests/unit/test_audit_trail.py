"""A gap, an altered line and a missing file of the audit trail are told by host and number, whichever side has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from golive_core import audit_trail
from support import program

keeper = program("roles/logs/files/log_keeper.py")
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SINCE = "2026-11-27"
EPOCH = "3f2a9c01d4"


def line(number: int, message: str = "m", day: str = "2026-11-28", epoch: str = EPOCH) -> dict[str, Any]:
    entry = {"time": f"{day}T10:00:{number % 60:02d}.000001+00:00", "host": "app1", "service": "sshd", "epoch": epoch}
    return {**entry, "seq": number, "message": message, "data": None}


def arrived(entry: dict[str, Any], when: str = "2026-11-28T11:00:00+00:00") -> dict[str, Any]:
    return {"received": when, "from": "app1", **entry}


class Site:
    """The two directories, and what a comparison of them says."""

    def __init__(self, root: Path) -> None:
        self.sent, self.received = root / "sent", root / "received"
        for directory in (self.sent, self.received / "app1"):
            directory.mkdir(parents=True)

    def keep(self, *entries: dict[str, Any], day: str = "2026-11-28") -> None:
        self._add(self.sent / f"{day}.jsonl", entries)

    def copy(self, *entries: dict[str, Any], day: str = "2026-11-28") -> None:
        self._add(self.received / "app1" / f"{day}.jsonl", entries)

    def _add(self, path: Path, entries: tuple[dict[str, Any], ...]) -> None:
        with path.open("a", encoding="utf-8") as target:
            target.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)

    def both(self, *entries: dict[str, Any], day: str = "2026-11-28") -> None:
        self.keep(*entries, day=day)
        self.copy(*(arrived(entry) for entry in entries), day=day)

    def wrong(self) -> list[str]:
        own = audit_trail.unpack(json.loads(json.dumps(audit_trail.pack(audit_trail.read(self.sent, SINCE)))))
        copy = audit_trail.read(self.received / "app1", SINCE)
        found = audit_trail.differences(own, copy, SINCE, NOW.timestamp())
        return audit_trail.sentences("app1", own, copy, found)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.both(*(line(number, f"{number} übertragen") for number in range(1, 11)))
    return made


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_same_on_both_sides_is_in_order(site: Site) -> None:
    assert site.wrong() == []


@pytest.mark.parametrize("where", ["sent/2026-11-28.jsonl", "received/app1/2026-11-28.jsonl"])
def test_an_altered_line_is_named(site: Site, tmp_path: Path, where: str) -> None:
    change(tmp_path / where, "7 übertragen", "7 verschwunden")
    assert site.wrong() == ["app1: line 7 of epoch 3f2a9c01 is not the same on app1 and on the logs host"]


def without(path: Path, *numbers: int) -> None:
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(row for row in rows if json.loads(row)["seq"] not in numbers), encoding="utf-8")


def test_a_gap_is_named_on_either_side_and_on_both(site: Site, tmp_path: Path) -> None:
    own, copy = tmp_path / "sent/2026-11-28.jsonl", tmp_path / "received/app1/2026-11-28.jsonl"
    without(own, 3, 4, 8)
    without(copy, 6, 8)
    assert site.wrong() == [
        "app1: line 3 to 4 of epoch 3f2a9c01 is on the logs host, and gone on app1",
        "app1: line 6 of epoch 3f2a9c01 is not on the logs host",
        "app1: line 8 of epoch 3f2a9c01 is nowhere",
    ]


def test_a_line_that_was_blanked_is_a_gap(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "sent/2026-11-28.jsonl"
    rows = path.read_text(encoding="utf-8").splitlines()
    rows[4] = " " * len(rows[4])
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert site.wrong() == ["app1: line 5 of epoch 3f2a9c01 is on the logs host, and gone on app1"]


def test_a_tail_that_was_cut_off_is_a_gap(site: Site, tmp_path: Path) -> None:
    without(tmp_path / "sent/2026-11-28.jsonl", 9, 10)
    assert site.wrong() == ["app1: line 9 to 10 of epoch 3f2a9c01 is on the logs host, and gone on app1"]


def test_a_missing_file_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "sent/2026-11-28.jsonl").unlink()
    assert "app1: the file of 2026-11-28 is gone on app1" in site.wrong()
    assert "app1: line 1 to 10 of epoch 3f2a9c01 is on the logs host, and gone on app1" in site.wrong()


def test_missing_files_of_the_copy_are_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "received/app1/2026-11-28.jsonl").unlink()
    assert site.wrong()[0] == "app1: its files are gone on the logs host"


def test_a_number_that_stands_twice_with_another_text_is_named(site: Site) -> None:
    site.copy(arrived(line(2, "another story")))
    (sentence,) = site.wrong()
    assert "on the logs host: line 2 of epoch 3f2a9c01 stands twice" in sentence


def test_what_was_sent_twice_or_arrived_after_the_look_is_in_order(site: Site) -> None:
    site.copy(arrived(line(2, "2 übertragen")))
    site.copy(arrived(line(11), "2026-11-28T12:00:03+00:00"), arrived(line(1, epoch="e2"), "2026-11-28T12:00:00+00:00"))
    assert site.wrong() == []


def test_a_line_may_arrive_the_day_after(site: Site) -> None:
    late = line(1, day="2026-11-26", epoch="e0")
    site.copy(arrived(late), day="2026-11-27")  # kept in the file of the 26th, which is not compared any more
    site.keep(line(2, day="2026-11-27", epoch="e0"), day="2026-11-27")
    site.copy(arrived(line(2, day="2026-11-27", epoch="e0")))
    assert site.wrong() == []


def test_what_is_no_line_is_named_but_not_the_one_that_is_being_written(site: Site, tmp_path: Path) -> None:
    with (tmp_path / "sent/2026-11-28.jsonl").open("a", encoding="utf-8") as target:
        target.write('garbage\n{"time": "cut o')
    (sentence,) = site.wrong()
    assert "line 11 of" in sentence
    assert "is no line of the trail" in sentence


# --- daily hashes, as the keeper makes them


@pytest.fixture
def sealed(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Close two days on both sides; what was told of them."""
    told: list[str] = []
    monkeypatch.setattr(keeper.syslog, "syslog", lambda _, text: told.append(text))
    for number, day in enumerate(("2026-11-26", "2026-11-27"), 1):
        site.both(line(number, day=day, epoch="e0"), day=day)
        for side in (tmp_path / "sent", tmp_path / "received"):
            keeper.close_days(side, NOW.timestamp() + 9_000_000, audit=True)
    return told


def book(directory: Path, prefix: str = "") -> list[str]:
    return list(audit_trail.read_book(directory, prefix, "2026-01-01").problems)


def test_what_the_keeper_has_sealed_is_in_order(sealed: list[str], tmp_path: Path) -> None:
    assert book(tmp_path / "sent") == []
    assert book(tmp_path / "received", "app1/") == []
    assert len(sealed) >= 4


def test_a_file_of_a_day_that_is_over_and_was_altered_is_named(sealed: list[str], tmp_path: Path) -> None:
    path = tmp_path / "received/app1/2026-11-26.jsonl.gz"
    content = keeper.gzip.decompress(path.read_bytes())
    path.write_bytes(keeper.gzip.compress(content.replace(b'"m"', b'"n"')))
    (sentence,) = book(tmp_path / "received", "app1/")
    assert "2026-11-26.jsonl.gz is not what its daily hash is of, from line 1 on" in sentence


def test_a_file_of_a_day_that_is_over_and_is_gone_is_named(sealed: list[str], tmp_path: Path) -> None:
    (tmp_path / "sent/2026-11-26.jsonl.gz").unlink()
    (sentence,) = book(tmp_path / "sent")
    assert "2026-11-26.jsonl is gone, of which there is a daily hash" in sentence


def test_a_line_of_the_book_that_was_altered_breaks_its_chain(sealed: list[str], tmp_path: Path) -> None:
    path = tmp_path / "sent" / audit_trail.BOOK
    change(path, '"act": "audit_day"', '"act":  "audit_day"')
    assert any("does not follow from the line before it" in sentence for sentence in book(tmp_path / "sent"))


class Told:
    """What the keepers of a site have told, as the copy on the logs host has it, against the books."""

    def __init__(self, root: Path, sealed: list[str]) -> None:
        rows = [
            arrived({**line(number), "message": "", "data": json.loads(text)}) for number, text in enumerate(sealed)
        ]
        with (root / "received/app1/2026-11-28.jsonl").open("w", encoding="utf-8") as target:
            target.writelines(json.dumps(row) + "\n" for row in rows)
        self.copy = audit_trail.read(root / "received/app1", SINCE)
        self.own = list(audit_trail.read_book(root / "sent", "", SINCE).entries)
        self.here = list(audit_trail.read_book(root / "received", "app1/", SINCE).entries)

    def wrong(self, looked: datetime = NOW) -> list[str]:
        return audit_trail.told_otherwise("app1", self.copy, self.own, self.here, looked.timestamp())


def test_a_file_and_a_book_that_were_made_anew_are_found_by_what_was_told(sealed: list[str], tmp_path: Path) -> None:
    told = Told(tmp_path, sealed)
    assert told.wrong() == []
    told.own[0] = (told.own[0][0], "0" * 64)
    (sentence,) = told.wrong()
    assert sentence.startswith("app1: the daily hash of 2026-11-26.jsonl is not the one that was told")


def test_the_logs_host_tells_the_hashes_of_all_hosts_that_it_keeps(
    site: Site, sealed: list[str], tmp_path: Path
) -> None:
    (tmp_path / "received/data1").mkdir()
    (tmp_path / "received/data1/2026-11-26.jsonl").write_text(json.dumps(line(1)) + "\n", encoding="utf-8")
    keeper.close_days(tmp_path / "received", NOW.timestamp() + 9_000_000, audit=True)
    assert json.loads(sealed[-1])["file"] == "data1/2026-11-26.jsonl"
    assert Told(tmp_path, sealed).wrong() == []


def test_what_a_host_told_after_it_looked_is_not_wanted_in_the_book_that_it_sent(
    sealed: list[str], tmp_path: Path
) -> None:
    told = Told(tmp_path, sealed)
    told.own.clear()
    assert told.wrong()
    assert told.wrong(datetime(2026, 11, 28, 11, tzinfo=UTC)) == []


def test_what_came_after_a_day_was_sealed_has_a_hash_of_its_own(site: Site, sealed: list[str], tmp_path: Path) -> None:
    site.keep(line(3, day="2026-11-27", epoch="e0"), day="2026-11-27")
    keeper.close_days(tmp_path / "sent", NOW.timestamp() + 9_000_000, audit=True)
    assert book(tmp_path / "sent") == []


def test_who_reads_while_the_keeper_closes_a_day_reads_again(
    site: Site, sealed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = tmp_path / "sent"
    site.keep(line(3, day="2026-11-27", epoch="e0"), day="2026-11-27")
    late = sent / "2026-11-27.jsonl"
    keeper.seal(late, sent)
    monkeypatch.setattr(audit_trail.time, "sleep", lambda _: keeper.compress(late, once=False))
    assert book(sent) != []
    trail, closed = audit_trail.read_settled(sent, sent, "", SINCE, "2026-01-01")
    assert closed.problems == []
    assert [trail.lines["e0"].keys(), trail.problems] == [{2, 3}, []]
