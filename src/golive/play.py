"""Running a playbook: the command, as anybody could type it, by ansible-runner; what happens is shown as it comes."""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_runner
from golive_core.progress import Event, Progress, Task
from golive_core.screen import Screen
from golive_core.terminal import View

from . import lab
from .lab import ROOT
from .say import Problem, say

INVENTORY = "GOLIVE_INVENTORY"
LANGUAGE = re.compile(r"^golive_language:\s*[\"']?(en|zh|both)\b", re.MULTILINE)
# What ansible-runner must answer when Ansible asks for a password: it holds the terminal.
PROMPTS = {
    ("-K", "--ask-become-pass"): ("BECOME password: ", r"BECOME password.*:\s*?$"),
    ("-k", "--ask-pass"): ("SSH password: ", r"SSH password:\s*?$"),
    ("-J", "--ask-vault-pass", "--ask-vault-password"): ("Vault password: ", r"Vault password.*:\s*?$"),
}
STATUS = {"runner_on_ok": "ok", "runner_on_skipped": "skipped", "runner_on_unreachable": "unreachable"}
PATIENCE_SECONDS = 60  # for Ansible to end after an interrupt


@dataclass(frozen=True)
class Command:
    """A call of ansible-playbook. `words` are its further arguments, from the command line after `--`."""

    playbook: str
    inventory: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()
    words: Sequence[str] = ()

    def argv(self) -> list[str]:
        """Return the words of the command."""
        found = ["ansible-playbook", f"playbooks/{self.playbook}.yml"]
        if self.inventory:
            found += ["-i", _short(self.inventory)]
        for name, value in self.variables.items():
            # As JSON where Ansible would split it at the blanks.
            found += ["-e", f"{name}={value}" if re.fullmatch(r"[\w.:/@+-]+", value) else json.dumps({name: value})]
        return [*found, *self.flags, *self.words]

    def text(self) -> str:
        """Return the command for a shell."""
        return shlex.join(self.argv())


def _short(path: Path) -> str:
    """Return a path as one would type it in the project."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def inventory(given: str | None) -> Path:
    """Return the inventory that is meant.

    :raises Problem: when none was named, or it is not there
    """
    name = given or os.environ.get(INVENTORY) or os.environ.get("ANSIBLE_INVENTORY")
    if not name:
        raise Problem(
            f"no inventory was named: -i inventories/mine, or {INVENTORY}=...; `./golive init` writes one.", code=2
        )
    for path in (Path(name), ROOT / name):
        if path.exists():  # a relative path that is not there would be taken for the name of a host
            return path.absolute()
    raise Problem(f"there is no inventory {name}; `./golive init {name}` writes one.", code=2)


def records_of(place: Path) -> Path:
    """Return where the records of an inventory are."""
    if place.resolve().is_relative_to(ROOT / "inventories" / "lab"):
        return lab.current().state / "records"
    return (place if place.is_dir() else place.parent) / ".golive" / "records"


def language_of(place: Path | None) -> str:
    """Return the language of an inventory's operators, where it says so in plain words; else English."""
    if place:
        home = place if place.is_dir() else place.parent
        for file in sorted([home / "group_vars" / "all.yml", *home.glob("group_vars/all/*.yml")]):
            with suppress(OSError, UnicodeDecodeError):
                if found := LANGUAGE.search(file.read_text(encoding="utf-8")):
                    return found[1]
    return "en"


def _passwords(words: Sequence[str]) -> dict[str, str]:
    """Ask for the passwords that Ansible would ask for."""
    return {
        pattern: getpass.getpass(prompt)
        for names, (prompt, pattern) in PROMPTS.items()
        if any(name in words for name in names)
    }


