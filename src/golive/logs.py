"""`./golive logs`: lines of all hosts, asked of the logs host by module log_find."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import play
from .lab import ROOT
from .say import Problem, say

# Option to what its value is; each is an option of module log_find of the same name.
WORDS = {
    "since": "from then on: a span before now (90s, 15m, 2h, 7d) or a time in ISO 8601 (15m)",
    "until": "up to then, in the same form (now)",
    "host": "of that host",
    "service": "of that service, such as haproxy, sshd, or the name of the application",
    "release": "of that release",
    "request_id": "about that request",
}


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "logs",
        help="lines of all hosts, found on the logs host",
        epilog="example: ./golive logs timeout -i inventories/mine --service haproxy --since 2h",
    )
    parser.add_argument("text", nargs="?", default="", help="text that the line contains")
    parser.add_argument("-i", "--inventory", metavar="DIR", help=f"the inventory (or {play.INVENTORY})")
    for name, about in WORDS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="WORD", default="", help=about)
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="the newest so many (200)")
    parser.add_argument("--json", action="store_true", help="print one line as JSON per line")


def command(place: Path, options: argparse.Namespace) -> list[str]:
    """Return the call of Ansible that asks."""
    asked = {name: value for name in (*WORDS, "text", "limit") if (value := getattr(options, name))}
    return [
        str(Path(sys.executable).with_name("ansible")),
        "logs[0]",
        "-i",
        str(place),
        "-m",
        "log_find",
        "-a",
        json.dumps(asked),
    ]


def answer(output: str) -> dict[str, Any]:
    """Return what the module said.

    :raises Problem: when it said nothing, or what was wrong
    """
    try:
        plays = json.loads(output[output.index("{") :])["plays"]
        said: dict[str, Any] = next(iter(plays[0]["tasks"][0]["hosts"].values()))
    except (ValueError, LookupError, StopIteration):
        raise Problem("the inventory has no host in group logs, or Ansible could not ask it.") from None
    if said.get("failed") or said.get("unreachable"):
        raise Problem(f"the logs host cannot be asked: {said.get('msg', 'it said nothing')}")
    return said


def carry_out(options: argparse.Namespace) -> int:
    """Print the lines; return 0, or 1 when there are none.

    :raises Problem: when nobody can be asked
    """
    own = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
    done = subprocess.run(
        command(play.inventory(options.inventory), options),
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **own},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    said = answer(done.stdout)
    for line, entry in zip(said["lines"], said["entries"], strict=True):
        say(json.dumps(entry, ensure_ascii=False) if options.json else line)
    return 0 if said["lines"] else 1
