"""How long a colour that gave over stays up: what is noted on its host, and the units that stop it in the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NOTE = "warm.json"  # in the state directory of the application
PROGRAM = "cool_colour.py"  # beside it
LONGEST_MINUTES = 7 * 24 * 60


def unit(app: str) -> str:
    """Return the name of the units, without their kind."""
    return f"golive-cool-{app}"


def service(app: str, state_dir: str) -> str:
    """Return the unit that asks the edges and stops the colour; it tries again while nobody can say what serves."""
    return f"""# Written by golive; goes with the next switch.
[Unit]
Description=Stop the colour of {app} that gave over
After=docker.service network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 {state_dir}/{PROGRAM} {state_dir}/{NOTE}
Restart=on-failure
RestartSec=60
"""


def timer(app: str, until: float) -> str:
    """Return the timer that starts it, also when the host was off at that time.

    :param until: seconds since 1970
    """
    when = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"""# Written by golive; goes with the next switch.
[Unit]
Description=End of the window in which {app} can be flipped back

[Timer]
OnCalendar={when}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
"""


def told(note: Mapping[str, Any] | None, running: bool, now: float) -> dict[str, Any]:
    """Return whether the colour that gave over is warm; {} without a note.

    :returns: ``{colour, release, until, left_seconds, warm}``
    :param note: content of the note
    :param running: whether its container runs
    :param now: seconds since 1970 on its host
    """
    if not note:
        return {}
    left = max(0, round(float(note["until"]) - now))
    return {
        "colour": note["colour"],
        "release": note["release"],
        "until": note["until"],
        "left_seconds": left,
        "warm": running,
    }
