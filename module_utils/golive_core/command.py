"""What a command that only looks said, as a measurement."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .http import printable
from .measurement import Measurement, measurement, utc_now

_SHOWN = 160  # characters of the output that are repeated


def run(argv: Sequence[str], timeout: float) -> tuple[int, str, str]:
    """Run a command and return its exit code, standard output and errors. One that is late ends with all that it began.

    :param timeout: seconds
    :raises subprocess.TimeoutExpired: when it is late
    :raises OSError: when it cannot be started
    """
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output.decode(errors="replace"), errors.decode(errors="replace")


def problems(check: Mapping[str, Any], code: int, output: str) -> tuple[list[str], float | None]:
    """Return what is wrong with how a command ended, and the number in its output; None when something is wrong.

    :param check: `exit_code`, `matches`, `number` of module command_probe
    """
    found = [] if code == check["exit_code"] else [f"exit code {code}"]
    if check["matches"] and not re.search(check["matches"], output):
        found.append(f"{check['matches']} is not in its output")
    value = None
    if check["number"]:
        try:
            value = float(re.search(check["number"], output)[1])  # type: ignore[index]
        except (TypeError, ValueError):  # not there, or no number
            found.append(f"no number as in {check['number']}")
    return found, None if found else value


def measure(check: Mapping[str, Any], check_mode: bool) -> Measurement:
    """Run one command and measure it.

    :param check: one of module command_probe
    """
    name, started, clock = " ".join(check["argv"]), utc_now(), time.monotonic()
    words = [f"{each} in its output" for each in (check["matches"], check["number"]) if each]
    expected = ", ".join([f"exit code {check['exit_code']}", *words])
    if check_mode:
        return measurement(check["id"], n=0, invalid=f"check mode does not run {name}", started=started)
    try:
        code, output, errors = run(check["argv"], check["timeout_seconds"])
    except subprocess.TimeoutExpired:
        why = f"{name} did not end within {check['timeout_seconds']:g} s"
        return measurement(check["id"], n=0, invalid=why, expected=expected, started=started)
    except OSError as error:
        why = f"{name} cannot be started: {error.strerror}"
        return measurement(check["id"], n=0, invalid=why, expected=expected, started=started)
    seconds = time.monotonic() - clock
    wrong, value = problems(check, code, output)
    said = _last_words(output) or _last_words(errors) or "nothing"
    return measurement(
        check["id"],
        n=1,
        failures=1 if wrong else 0,
        samples=(seconds,) if value is None else (value,),
        value=value,
        unit=check["unit"] if check["number"] else "s",
        observed=f"{name}: " + "; ".join([*wrong, f"it said: {said}"]),
        expected=expected,
        started=started,
        seconds=seconds,
    )


def _last_words(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return printable(" ".join(lines[-1].split()))[:_SHOWN] if lines else ""
