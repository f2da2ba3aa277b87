"""The next bundle takes the place of the one before."""

from __future__ import annotations


def test_only_the_new_one_is_there(host, sources, repositories):
    (place,) = repositories(host)
    assert sources(host) == [f"file:{place}/./Packages"]


def test_its_packages_are_newer(host):
    host.check_output("DEBIAN_FRONTEND=noninteractive apt-get install --yes golive-example")
    assert host.file("/usr/share/golive-example-data/version").content_string == "1:2.0-1\n"
