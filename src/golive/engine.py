"""Make sure that a Docker engine runs, and end the one that golive started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from .say import Problem, ask, run, say

PID_FILE = Path("/run/golive/dockerd.pid")
LOG_FILE = Path("/var/log/golive-dockerd.log")
SHIM = Path("/usr/local/libexec/golive-runc")
SHIM_SOURCE = Path(__file__).parents[2] / "lab" / "runc-shim"
CAP_SYS_RESOURCE = 1 << 24
START_SECONDS = 60


def answers() -> bool:
    """Return whether an engine answers on the default socket (or DOCKER_HOST)."""
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def ensure() -> None:
    """Install the distribution's engine when there is none, and start it when it does not run.

    :raises Problem: when that needs root, or the engine does not come up
    """
    if not (shutil.which("docker") and answers()):
        _install()
        if Path("/run/systemd/system").is_dir():
            run(["systemctl", "start", "docker"])
        else:
            _start()
    _refuse_without_privileges()


def install_packages(names: list[str]) -> None:
    """Install packages of the distribution (Debian and its kin) that are missing.

    :raises Problem: when that is not possible
    """
    missing = [name for name in names if subprocess.run(["dpkg", "-s", name], capture_output=True).returncode]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Problem(f"{', '.join(missing)} must be installed first; install it as root and run this again.")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=env)
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], env=env)


def _install() -> None:
    if not shutil.which("dockerd"):
        install_packages(["docker.io"])
    if not shutil.which("docker"):
        install_packages(["docker-cli"])  # Debian 13 has the client in a package of its own


def _shim_needed() -> bool:
    """Return whether this kernel withholds a capability that engines before 23 ask for in privileged containers."""
    status = Path("/proc/self/status").read_text()
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(bounding, 16) & CAP_SYS_RESOURCE


def pid() -> int | None:
    """Return the pid of the engine that golive started; a stale pid file, a pid used again, or a zombie is not one."""
    try:
        found = int(PID_FILE.read_text())
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{found}/status").read_text().splitlines()[:3])
        # A killed process stays as a zombie where process 1 does not collect orphans, as in many containers.
        return found if status["Name"] == "dockerd" and not status["State"].startswith("Z") else None
    except (OSError, ValueError, KeyError):
        return None


def _start() -> None:
    """Start the engine without an init system."""
    if os.geteuid() != 0:
        raise Problem("no Docker engine runs, and starting one needs root; start it, or run this as root.")
    command = ["dockerd", "--pidfile", str(PID_FILE)]
    if _shim_needed():
        SHIM.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SHIM_SOURCE, SHIM)
        SHIM.chmod(0o755)
        command += ["--add-runtime", f"golive={SHIM}", "--default-runtime", "golive"]
    PID_FILE.parent.mkdir(parents=True, exist_ok=True)
    if pid() is None:
        PID_FILE.unlink(missing_ok=True)  # left by an engine that was killed
        with LOG_FILE.open("ab") as log:
            subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + START_SECONDS
    while not answers():
        if time.monotonic() > until:
            last = LOG_FILE.read_text(errors="replace").splitlines()[-1:]
            raise Problem(
                f"the Docker engine did not answer within {START_SECONDS} s; the last line of {LOG_FILE}: {last}"
            )
        time.sleep(0.2)


def _refuse_without_privileges() -> None:
    """The lab's hosts are privileged containers; say so before the first of them fails.

    :raises Problem: when the engine that runs cannot start any on this kernel
    """
    info = json.loads(ask(["docker", "info", "--format", "{{json .}}"], why="The Docker engine does not answer"))
    old = int(info["ServerVersion"].split(".")[0]) < 23
    if _shim_needed() and old and info["DefaultRuntime"] == "runc":
        raise Problem(
            f"the Docker engine {info['ServerVersion']} that runs cannot start privileged containers on this kernel, "
            "which withholds CAP_SYS_RESOURCE; stop it and run this again (golive then starts it with a shim), "
            "or use engine 23 or newer."
        )


def stop_if_unused() -> None:
    """End the engine that golive started, unless somebody else has containers on it."""
    engine = pid()
    if engine is None:
        return
    if ask(["docker", "ps", "--all", "--quiet"], why="The Docker engine does not answer"):
        say("golive: the Docker engine goes on: there are other containers on it.")
        return
    os.kill(engine, signal.SIGTERM)
    until = time.monotonic() + 30
    while pid() is not None:
        if time.monotonic() > until:
            raise Problem(f"the Docker engine (pid {engine}) did not end within 30 s; see {LOG_FILE}.")
        time.sleep(0.2)
    PID_FILE.unlink(missing_ok=True)
    SHIM.unlink(missing_ok=True)
    LOG_FILE.unlink(missing_ok=True)
