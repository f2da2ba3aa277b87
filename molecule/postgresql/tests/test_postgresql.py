"""The server as its clients and its administrator meet it, after a reboot."""

from __future__ import annotations

UNITS = ["postgresql@*"]


def test_the_cluster_has_checksums(host, sql):
    assert sql(host, "SHOW data_checksums") == "on"


def test_the_memory_is_divided(host, sql):
    assert sql(host, "SHOW shared_buffers") == "256MB"
    assert sql(host, "SHOW effective_cache_size") == "640MB"
    assert sql(host, "SHOW max_connections") == "200"


def test_what_an_auditor_asks_for_is_logged(host, sql):
    assert sql(host, "SHOW log_statement") == "ddl"
    assert sql(host, "SHOW log_connections") == "on"
    assert sql(host, "SHOW log_min_duration_statement") == "500ms"


def test_the_network_is_answered_with_the_hosts_certificate(host, address):
    here = address("data1")
    ask = f"openssl s_client -starttls postgres -CAfile /etc/golive/tls/ca.crt -verify_ip {here} -connect {here}:5432"
    said = host.run(f"{ask} </dev/null")
    assert "Verify return code: 0 (ok)" in said.stdout
    assert "TLSv1.3" in said.stdout


def test_old_protocols_are_not_spoken(host, sql):
    assert sql(host, "SHOW ssl_min_protocol_version") == "TLSv1.2"


def test_only_the_server_reads_its_settings(host, sql):
    file = host.file(sql(host, "SHOW config_file").replace("postgresql.conf", "conf.d/golive.conf"))
    assert (file.user, file.group, file.mode) == ("root", "postgres", 0o640)
    assert host.file("/etc/postgresql-common/createcluster.conf").mode == 0o644


def test_the_server_starts_with_the_host(host):
    assert host.service("postgresql").is_running
    assert host.service("postgresql").is_enabled


def test_nothing_waits_for_a_restart(host, sql):
    assert sql(host, "SELECT count(*) FROM pg_settings WHERE pending_restart") == "0"


def test_what_the_next_converge_must_keep_is_noted(host, sql):
    sql(host, "CREATE TABLE seen AS SELECT pg_postmaster_start_time() AS started")
