"""Every rule on the host fires at what it is for and at nothing less, as promtool evaluates them."""

from __future__ import annotations

import json

import pytest
import yaml

RULES = "/etc/prometheus/golive_rules.yml"
STEPS = 44  # of 30 s: longer than any `for`


def still(number: float) -> str:
    return f"{number}x{STEPS}"


def grows(by: float) -> str:
    return f"0+{by}x{STEPS}"


def same(series: str, fires: float, rests: float) -> list[tuple[str, str, str]]:
    return [(series, still(fires), still(rests))]


def slow(seconds: float, longest: float) -> list[tuple[str, str, str]]:
    """Half of the answers take up to `seconds`, the others up to `longest`; or all are as fast as the former."""
    bucket = 'http_request_duration_seconds_bucket{{job="app",colour="blue",le="{}"}}'
    return [(bucket.format(f"{seconds:g}"), grows(50), grows(100))] + [
        (bucket.format(end), grows(100), grows(100)) for end in (f"{longest:g}", "+Inf")
    ]


def failing(series: str, good: str, bad: str, fires: float, rests: float) -> list[tuple[str, str, str]]:
    """So many of 100 are bad."""
    rows = [(bad, fires, rests), (good, 100 - fires, 100 - rests)]
    return [(f"{series[:-1]},{label}}}", grows(one), grows(other)) for label, one, other in rows]


EDGE = ('haproxy_backend_http_responses_total{job="haproxy",proxy="be_blue"}', 'code="2xx"', 'code="5xx"')
APP = ('http_requests_total{job="app",colour="blue"}', 'status="200"', 'status="500"')
HOST = '{host="x"}'
# rule: series, values at which it fires, values at which it does not
CASES: dict[str, list[tuple[str, str, str]]] = {
    "GoliveProbe": same('golive_probe{probe="p"}', 1, 0),
    "HostDown": same('up{job="node",host="x"}', 0, 1),
    "TargetDown": same('up{job="redis",host="x"}', 0, 1),
    "DatabaseDown": same(f"pg_up{HOST}", 0, 1),
    "CacheDown": same(f"redis_up{HOST}", 0, 1),
    "HostCpuHigh": [('node_cpu_seconds_total{mode="idle",host="x",cpu="0"}', grows(5.7), grows(6.3))],
    "HostMemoryHigh": [
        *same(f"node_memory_MemAvailable_bytes{HOST}", 29, 31),
        *same(f"node_memory_MemTotal_bytes{HOST}", 100, 100),
    ],
    "HostDiskFull": [
        *same('node_filesystem_avail_bytes{host="x",mountpoint="/",fstype="ext4"}', 14, 16),
        *same('node_filesystem_size_bytes{host="x",mountpoint="/",fstype="ext4"}', 100, 100),
    ],
    "HostNetworkErrors": [
        (f"node_network_receive_errs_total{HOST}", grows(1), still(5)),
        (f"node_network_transmit_errs_total{HOST}", still(5), still(5)),
    ],
    "EdgeErrors": failing(*EDGE, 1.2, 0.8),
    "EdgeErrorsCritical": failing(*EDGE, 5.2, 4.8),
    "PublicNameDown": [
        *same('probe_success{job="public",host="x",instance="https://x/"}', 0, 1),
        *same('up{job="app",host="y"}', 1, 1),
    ],
    "CertificateSeenExpires": [
        ('probe_ssl_earliest_cert_expiry{job="public",host="x"}', still(13 * 86400), still(15 * 86400))
    ],
    "EdgeConnectionsHigh": [
        *same(f"haproxy_process_current_connections{HOST}", 91, 89),
        *same(f"haproxy_process_max_connections{HOST}", 100, 100),
    ],
    "AppSlow": slow(0.5, 1),
    "AppSlowCritical": slow(2, 4),
    "AppErrors": failing(*APP, 1.2, 0.8),
    "DatabaseConnectionsHigh": [
        *same('pg_stat_activity_count{host="x",state="idle"}', 51, 49),
        *same('pg_stat_activity_count{host="x",state="active"}', 40, 40),
        *same(f"pg_settings_max_connections{HOST}", 100, 100),
    ],
    "ReplicaAway": same('pg_replication_slot_slot_is_active{host="x",slot_name="golive_y",slot_type="physical"}', 0, 1),
    "ReplicaBehind": same(f"pg_replication_lag_seconds{HOST}", 61, 59),
    "WorkerMissing": [
        *same('golive_worker_wanted{host="x",worker="y"}', 1, 1),
        *same('golive_worker_running{host="x",worker="y"}', 0, 1),
    ],
    "WorkerEnds": same('golive_worker_ended{host="x",worker="y"}', 3, 2),
    "WatcherSilent": [(f"golive_watcher_heartbeat_timestamp_seconds{HOST}", still(0), grows(30))],
    "WatcherPage": same('golive_watcher_page{host="x",sentence="blind"}', 1, 0),
    "ReleasesFrozen": same('golive_watcher_frozen{host="x",release="1.1.0"}', 1, 0),
    "SecretOverdue": [
        *same('golive_secret_made_timestamp_seconds{host="x",name="y"}', 0, 0),
        *same('golive_secret_max_age_seconds{host="x",name="y"}', 60, 86400),
    ],
    "BackupTooOld": same('golive_backup_completed_timestamp_seconds{host="x",kind="full"}', -93_700, 0),
    "BackupFailed": same(f"golive_backup_failed{HOST}", 1, 0),
    "RestoreTestFailed": same(f"golive_restore_test_failed{HOST}", 1, 0),
    "RestoreTestTooOld": same(f"golive_restore_test_timestamp_seconds{HOST}", -604_900, 0),
    "StateBackupTooOld": same(f"golive_state_backup_timestamp_seconds{HOST}", -93_700, 0),
    "LogsSilent": [('golive_logs_last_arrival_timestamp_seconds{host="x",from="y"}', still(0), grows(30))],
    "LogsWaiting": same('golive_logs_queue_lines{host="x",queue="log"}', 10_001, 9_999),
    "LogsNotKept": [(f"golive_logs_kept_timestamp_seconds{HOST}", still(0), grows(30))],
    "PrometheusConfigRefused": same(f"prometheus_config_last_reload_successful{HOST}", 0, 1),
    "AlertmanagerConfigRefused": same(f"alertmanager_config_last_reload_successful{HOST}", 0, 1),
    "AlertsNotDelivered": [
        ('alertmanager_notifications_failed_total{host="x",integration="email"}', grows(1), still(5))
    ],
    "MessagesWaiting": same('golive_relay_waiting{host="x",receiver="y"}', 1, 0),
    "RulesFail": [(f"prometheus_rule_evaluation_failures_total{HOST}", grows(1), still(5))],
    "Watchdog": same('prometheus_ready{job="prometheus",host="x"}', 1, 0),
}
# A promise of 99 % burns its budget once at 1 % of bad requests; one of 95 % at 5 %.
TIMES = {"14_4x": 14.4, "6x": 6, "3x": 3, "1x": 1}
LATENCY = "http_request_duration_seconds_"
for name, times in TIMES.items():
    CASES[f"SloAvailabilityBurn{name}"] = failing(*EDGE, 1.1 * times, 0.9 * times)
    CASES[f"SloLatencyBurn{name}"] = [
        (f'{LATENCY}count{{job="app"}}', grows(100), grows(100)),
        (f'{LATENCY}bucket{{job="app",le="0.5"}}', grows(100 - 5.5 * times), grows(100 - 4.5 * times)),
    ]