class Follower:
    """Feeds what ansible-runner reports into the state of the run, and shows what follows."""

    def __init__(self, command: Command, *, as_json: bool, quiet: bool) -> None:
        """Begin.

        :param as_json: print one event per line
        :param quiet: print only what the run says to its operator
        """
        flags = [*command.flags, *command.words]
        self.progress = Progress(
            f"{command.playbook}.yml",
            check="--check" in flags or "-C" in flags,
            diff="--diff" in flags or "-D" in flags,
        )
        terminal = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        view = View(
            language=language_of(command.inventory),
            colour=terminal and "NO_COLOR" not in os.environ,
            live=terminal and not as_json,
        )
        self.screen = Screen(self.progress, view)
        self._json, self._quiet = as_json, quiet
        self.pid: int | None = None
        self.said: list[str] = []  # what Ansible said outside of any task
        self.last: Event = {}

    def event(self, event: Mapping[str, Any]) -> bool:
        """Take one event of ansible-runner; none of them is kept in a file."""
        kind, data = event.get("event", ""), event.get("event_data") or {}
        self.pid = event.get("pid") or self.pid
        if kind == "playbook_on_play_start":
            self.show(self.progress.play(str(data.get("play", ""))))
        elif kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            self.show(self.progress.starts(_task(data)))
        elif kind == "runner_on_start":
            self.show(self.progress.starts(_task(data), str(data.get("host", ""))))
        elif kind == "runner_on_failed" or kind in STATUS:
            status = "ignored" if data.get("ignore_errors") else STATUS.get(kind, "failed")
            self.show(self.progress.result(str(data.get("host", "")), status, _task(data), data.get("res") or {}))
        elif kind in ("error", "verbose", "system_warning", "warning") and event.get("stdout"):
            self.said.append(str(event["stdout"]))
        return False

    def end(self, code: int, *, interrupted: bool) -> int:
        """Say how it ended; return the exit code."""
        events = self.progress.ends(code, interrupted=interrupted)
        self.screen.close()
        if code and not self.progress.phase and not self.progress.failures and not self.progress.run:
            for line in self.said:  # the playbook did not start: Ansible says why
                print(line, file=sys.stderr, flush=True)
        for event in events:
            if event["event"] == "run.finished":
                event["log"] = _log_of(self.pid)
                self.last = event
        self.show(events)
        return int(self.last["code"])

    def show(self, events: Sequence[Event]) -> None:
        """Print what follows from a report."""
        for event in events:
            if self._json:
                self.screen.lines([json.dumps(event, ensure_ascii=False, default=str)])
            elif self._quiet and event.get("exit_name", "live") == "live":
                self.screen.lines([str(event["message"])] if event["event"] == "note" else [])
            else:
                self.screen.lines(self.screen.view.lines(event))


def _task(data: Mapping[str, Any]) -> Task:
    name = str(data.get("task", "")).rpartition(" : ")[2].strip()
    return Task(name, str(data.get("resolved_action") or data.get("task_action") or ""), str(data.get("role") or ""))


def _log_of(pid: int | None) -> str:
    """Return the log file that the callback plugin of that process wrote."""
    found = sorted((ROOT / (os.environ.get("GOLIVE_LOGS") or ".golive/logs")).glob(f"*-{pid}.log"))
    return str(found[-1]) if found else ""


def run(
    command: Command, *, as_json: bool = False, quiet: bool = False, before: Callable[[], None] | None = None
) -> Event:
    """Run a playbook and show it; return the event that tells how it ended.

    What ansible-runner leaves on the disk holds the environment, so it lies in a directory of our own, and goes at the
    end. Host keys are checked, unless ANSIBLE_HOST_KEY_CHECKING says otherwise: ansible-runner would switch that off.
    """
    passwords = _passwords(command.words)
    follower = Follower(command, as_json=as_json, quiet=quiet)
    interrupts: list[float] = []

    def interrupt(*_: object) -> None:
        """Pass an interrupt on; Ansible ends its tasks. The second one does not wait for that."""
        interrupts.append(time.monotonic())
        if follower.pid:
            with suppress(ProcessLookupError):
                os.kill(follower.pid, signal.SIGINT if len(interrupts) == 1 else signal.SIGTERM)

    def impatient() -> bool:
        """Return whether ansible-runner shall kill it: interrupted, and it does not end."""
        return bool(interrupts) and (len(interrupts) > 1 or time.monotonic() - interrupts[0] > PATIENCE_SECONDS)

    environment = {
        # ansible-playbook beside the Python that runs this, also where nobody has activated its environment.
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "callback_plugins"),
        "ANSIBLE_STDOUT_CALLBACK": "golive",
        "GOLIVE_OUTPUT": "none",  # only the log; what is shown comes from the events
        "ANSIBLE_HOST_KEY_CHECKING": os.environ.get("ANSIBLE_HOST_KEY_CHECKING", "True"),
    }
    if before:
        before()
    caught = threading.current_thread() is threading.main_thread()
    old = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)} if caught else {}
    try:
        with tempfile.TemporaryDirectory(prefix="golive-run-") as private:
            _, _, code = ansible_runner.run_command(
                executable_cmd=command.argv()[0],
                cmdline_args=command.argv()[1:],
                host_cwd=str(ROOT),
                private_data_dir=private,
                envvars=environment,
                passwords=passwords,
                event_handler=follower.event,
                cancel_callback=impatient,
                fact_cache_type="memory",
                suppress_env_files=True,
                quiet=True,
                settings={"pexpect_timeout": 1},  # how often it asks whether to cancel
            )
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
    follower.end(int(code or 0), interrupted=bool(interrupts))
    return follower.last


def show(command: Command) -> None:
    """Print a command instead of running it."""
    say(command.text())
