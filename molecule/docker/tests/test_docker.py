"""The engine as its clients meet it, after a reboot."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

UNITS = ["docker", "golive-docker-prune"]
SCENARIO = Path(__file__).parents[1]
PRUNE = "golive-docker-prune.service"
RELEASE = "/opt/golive/football/releases/1.0.0"


def test_the_engine_answers_with_the_configuration_in_force(host):
    told = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert told["LoggingDriver"] == "json-file"
    assert told["LiveRestoreEnabled"] is True


def test_the_engine_starts_with_the_host(host):
    assert host.service("docker").is_running
    assert host.service("docker").is_enabled


@pytest.mark.parametrize(
    "path",
    [
        "/etc/docker/daemon.json",
        "/etc/systemd/system/golive-docker-prune.service",
        "/etc/systemd/system/golive-docker-prune.timer",
        "/usr/local/lib/golive/docker_prune.py",
    ],
)
def test_its_files_are_the_administrators(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_nobody_is_in_the_group_that_is_root_by_another_name(host):
    assert host.group("docker").members == []


class TestLimits:
    """A container that wants more than it may have does not get it."""

    @pytest.fixture(scope="class", autouse=True)
    def _tiny(self, image):
        image("tiny:1")

    @pytest.mark.parametrize(("memory", "code"), [("512m", 0), ("32m", 137)])
    def test_of_memory(self, host, memory, code):
        limit = f"--memory {memory} --memory-swap {memory}"
        run = host.run(f"docker run --rm {limit} tiny:1 dd if=/dev/zero of=/dev/null bs=128M count=1")
        assert run.rc == code, run.stderr

    @pytest.mark.parametrize(("processes", "forks"), [(50, True), (8, False)])
    def test_of_processes(self, host, processes, forks):
        many = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1 & done; wait"
        run = host.run(f"docker run --rm --pids-limit {processes} tiny:1 sh -c '{many}'")
        assert (run.rc == 0) is forks
        assert ("Cannot fork" in run.stderr) is not forks


class TestPruning:
    """The unit as the timer starts it, but for images that came just now."""

    @pytest.fixture(scope="class", autouse=True)
    def _images(self, host, image):
        image("tiny:used")
        image("tiny:unused")
        manifest = json.dumps({"release": "1.0.0", "image_id": image("tiny:needed")})
        host.check_output(f"mkdir -p {RELEASE} && echo '{manifest}' >{RELEASE}/manifest.json")
        host.check_output("docker create --name stopped --volume kept:/data tiny:used sh")
        host.check_output("docker volume create alone")
        yield
        host.check_output(f"rm -r /opt/golive /run/systemd/system/{PRUNE}.d && systemctl daemon-reload")
        host.check_output("docker rm stopped")

    def images(self, host):
        return set(host.check_output("docker image ls --format '{{.Repository}}:{{.Tag}}'").split())

    def test_an_image_that_came_lately_stays(self, host):
        before = self.images(host)
        host.check_output(f"systemctl start {PRUNE}")
        assert self.images(host) == before

    def test_nothing_is_removed_while_a_release_is_being_staged(self, host):
        override = f"/run/systemd/system/{PRUNE}.d"
        program = "/usr/bin/python3 /usr/local/lib/golive/docker_prune.py 0 /opt/golive"
        host.check_output(
            f"mkdir -p {override} && printf '[Service]\\nExecStart=\\nExecStart={program}\\n' >{override}/now.conf"
            f" && systemctl daemon-reload && mkdir {RELEASE}-next"
        )
        before = self.images(host)
        assert host.run(f"systemctl start {PRUNE}").rc != 0
        assert self.images(host) == before
        assert "1.0.0-next is being staged" in host.check_output(f"journalctl --no-pager -u {PRUNE}")
        host.check_output(f"rmdir {RELEASE}-next && systemctl reset-failed {PRUNE}")

    def test_only_what_nothing_needs_is_removed(self, host):
        host.check_output(f"systemctl start {PRUNE}")
        assert self.images(host) == {"tiny:used", "tiny:needed"}
        assert host.check_output("docker volume ls --quiet").split() == ["alone", "kept"]
        assert host.check_output("docker ps --all --format '{{.Names}}'") == "stopped"

    def test_the_timer_waits(self, host):
        assert host.service("golive-docker-prune.timer").is_enabled
        assert host.service("golive-docker-prune.timer").is_running

    def test_the_unit_may_do_little(self, host):
        said = host.check_output(f"systemd-analyze security --no-pager {PRUNE}")
        exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)[1])
        assert exposure < 2.0, said


def test_a_container_comes_back_after_a_reboot(host, image):
    image("tiny:1")
    host.check_output("docker run --detach --name lasting --restart always tiny:1 sleep infinity")
    subprocess.run(["docker", "restart", host.backend.name], check=True, capture_output=True)
    boot = "until test -S /run/dbus/system_bus_socket; do sleep 0.2; done; systemctl is-system-running --wait"
    host.check_output(f"timeout 120 sh -c '{boot}'")
    assert host.check_output("docker ps --format '{{.Names}}'") == "lasting"


def test_what_the_next_converge_must_keep_is_noted(host):
    host.check_output(
        "docker inspect --format '{{.State.Pid}}' lasting >/srv/container.pid"
        " && systemctl show --property MainPID --value docker >/srv/engine.pid"
    )
    # The repository that it shall take.
    repository = str(SCENARIO / "repository")
    subprocess.run(["docker", "cp", repository, f"{host.backend.name}:/srv/docker"], check=True, capture_output=True)
