"""Secrets from a vault: dated where the inventory says so."""

from __future__ import annotations

FILE = "/var/lib/prometheus/node-exporter/golive_secrets.prom"


def test_nobody_invents_the_age_of_a_vaulted_secret(host):
    lines = host.file(FILE).content_string.splitlines()
    made = [line for line in lines if line.startswith("golive_secret_made_timestamp_seconds")]
    assert made == ['golive_secret_made_timestamp_seconds{name="db_reader"} 1780272000']


def test_limits_are_those_of_the_catalogue(host):
    lines = host.file(FILE).content_string.splitlines()
    assert [line for line in lines if line.startswith("golive_secret_max_age_seconds")] == [
        'golive_secret_max_age_seconds{name="db_writer"} 2592000',
        'golive_secret_max_age_seconds{name="db_reader"} 2592000',
    ]


def test_no_value_of_the_vault_is_written(host):
    assert "from-a-vault" not in host.file(FILE).content_string
