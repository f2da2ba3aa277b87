"""What a service tells systemd."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def tell_systemd(word: str) -> None:
    """Tell systemd how it stands (sd_notify(3)); nothing without it."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, suppress(OSError):
            notify.sendto(word.encode(), address.replace("@", "\0", 1))
