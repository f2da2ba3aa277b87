"""A host without a network gets packages from the bundle, after a reboot, and from nowhere else."""

from __future__ import annotations


def test_apt_reads_the_bundle_alone(host, sources, repositories):
    (place,) = repositories(host)
    assert sources(host) == [f"file:{place}/./Packages"]


def test_the_hosts_own_sources_stay_as_they_are(host):
    assert "debian" in host.check_output("cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true")


def test_the_host_reaches_nobody(host):
    assert host.run("ip route | grep -q default").rc != 0


def test_a_package_and_what_it_needs_are_installed_from_it(host):
    host.check_output("DEBIAN_FRONTEND=noninteractive apt-get install --yes golive-example")
    assert host.file("/usr/share/golive-example-data/version").content_string == "1:1.0-1\n"


def test_a_package_of_the_distribution_that_it_lacks_is_not_found(host):
    said = host.run("apt-get install --yes haproxy")
    assert said.rc == 100
    assert "Unable to locate package haproxy" in said.stderr


def test_apts_own_user_can_read_it(host, repositories):
    (place,) = repositories(host)
    assert host.run(f"runuser -u _apt -- cat {place}/Packages {place}/*.deb").rc == 0
