"""The age of every secret as Prometheus finds it, and no value."""

from __future__ import annotations

import re
import time

UNITS = ["prometheus-node-exporter"]
FILE = "/var/lib/prometheus/node-exporter/golive_secrets.prom"


def figures(host, fetch, address, metric):
    lines = fetch(host, f"http://{address('ops1')}:9100/metrics")["body"].splitlines()
    found = (re.match(rf'{metric}{{name="(\w+)"}} (\S+)', line) for line in lines)
    return {match[1]: float(match[2]) for match in found if match}


def test_every_secret_has_its_age(host, fetch, address, state):
    made = figures(host, fetch, address, "golive_secret_made_timestamp_seconds")
    assert {"db_writer", "cache_app", "cache_admin", "api_key"} <= set(made)
    for name, seconds in made.items():
        assert seconds == int((state / "secrets" / name).stat().st_mtime)
        assert 0 <= time.time() - seconds < 3600


def test_every_secret_that_must_be_rotated_has_its_limit(host, fetch, address):
    limit = figures(host, fetch, address, "golive_secret_max_age_seconds")
    assert limit["db_writer"] == 180 * 86400
    assert limit["api_key"] == 90 * 86400
    assert "api_key_revoked" not in limit


def test_anybody_may_read_the_file_and_root_alone_writes_it(host):
    file = host.file(FILE)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
