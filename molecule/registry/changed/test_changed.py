"""What the second set of variables changes."""

from __future__ import annotations

UNITS = ["docker-registry", "golive-registry-collect"]


def test_the_new_user_comes_in_and_the_old_one_does_not(ask):
    assert ask("/v2/football/tags/list", "builder")["status"] == 200
    assert ask("/v2/football/tags/list", "golive")["status"] == 401


def test_nobody_deletes(ask):
    assert ask(f"/v2/football/manifests/sha256:{'0' * 64}", "builder", method="DELETE")["status"] == 405


def test_space_is_given_back_in_time(host):
    assert host.service("golive-registry-collect.timer").is_running
    assert host.service("golive-registry-collect.timer").is_enabled
    assert "Sun" in host.check_output("systemctl show -p TimersCalendar golive-registry-collect.timer")


def test_collecting_keeps_what_an_image_needs_and_gives_back_the_rest(host, ask):
    def collect():
        host.check_output("systemctl start golive-registry-collect.service")
        return int(host.check_output("du -sm /var/lib/docker-registry").split()[0])

    before = collect()
    assert before > 20
    assert ask("/v2/football/manifests/1.0.0", "builder")["status"] == 200
    assert host.service("docker-registry").is_running

    host.check_output("rm -r /var/lib/docker-registry/docker/registry/v2/repositories/football/_manifests/*/*")
    assert collect() < 2
    assert ask("/v2/", "builder")["status"] == 200
