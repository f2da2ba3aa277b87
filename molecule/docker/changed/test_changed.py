"""What the second set of variables changes, with a restart of the engine that no container feels."""

from __future__ import annotations

import json

import pytest

UNITS = ["docker"]
SOURCES = "/etc/apt/sources.list.d/golive-docker.sources"
# A registry that has nothing; its certificate is the host's.
REGISTRY = """
import http.server, ssl
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/golive/tls/host.crt", "/etc/golive/tls/host.key")
server = http.server.HTTPServer(("", 5443), http.server.BaseHTTPRequestHandler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def test_the_new_configuration_is_in_force(host):
    told = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert told["LoggingDriver"] == "local"
    assert told["Debug"] is True
    assert told["RegistryConfig"]["Mirrors"] == ["https://app1:5443/"]


def test_the_engine_was_restarted_and_the_container_was_not(host):
    engine = host.check_output("systemctl show --property MainPID --value docker")
    assert engine != host.check_output("cat /srv/engine.pid")
    container = host.check_output("docker inspect --format '{{.State.Pid}}' lasting")
    assert container == host.check_output("cat /srv/container.pid")
    assert host.file(f"/proc/{container}").exists


def test_addresses_come_from_the_new_networks(host):
    host.check_output("docker network create fresh")
    subnet = host.check_output("docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' fresh")
    host.check_output("docker network rm fresh")
    assert subnet.startswith("10.99.")
    assert subnet.endswith(".0/24")


def test_the_new_limits_are_in_force(host):
    assert host.check_output("docker run --rm tiny:1 sh -c 'ulimit -S -n; ulimit -H -n'").split() == ["512", "1024"]


class TestRegistry:
    """The engine trusts the authority of the registry that has one, and no other registry of the same authority."""

    @pytest.fixture(scope="class", autouse=True)
    def _registry(self, host):
        host.check_output(f"cat >/srv/registry.py <<'E'\n{REGISTRY}\nE")
        host.check_output("systemd-run --quiet --unit registry python3 /srv/registry.py")
        host.check_output("timeout 10 bash -c 'until echo >/dev/tcp/localhost/5443; do sleep 0.2; done' 2>/dev/null")
        yield
        host.check_output("systemctl stop registry")

    def test_that_has_an_authority(self, host):
        said = host.run("docker pull app1:5443/nothing").stderr
        assert "certificate" not in said
        assert "501" in said  # the stand-in knows no method

    def test_that_has_none(self, host, address):
        assert "unknown authority" in host.run(f"docker pull {address('app1')}:5443/nothing").stderr


class TestRepository:
    """apt takes the repository by its key, and would not take it by another."""

    def update(self, host, sources):
        strict = "-o APT::Update::Error-Mode=any"  # apt goes on with the lists that it has otherwise
        return host.run(f"apt-get update {strict} -o Dir::Etc::SourceParts=- -o Dir::Etc::SourceList={sources} 2>&1")

    def test_by_its_key(self, host):
        run = self.update(host, SOURCES)
        assert run.rc == 0
        assert not any(line.startswith(("W:", "E:")) for line in run.stdout.splitlines()), run.stdout

    def test_by_no_other_key(self, host):
        other = "/usr/share/keyrings/debian-archive-keyring.gpg"
        host.check_output(f"sed 's#^Signed-By: .*#Signed-By: {other}#' {SOURCES} >/srv/other.sources")
        run = self.update(host, "/srv/other.sources")
        assert run.rc != 0
        assert "signature" in run.stdout

    @pytest.mark.parametrize(
        "path", [SOURCES, "/etc/apt/keyrings/golive-docker.asc", "/etc/docker/certs.d/app1:5443/ca.crt"]
    )
    def test_its_files_are_the_administrators(self, host, path):
        file = host.file(path)
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_the_timer_has_the_new_schedule(host):
    assert "Mon *-*-* 00:00:00" in host.check_output(
        "systemctl show --property TimersCalendar golive-docker-prune.timer"
    )
    assert "docker_prune.py 1 /opt/golive" in host.check_output("systemctl cat golive-docker-prune.service")
