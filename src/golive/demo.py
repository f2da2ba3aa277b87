"""The demonstration: a go-live of the reference application in the lab."""

from __future__ import annotations

import json
import os
import subprocess
import time

from .lab import RELEASES, ROOT, Lab
from .say import Problem, say


def demo(lab: Lab, release: str) -> None:
    """Bring up the lab, take `release` live in it, and say where to look.

    :raises Problem: when the release did not go live
    """
    started = float(os.environ.get("GOLIVE_STARTED") or time.time())  # the launcher's set-up counts
    lab.up(release)
    command = lab.playbook("playbooks/golive.yml", "-i", "inventories/lab", "-e", f"release={release}")
    say(f"golive: {' '.join(command)}")
    code = subprocess.run(command, cwd=ROOT, env=lab.environment, check=False).returncode
    if code:
        raise Problem(f"release {release} did not go live (exit code {code}); the lines above say why and what to do.")
    _report(lab, release, time.time() - started)


def _report(lab: Lab, release: str, seconds: float) -> None:
    record = lab.last_record()
    told = json.loads((record / "record.json").read_text(encoding="utf-8"))
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