def test_every_alert_has_a_case(host):
    groups = yaml.safe_load(host.file(RULES).content_string)["groups"]
    assert {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule} == set(CASES)


def together() -> list[list[str]]:
    """Return the rules in groups whose series do not meet: promtool evaluates every rule for each group."""
    groups: list[tuple[set[str], list[str]]] = []
    for name, rows in CASES.items():
        metrics = {series.partition("{")[0] for series, _, _ in rows}
        free = next((group for group in groups if not group[0] & metrics), None)
        if free is None:
            groups.append(free := (set(), []))
        free[0].update(metrics)
        free[1].append(name)
    return [names for _, names in groups]


@pytest.mark.parametrize("fires", [True, False])
def test_a_rule_fires_when_it_should_and_only_then(host, fires):
    tests = [
        {
            "interval": "30s",
            "input_series": [
                {"series": row[0], "values": row[1 if fires else 2]} for name in names for row in CASES[name]
            ],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                    "eval_time": "21m",
                    "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                }
                for name in names
            ],
        }
        for names in together()
    ]
    asked = json.dumps({"rule_files": [RULES], "evaluation_interval": "30s", "tests": tests})
    host.check_output(f"cat > /run/rules-test.yml <<'END'\n{asked}\nEND")
    said = host.run("promtool test rules /run/rules-test.yml")
    assert said.rc == 0, said.stdout + said.stderr


def test_nobody_misses_a_public_name_under_which_nothing_serves_yet(host):
    row = {"series": 'probe_success{job="public",host="x"}', "values": still(0)}
    quiet = {"expr": 'ALERTS{alertname="PublicNameDown"}', "eval_time": "21m", "exp_samples": []}
    test = {"interval": "30s", "input_series": [row], "promql_expr_test": [quiet]}
    asked = json.dumps({"rule_files": [RULES], "evaluation_interval": "30s", "tests": [test]})
    host.check_output(f"cat > /run/rules-test.yml <<'END'\n{asked}\nEND")
    said = host.run("promtool test rules /run/rules-test.yml")
    assert said.rc == 0, said.stdout + said.stderr
