"""What the second set of variables changes."""

from __future__ import annotations

import json

UNITS = ["docker"]


def test_the_new_configuration_is_in_force(host):
    told = json.loads(host.check_output("docker info --format '{{json .}}'"))
    assert told["LoggingDriver"] == "local"
    assert told["Debug"] is True
