"""What the command tells its user, and how it refuses."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class Problem(Exception):
    """Something the user can act on: one sentence, and the command ends with `code`."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        """Take the sentence; code 2 is for a wrong use of the command."""
        super().__init__(sentence)
        self.code = code


def say(message: str) -> None:
    """Print one line at once, also into a pipe."""
    print(message, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what is being done, and how long it took."""
    started = time.monotonic()
    say(f"golive: {name} ...")
    yield
    say(f"golive: {name}: {time.monotonic() - started:.0f} s")


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run a command that prints for itself.

    :raises Problem: when it fails
    """
    code = subprocess.run([str(word) for word in command], env=env, cwd=cwd, check=False).returncode
    if code:
        raise Problem(f"`{' '.join(map(str, command))}` ended with exit code {code}; its last lines say why.")


def ask(command: Sequence[str | Path], *, why: str) -> str:
    """Run a command and return what it printed.

    :param why: what was being done, for the sentence when it fails
    :raises Problem: when it fails
    """
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        raise Problem(f"{why}: `{' '.join(map(str, command))}` said: {last[0]}")
    return done.stdout.strip()


def complain(problem: object) -> None:
    """Print a refusal to standard error."""
    print(f"golive: {problem}", file=sys.stderr, flush=True)
