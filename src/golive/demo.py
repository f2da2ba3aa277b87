"""The demonstration: a go-live of the reference application in the lab."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .lab import RELEASES, ROOT, Lab
from .say import Problem, say


def demo(lab: Lab, release: str) -> None:
    """Bring up the lab, take `release` live in it, and say where to look; when it is live already, verify that.

    :raises Problem: when the release did not go live
    """
    started = float(os.environ.get("GOLIVE_STARTED") or time.time())  # the launcher's set-up counts
    lab.up(release)
    if not (lab.serves() and went_live(lab.records(), release) and _verified(lab, release)):
        code = _play(lab, "playbooks/golive.yml", "-i", "inventories/lab", "-e", f"release={release}")
        if code:
            raise Problem(
                f"release {release} did not go live (exit code {code}); the lines above say why and what to do."
            )
    _report(lab, release, time.time() - started)


def went_live(records: Sequence[Path], release: str) -> bool:
    """Return whether the newest of these records says that the release serves and that its gates passed.

    :param records: directories, oldest first
    """
    if not records:
        return False
    told = _told(records[-1])
    return told.get("verdict") in ("LIVE", "VERIFIED") and told["run"]["release"] == release


def _verified(lab: Lab, release: str) -> bool:
    """Measure the gates that read; what is not green is for a go-live to set right."""
    if _play(lab, "playbooks/verify.yml", "-i", "inventories/lab") == 0 and went_live(lab.records(), release):
        return True
    say("golive: not all is as it was; going live again")
    return False


def _play(lab: Lab, *words: str) -> int:
    command = lab.playbook(*words)
    say(f"golive: {' '.join(command)}")
    return subprocess.run(command, cwd=ROOT, env=lab.environment, check=False).returncode


def _told(record: Path) -> dict[str, Any]:
    """Return record.json; nothing of a run that was cut off before it."""
    file = record / "record.json"
    told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return told


def _report(lab: Lab, release: str, seconds: float) -> None:
    record = lab.records()[-1]
    told = _told(record)
    edge, prometheus, alertmanager = lab.port("edge1", 443), lab.port("ops1", 9090), lab.port("ops1", 9093)
    port = edge.rpartition(":")[2]
    authority = lab.state / "secrets" / "ca" / "ca.crt"
    passed = sum(gate["verdict"] == "PASS" for gate in told["gates"])
    waived = sum(bool(gate.get("waived")) for gate in told["gates"])
    say("")
    say(f"  Verdict       {told['verdict']}: {told['run']['app']} {told['run']['release']}")
    say(f"  Gates         {passed} of {len(told['gates'])} passed{f', {waived} waived' if waived else ''}")
    say(f"  Application   curl --cacert {authority} https://localhost:{port}/health/")
    say(f"  Prometheus    http://{prometheus}")
    say(f"  Alertmanager  http://{alertmanager}")
    say(f"  Record        {record / 'record.md'}")
    say(f"  Took          {seconds:.0f} s; the hosts use {lab.memory_bytes() / 2**30:.1f} GiB")
    if release != RELEASES[-1]:
        say(f"  Next          ./golive demo --release {RELEASES[-1]}  takes the next release live")
    say("                ./golive demo down  removes all of it")
