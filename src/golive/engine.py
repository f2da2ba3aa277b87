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
CONTAINERD_PID_FILE = Path("/run/docker/containerd/containerd.pid")
LOG_FILE = Path("/var/log/golive-dockerd.log")
SHIM = Path("/usr/local/libexec/golive-runc")
SHIM_SOURCE = Path(__file__).parents[2] / "lab" / "runc-shim"
CAP_SYS_RESOURCE = 1 << 24
START_SECONDS = 60
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1024


def answers() -> bool:
    """Return whether an engine answers on the default socket (or DOCKER_HOST)."""
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def installed() -> bool:
    """Return whether this machine has an engine that could be started."""
    return bool(shutil.which("docker") and shutil.which("dockerd"))


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
    _make_room()


def _make_room() -> None:
    """Let many hosts boot: each systemd takes about eight inotify instances, and a machine has 128 for all of root's.

    A host that finds none left dies at boot without a word. The setting lasts until the machine is started again.
    """
    if int(INOTIFY.read_text()) < INOTIFY_INSTANCES and os.access(INOTIFY, os.W_OK):
        INOTIFY.write_text(str(INOTIFY_INSTANCES))
        say(f"golive: fs.inotify.max_user_instances is now {INOTIFY_INSTANCES}; with less, not all hosts would boot.")


def install_packages(names: list[str]) -> None:
    """Install packages of the distribution (Debian and its kin) that are missing.

    :raises Problem: when that is not possible
    """
    missing = [name for name in names if subprocess.run(["dpkg", "-s", name], capture_output=True).returncode]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Problem(f"{', '.join(missing)} must be installed first; install it as root and run this again.")
    say(f"golive: installing {', '.join(missing)}")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    why = f"{', '.join(missing)} cannot be installed"
    ask([*apt, "update"], why=why)
    ask([*apt, "install", "--yes", "--no-install-recommends", *missing], why=why)


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


def running(pid_file: Path, name: str) -> int | None:
    """Return the pid in a file if that process lives and has this name.

    A file left behind, a pid that was used again, and a zombie count as none: a killed process stays as a zombie until
    its parent collects it, which process 1 of many containers does late or never.
    """
    try:
        found = int(pid_file.read_text())
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{found}/status").read_text().splitlines()[:3])
        return found if status["Name"] == name and not status["State"].startswith("Z") else None
    except (OSError, ValueError, KeyError):
        return None


def pid() -> int | None:
    """Return the pid of the engine that golive started."""
    return running(PID_FILE, "dockerd")


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
        # Its containerd dies with it; while that is a zombie, the next engine takes it for alive and waits in vain.
        if running(CONTAINERD_PID_FILE, "containerd") is None:
            CONTAINERD_PID_FILE.unlink(missing_ok=True)
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
