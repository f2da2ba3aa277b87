"""Nothing of it runs, and no host is in a swarm."""

from __future__ import annotations

UNITS = ["docker"]


def test_no_host_is_in_a_swarm(on):
    for name in ("app1", "app2"):
        assert on(name).check_output("docker info --format '{{.Swarm.LocalNodeState}}'") == "inactive"
        assert on(name).check_output("docker ps --all --quiet") == ""
        assert "football" not in on(name).check_output("docker network ls")
