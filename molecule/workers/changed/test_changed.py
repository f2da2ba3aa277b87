"""New settings come into force, and no worker is started anew for them."""

from __future__ import annotations

import json


def test_settings_change_and_workers_go_on(host, running):
    assert json.loads(host.file("/etc/golive/workers.json").content_string)["lease_seconds"] == 20
    since = host.check_output("systemctl show --property=ActiveEnterTimestamp --value golive-workers")
    assert "green-mailer" in running("app1")
    started = host.check_output("docker inspect --format '{{.State.StartedAt}}' football-green-mailer")
    assert host.check_output(f"date -d '{started}' +%s") <= host.check_output(f"date -d '{since}' +%s")
