"""Lines on a terminal, and a last one that is drawn anew while a run goes on."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from .progress import Progress
from .terminal import View

REDRAW_SECONDS = 0.5
NARROWEST = 40  # columns; a terminal that says less does not know


class Screen:
    """Standard output; with a view that is live, its last line is drawn anew every half second."""

    def __init__(self, progress: Progress, view: View) -> None:
        """Begin."""
        self.view = view
        self._progress = progress
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._drawn = False
        if view.live:
            threading.Thread(target=self._keep_drawing, daemon=True).start()

    def lines(self, lines: Sequence[str]) -> None:
        """Print lines that stay."""
        if lines:
            with self._lock:
                self._write("\x1b[2K" * self._drawn + "".join(f"{line}\n" for line in lines))
                self._drawn = False

    def close(self) -> None:
        """Take the last line away, and draw no more."""
        self._done.set()
        with self._lock:
            self._write("\x1b[2K" * self._drawn)
            self._drawn = False

    def _keep_drawing(self) -> None:
        while not self._done.wait(REDRAW_SECONDS):
            with self._lock, suppress(OSError, RuntimeError):  # the state may change while it is read
                columns = os.get_terminal_size(sys.stdout.fileno()).columns
                line = self.view.status(self._progress, time.monotonic(), columns if columns >= NARROWEST else 80)
                if line and not self._done.is_set():
                    # The cursor stays at its beginning: what others print goes over it.
                    self._write(f"\x1b[2K{line}\r")
                    self._drawn = True

    @staticmethod
    def _write(words: str) -> None:
        # Past Python's buffer, of which a worker that is forked meanwhile would write its copy, too.
        sys.stdout.flush()
        left = words.encode(sys.stdout.encoding or "utf-8", errors="replace")
        try:
            while left:
                left = left[os.write(sys.stdout.fileno(), left) :]
        except BrokenPipeError:  # nobody reads any more; the run goes on
            return
