"""The receiver of the hosts' state, where it cannot listen; all else of it is in scenario backup."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from support import ROOT


def test_a_port_that_another_has_is_named_in_one_line(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings.write_text(json.dumps({"address": "127.0.0.1", "port": port, "hosts": {}}), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, ROOT / "roles" / "backup" / "files" / "host_state.py", "receive"],
            env={**os.environ, "PYTHONPATH": str(ROOT / "module_utils"), "GOLIVE_STATE_SETTINGS": str(settings)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert f"cannot be taken at 127.0.0.1:{port}: [Errno 98] Address already in use. `ss -ltnp`" in done.stdout
    assert len(done.stdout.splitlines()) == 1
