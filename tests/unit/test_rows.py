"""Data that requests are made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from golive_core.rows import MAX_BYTES, read_file, read_rows


def test_csv_has_a_line_of_names() -> None:
    assert read_rows(b'\xef\xbb\xbfid,key\r\n1,a\r\n2,"b,c"\r\n', "x.csv") == [
        {"id": "1", "key": "a"},
        {"id": "2", "key": "b,c"},
    ]


def test_json_is_a_list_of_objects() -> None:
    assert read_rows(b'[{"id": 1}]', "x.json") == [{"id": 1}]


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"", "x.csv", "x.csv holds no row"),
        (b"id,key\n", "x.csv", "x.csv holds no row"),
        (b"id,key\ns3cr3t\n", "x.csv", "row 1 of x.csv has not as many fields"),
        (b"id\ns3cr3t,2\n", "x.csv", "row 1 of x.csv has not as many fields"),
        (b"id\n\xff\n", "x.csv", "x.csv is not UTF-8"),
        (b'id\n"s3cr3t', "x.csv", "x.csv is not CSV"),
        (b'[{"key": "s3cr3t"', "x.json", "x.json is not JSON"),
        (b'{"key": "s3cr3t"}', "x.json", "does not hold a JSON list of objects"),
        (b'["s3cr3t"]', "x.json", "does not hold a JSON list of objects"),
    ],
)
def test_bad_data_is_one_sentence_that_shows_no_value(data: bytes, name: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\.(csv|json)") as refused:
        read_rows(data, name)
    assert said in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


def test_a_file_that_is_not_there_or_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        read_file(str(tmp_path / "none.csv"))
    with (tmp_path / "long.csv").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ValueError, match="is longer than"):
        read_file(str(tmp_path / "long.csv"))
