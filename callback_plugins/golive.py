"""What a run shows on the terminal: phases, verdicts, and how it ended. Ansible's own lines go to a log file."""

from __future__ import annotations

DOCUMENTATION = r"""
name: golive
type: stdout
short_description: Phases, gates and the end of a run; everything else in a log file
description:
  - Shows the phases of a run with their gates, time against the last run, verdicts as they come, warnings, and last
    what came of it and where the live traffic is.
  - With C(-v), Ansible's own lines as P(ansible.builtin.default#callback) writes them.
  - What that would have written is always in a log file that its owner alone may read. What C(no_log) hides is hidden
    there, too.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
options:
  golive_output:
    description:
      - V(auto) redraws a last line on a terminal and prints plain lines elsewhere, V(plain) prints plain lines, V(json)
        one event per line, V(none) nothing.
    type: str
    choices: [auto, plain, json, none]
    default: auto
    env: [{name: GOLIVE_OUTPUT}]
    ini: [{section: golive, key: output}]
  golive_logs:
    description: Directory of the log files, relative to the project. Empty for none.
    type: str
    default: .golive/logs
    env: [{name: GOLIVE_LOGS}]
    ini: [{section: golive, key: logs}]
  golive_logs_keep:
    description: How many log files are kept there.
    type: int
    default: 100
    env: [{name: GOLIVE_LOGS_KEEP}]
    ini: [{section: golive, key: logs_keep}]
author: [golive developers]
"""

import atexit
import json
import os
import re
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ansible import context
from ansible.plugins.callback.default import CallbackModule as DefaultCallback
from ansible.utils.color import ANSIBLE_COLOR

# Ansible sends module_utils to the targets but does not put it on the controller's path.
sys.path.insert(0, str(Path(__file__).parents[1] / "module_utils"))

from golive_core.progress import Event, Progress, Task
from golive_core.screen import Screen
from golive_core.terminal import View

ROOT = Path(__file__).parents[1]
LANGUAGES = ("en", "zh", "both")


