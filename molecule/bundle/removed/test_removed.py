"""apt reads the host's own sources again; what was installed stays."""

from __future__ import annotations


def test_apt_has_its_own_sources_back(host):
    """What it would fetch, if there were a network."""
    asked = host.check_output("apt-get --print-uris update").splitlines()
    assert asked
    assert all(line.startswith("'http") for line in asked)
    assert not host.file("/var/lib/golive-bundle").exists
    assert not host.file("/etc/apt/golive-bundle.list").exists


def test_what_was_installed_stays(host):
    assert host.package("golive-example").is_installed
