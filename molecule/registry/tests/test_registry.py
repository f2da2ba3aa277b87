"""The registry as its clients meet it, after a reboot."""

from __future__ import annotations

import json

import pytest

UNITS = ["docker-registry"]


def test_the_image_that_was_pulled_by_digest_is_the_one_that_was_built(on, state):
    released = json.loads((state / "releases" / "1.0.0" / "release.json").read_text(encoding="utf-8"))
    found = json.loads(on("app1").check_output(f"docker inspect {released['image_id']}"))[0]
    assert found["RepoTags"] == []  # it came by nothing but its digest
    assert found["RepoDigests"][0].split("@")[0].endswith(":5000/football")


def test_what_was_pushed_is_there_after_a_reboot(ask):
    assert json.loads(ask("/v2/football/tags/list", "golive")["body"])["tags"] == ["1.0.0"]


@pytest.mark.parametrize(
    ("user", "password"), [("", ""), ("golive", "wrong"), ("nobody", "")], ids=["nobody", "wrong", "unknown"]
)
@pytest.mark.parametrize("path", ["/v2/", "/v2/_catalog", "/v2/football/manifests/1.0.0"])
def test_others_are_refused(ask, path, user, password):
    assert ask(path, user, password)["status"] == 401


def test_without_tls_there_is_no_answer_to_a_password(ask):
    said = ask("/v2/", "golive", scheme="http")
    assert (said["status"], said["body"].strip()) == (400, "Client sent an HTTP request to an HTTPS server.")


def test_old_tls_is_refused(on, address):
    words = f"timeout 5 openssl s_client -connect {address('ops1')}:5000 -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null"
    assert "alert protocol version" in on("ops1").run(words).stderr


def test_an_image_can_be_deleted(ask):
    assert ask(f"/v2/football/manifests/sha256:{'0' * 64}", "golive", method="DELETE")["status"] == 404


@pytest.mark.parametrize("path", ["/etc/docker/registry/htpasswd", "/etc/docker/registry/config.yml"])
def test_only_the_registry_reads_its_files(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "docker-registry", 0o640)


def test_passwords_are_kept_as_bcrypt(host):
    assert host.file("/etc/docker/registry/htpasswd").content_string.startswith("golive:$2b$10$")


def test_only_the_registry_reads_the_images(host):
    directory = host.file("/var/lib/docker-registry")
    assert (directory.user, directory.group, directory.mode) == ("docker-registry", "docker-registry", 0o750)


def test_the_registry_starts_with_the_host(host):
    assert host.service("docker-registry").is_running
    assert host.service("docker-registry").is_enabled


def test_the_unit_is_hardened(host):
    told = host.run("systemd-analyze security --threshold=15 --no-pager docker-registry.service")
    assert told.rc == 0, told.stdout.splitlines()[-1]  # exposure 1.5 at most


def test_the_credentials_of_a_client_are_roots_alone(on):
    file = on("app1").file("/opt/golive/football/registry/config.json")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)


@pytest.mark.parametrize("name", ["ops1", "app1"])
def test_no_secret_is_seen(on, leaks, name):
    assert leaks(on(name)) == []