class Log:
    """The display to which Ansible's own callback writes: a file, and with -v the terminal as well."""

    def __init__(self, display: Any) -> None:
        """Begin without a file.

        :param display: Ansible's
        """
        self._display = display
        self.file: IO[str] | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what a log does not change."""
        return getattr(self._display, name)

    def open(self, directory: Path, name: str, keep: int) -> None:
        """Make a file that nobody else may read, and remove the oldest ones.

        :raises OSError: when it cannot be made
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in sorted(directory.glob("*.log"))[: -keep + 1 or None]:
            old.unlink(missing_ok=True)
        descriptor = os.open(directory / name, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.file = os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace", buffering=1)

    def write(self, line: str) -> None:
        """Append lines."""
        if self.file:
            self.file.write(re.sub(r"\x1b\[[0-9;]*m", "", line) + "\n")

    def display(self, msg: str, *words: Any, **named: Any) -> None:
        """Take what would be printed."""
        if not named.get("screen_only"):
            self.write(str(msg))
        if self._display.verbosity:
            self._display.display(msg, *words, **named)

    def banner(self, msg: str, *words: Any, **named: Any) -> None:
        """Take a headline."""
        self.write(f"\n{time.strftime('%H:%M:%S')} {msg}")
        if self._display.verbosity:
            self._display.banner(msg, *words, **named)

    def _warning(self, warning: Any, *words: Any, **named: Any) -> None:
        self.write(f"[WARNING]: {getattr(getattr(warning, 'event', None), 'msg', warning)}")
        if self._display.verbosity:
            self._display._warning(warning, *words, **named)

    def _error(self, error: Any, *words: Any, **named: Any) -> None:
        if self._display.verbosity:
            self._display._error(error, *words, **named)


class CallbackModule(DefaultCallback):  # type: ignore[misc]
    """Ansible's callback, whose lines go to the log, and what is shown instead."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "golive"

    def __init__(self) -> None:
        """Begin; the run is known with its first play."""
        super().__init__()
        self._terminal = self._display
        self._display: Any = Log(self._terminal)
        self._progress = Progress("")
        self._screen = Screen(self._progress, View())
        self._begun = False
        self._json = False
        self._language = ""
        self._shown = False
        self._interrupted = False
        self._log = ""
        self._process = os.getpid()

    # --- the run

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Open the log."""
        name = Path(playbook._file_name)
        if directory := self.get_option("golive_logs"):
            file = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{name.stem}-{os.getpid()}.log"
            try:
                self._display.open(ROOT / directory, file, self.get_option("golive_logs_keep"))
                self._log = str(ROOT / directory / file)
            except OSError as error:
                self._terminal.warning(
                    f"No log is kept: {error}. GOLIVE_LOGS names another directory, or is empty for none."
                )
        self._progress = Progress(name.name, check=context.CLIARGS.get("check"), diff=context.CLIARGS.get("diff"))
        self._note_interrupts()
        atexit.register(self._broken_off)
        super().v2_playbook_on_start(playbook)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Note the play, and at the first one the language."""
        if not self._begun:
            self._begin(play)
        self._show(self._progress.play(play.get_name()))
        super().v2_playbook_on_play_start(play)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Say how it ended."""
        super().v2_playbook_on_stats(stats)
        failed = any(stats.failures.values()) or any(stats.dark.values())
        self._end(2 if failed else 0)

    def _begin(self, play: Any) -> None:
        self._begun = True
        output = self.get_option("golive_output")
        terminal = output == "auto" and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        quiet = output == "none" or self._terminal.verbosity > 0
        self._json = output == "json"
        view = View(
            language=_language(play),
            colour=bool(ANSIBLE_COLOR) and not self._json,
            live=terminal and not quiet,
        )
        self._screen = Screen(self._progress, view)
        self._shown = output != "none" and (self._json or not quiet)

    def _show(self, events: list[Event]) -> None:
        if not self._shown:
            return
        for event in events:
            line = (
                [json.dumps(event, ensure_ascii=False, default=str)] if self._json else self._screen.view.lines(event)
            )
            self._screen.lines(line)

    def _end(self, code: int, interrupted: bool = False) -> None:
        if not self._begun:
            return
        events = self._progress.ends(code, interrupted=interrupted)
        self._screen.close()
        for event in events:
            event.setdefault("log", self._log)
        if self._display.file:
            for event in events:
                self._display.write("\n".join(View().lines(event)))
        self._show(events)

    def _broken_off(self) -> None:
        """Say what was left, when Ansible ends without its recap: interrupted, or by an error of its own."""
        if os.getpid() == self._process:
            self._end(99, interrupted=self._interrupted)

    def _note_interrupts(self) -> None:
        before = signal.getsignal(signal.SIGINT)

        def interrupt(number: int, frame: Any) -> Any:
            self._interrupted = True
            return before(number, frame) if callable(before) else None

        if callable(before):
            signal.signal(signal.SIGINT, interrupt)

    # --- the tasks

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Note the task."""
        self._show(self._progress.starts(_task(task)))
        super().v2_playbook_on_task_start(task, is_conditional)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Note the handler."""
        self._show(self._progress.starts(_task(task)))
        super().v2_playbook_on_handler_task_start(task)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Note the host."""
        self._show(self._progress.starts(_task(task), host.get_name()))
        super().v2_runner_on_start(host, task)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Take an answer."""
        self._take("ok", result)
        super().v2_runner_on_ok(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Take a failure."""
        self._take("ignored" if ignore_errors else "failed", result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Take a host that does not answer."""
        self._take("ignored" if result.task.ignore_unreachable else "unreachable", result)
        super().v2_runner_on_unreachable(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Take a task that was not needed."""
        self._take("skipped", result)
        super().v2_runner_on_skipped(result)

    def _take(self, status: str, result: Any) -> None:
        self._show(self._progress.result(result.host.get_name(), status, _task(result.task), result.result))


def _task(task: Any) -> Task:
    role = task._role.get_name() if task._role else ""
    return Task(task.get_name().rpartition(" : ")[2].strip(), str(task.action), role)


def _language(play: Any) -> str:
    """Return the language of the inventory's operators; English when it does not say so plainly."""
    with suppress(Exception):  # whatever is wrong with a variable is said where it is used
        manager = play.get_variable_manager()
        hosts = manager._inventory.get_hosts()
        found = str(manager.get_vars(play=play, host=hosts[0] if hosts else None).get("golive_language", "en"))
        return found if found in LANGUAGES else "en"
    return "en"
