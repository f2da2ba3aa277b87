"""What the second set of variables changes."""

from __future__ import annotations

UNITS = ["golive-logs"]


def test_the_other_mask_is_in_force(on):
    on("app1").check_output("logger -t later 'x finch-abcdefg'")
    on("ops1").check_output("timeout 20 sh -c 'until grep -rq finch- /var/log/golive/app1; do sleep 0.3; done'")
    assert on("ops1").run("grep -rq abcdefg /var/log/golive").rc == 1


def test_the_age_is_the_new_one(on):
    assert '"keep_days": 7' in on("ops1").file("/etc/golive/logs/keeper.json").content_string
