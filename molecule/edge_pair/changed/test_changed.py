"""What the second set of variables changes, by a reload of both services."""

from __future__ import annotations

UNITS = ["haproxy", "keepalived"]


def test_nothing_was_restarted(on):
    for name in ("edge1", "edge2"):
        pids = on(name).check_output("systemctl show -p MainPID --value haproxy keepalived")
        assert pids == on(name).check_output("cat /root/pids")


def test_the_new_address_is_on_one_edge_and_the_old_one_on_none(on, virtual, holders, becomes, fetch):
    new = virtual.rpartition(".")[0] + ".201"
    assert becomes(lambda: len(holders(new)) == 1)
    assert holders() == []
    assert fetch(on("user1"), f"http://{new}/")["status"] == 301
