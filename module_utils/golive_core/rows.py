"""Rows of data that requests are made of: user names, ids, API keys."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

MAX_BYTES = 16 * 1024 * 1024


def read_rows(data: bytes, name: str) -> list[dict[str, Any]]:
    """Return the rows of a file: CSV with a line of names, or JSON (a list of objects) when its name ends in .json.

    :raises ValueError: one sentence that names the file but shows none of its values, which may be keys
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 (byte {error.start})") from error
    if name.endswith(".json"):
        try:
            rows = json.loads(text)
        except (ValueError, RecursionError) as error:
            where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
            raise ValueError(f"{name} is not JSON{where}") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"{name} does not hold a JSON list of objects")
    else:
        try:
            rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            raise ValueError(f"{name} is not CSV: {error}") from error
        for number, row in enumerate(rows, 1):
            if None in row or None in row.values():
                raise ValueError(f"row {number} of {name} has not as many fields as its line of names")
    if not rows:
        raise ValueError(f"{name} holds no row")
    return rows


def read_file(path: str) -> list[dict[str, Any]]:
    """Return the rows of a file on this host.

    :raises ValueError: as :func:`read_rows`, and when the file cannot be read or is too long
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path} is longer than {MAX_BYTES} bytes")
    return read_rows(data, path)
