"""Which of a host's certificate files are not as role tls wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any


def _rights(file: Mapping[str, Any] | None) -> tuple[str, str]:
    return (str(file["mode"]), str(file["gr_name"])) if file else ("", "")


def wrong_files(
    found: Iterable[Mapping[str, Any]],
    texts: Mapping[str, str],
    links: Iterable[str],
    pairs: Iterable[str],
    stale: Iterable[str],
    group: str,
) -> list[str]:
    """Return the names of the files that are missing, differ, or are readable for others than they should be.

    :param found: files of the directory as ansible.builtin.find returns them, with sha256 checksums
    :param texts: file name to wanted content
    :param links: names that must be links
    :param pairs: for each, `.crt`, `.key` and `.pem` (certificate and key) must be there. A key that was made on the
        host is not known here, so `.pem` is known by its size, and by being no older than what it is made of
    :param stale: names that must not be there
    :param group: the group that reads keys
    """
    here = {str(file["path"]).rpartition("/")[2]: file for file in found}
    wanted = dict.fromkeys(texts, ("0644", "root")) | dict.fromkeys(links, ("0777", "root"))
    for pair in pairs:
        wanted |= {f"{pair}.crt": ("0644", "root"), f"{pair}.key": ("0640", group), f"{pair}.pem": ("0640", group)}

    def size(name: str) -> int:
        return int(here[name]["size"]) if name in here else -1

    def written(name: str) -> float:
        return float(here[name]["mtime"]) if name in here else 0.0

    wrong = {name for name, rights in wanted.items() if _rights(here.get(name)) != rights}
    wrong |= {
        name
        for name, text in texts.items()
        if name in here and here[name].get("checksum") != hashlib.sha256(text.encode()).hexdigest()
    }
    for pair in pairs:
        cert, key, pem = (f"{pair}.{kind}" for kind in ("crt", "key", "pem"))
        # A renewed certificate often has the size of the one before.
        if size(pem) != size(cert) + size(key) or written(pem) < max(written(cert), written(key)):
            wrong.add(pem)
    return sorted(wrong | (here.keys() & set(stale)))
