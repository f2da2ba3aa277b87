"""http_probe against real servers."""

from __future__ import annotations

import base64
import json
import runpy
from collections.abc import Callable
from typing import Any

import pytest
from golive_core import http
from golive_core.judge import quantity
from golive_core.measurement import read_samples
from support import ROOT, Certificates, Run

Probe = Callable[..., dict[str, Any]]


@pytest.fixture
def probe(run_module: Run) -> Probe:
    """Return a function that makes one check and returns its measurement."""

    def one(url: str, check_mode: bool = False, **check: Any) -> dict[str, Any]:
        result = run_module("http_probe", {"checks": [{"id": "release.x", "url": url, **check}]}, check_mode)
        (seen,) = result["measurements"]
        return dict(seen)

    return one


def test_right_answers_are_counted_and_timed(probe: Probe, server: str) -> None:
    expect = {"json": {"checks.database.status": "up"}, "headers": {"Content-Type": "json"}, "max_seconds": 2}
    seen = probe(f"{server}/health", samples=5, expect=expect)
    assert (seen["n"], seen["failures"], seen["unit"], seen["value"]) == (5, 0, "s", None)
    assert len(read_samples(seen["samples"])) == 5
    assert all(0 < sample < 2 for sample in read_samples(seen["samples"]))
    assert seen["observed"].startswith(f"{server}/health: right in 5 of 5 tries, slowest answer")


def test_a_wrong_answer_is_told_with_its_reason(probe: Probe, server: str) -> None:
    seen = probe(f"{server}/unhealthy", samples=3, expect={"json": {"checks.database.status": "up"}})
    assert seen["failures"] == 3
    wrong = 'answered 503; checks.database.status is "down" in 3 of 3 tries (database: "connection refused data1:5432")'
    assert wrong in seen["observed"]
    assert seen["expected"] == '200, checks.database.status = "up"'


def test_a_body_is_judged_by_its_form_and_by_what_is_in_it(probe: Probe, server: str) -> None:
    status = {"type": "object", "required": ["status"], "properties": {"status": {"enum": ["up"]}}}
    form = {"required": ["checks"], "properties": {"checks": {"type": "object", "additionalProperties": status}}}
    good = probe(f"{server}/health", expect={"schema": form, "matches": '"status": "(up|well)"'})
    assert (good["failures"], good["expected"]) == (
        0,
        '200, "status": "(up|well)" in the body, a body of the described form',
    )
    bad = probe(f"{server}/unhealthy", expect={"status": 503, "schema": form, "matches": "^nothing$"})
    wrong = "the body.checks.database.status is none of the values that it may have; ^nothing$ is not found in the body"
    assert wrong in bad["observed"]
    assert "the body is not JSON" in probe(server, expect={"schema": form})["observed"]


def test_an_address_of_one_version_of_ip_is_asked(probe: Probe, server: str) -> None:
    assert probe(f"{server}/health", ip=4)["failures"] == 0
    assert "resolved to an address of IPv6" in probe(f"{server}/health", ip=6)["observed"]


def test_a_redirect_is_no_success(probe: Probe, server: str) -> None:
    assert "answered 301" in probe(f"{server}/redirect")["observed"]
    assert probe(f"{server}/redirect", expect={"status": 301, "headers": {"Location": "^/$"}})["failures"] == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/close", "closed the connection without a complete answer"),
        ("/half", "closed the connection without a complete answer"),
        ("/garbage", "this is not an HTTP/1 answer: 'SSH-2.0-OpenSSH_10.0'"),
        ("/slow?5", "within 0.3 s in 1 of 1 tries"),
    ],
)
def test_no_complete_answer_is_a_failure_as_slow_as_the_time_out(
    probe: Probe, server: str, path: str, said: str
) -> None:
    seen = probe(server + path, timeout_seconds=0.3)
    assert seen["failures"] == 1
    assert said in seen["observed"]
    assert read_samples(seen["samples"]) == [0.3]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/", "127.0.0.1:1 refused the connection"),
        ("http://no.invalid/", "no.invalid cannot be resolved"),
    ],
)
def test_a_server_that_is_not_there_is_a_failure(probe: Probe, url: str, said: str) -> None:
    seen = probe(url, timeout_seconds=30)
    assert seen["failures"] == 1
    assert said in seen["observed"]


@pytest.mark.parametrize(("path", "body"), [("/chunked", "foobar"), ("/until-close", "to the end")])
def test_bodies_of_every_form_are_read(probe: Probe, server: str, path: str, body: str) -> None:
    assert probe(server + path, expect={"contains": body})["failures"] == 0


def test_the_time_is_told_step_by_step(server: str) -> None:
    answer = http.fetch(http.target(f"{server}/slow?0.2"))
    steps = [answer.timings[step] for step in ("dns", "connect", "first_byte")]
    assert steps == sorted(steps)
    assert answer.timings["connect"] < 0.2 <= answer.timings["first_byte"] <= answer.seconds


def test_the_steps_of_each_check_are_returned(run_module: Run, server: str) -> None:
    checks = [{"id": "a", "url": f"{server}/slow?0.2", "samples": 3}, {"id": "b", "url": "http://127.0.0.1:9/"}]
    slow, none = run_module("http_probe", {"checks": checks})["timings"]
    assert list(slow) == ["dns", "connect", "first_byte", "total"]
    assert slow["connect"] < 0.2 <= slow["first_byte"] <= slow["total"]
    assert none == {}


def test_a_request_is_sent_from_the_address_asked_for(probe: Probe, server: str) -> None:
    assert probe(f"{server}/health", source_address="127.0.0.9")["failures"] == 0
    assert "cannot be reached" in probe(f"{server}/health", source_address="192.0.2.1")["observed"]


# --- waiting


def test_tries_until_the_first_right_one_do_not_count(probe: Probe, fresh_server: str) -> None:
    seen = probe(f"{fresh_server}/flaky?3", samples=2, until_ok_within_seconds=20)
    assert (seen["n"], seen["failures"]) == (2, 0)
    assert 0.5 < seen["value"] < 20


def test_waiting_in_vain_counts_every_try(probe: Probe, server: str) -> None:
    seen = probe(f"{server}/status/503", samples=2, until_ok_within_seconds=0.5)
    assert seen["n"] == seen["failures"] >= 2
    assert "answered 503" in seen["observed"]


def test_a_row_of_right_answers_is_waited_for(probe: Probe, fresh_server: str) -> None:
    seen = probe(f"{fresh_server}/flaky?2", samples=4, consecutive=True, within_seconds=20)
    assert (seen["n"], seen["failures"]) == (4, 0)
    assert len(read_samples(seen["samples"])) == 4
    assert seen["value"] > 0.3


def test_a_row_that_never_comes_is_a_failure(probe: Probe, server: str) -> None:
    seen = probe(f"{server}/unhealthy", samples=3, consecutive=True, within_seconds=0.5)
    assert seen["n"] == seen["failures"] >= 2
    assert seen["observed"].startswith("no 3 right answers in a row")


def test_a_row_that_the_time_did_not_suffice_for_is_a_failure_though_nothing_failed(probe: Probe, server: str) -> None:
    options = {"samples": 50, "interval_seconds": 0.2, "consecutive": True, "within_seconds": 0.3}
    seen = probe(f"{server}/health", **options)
    assert seen["failures"] == 1
    assert "no 50 right answers in a row" in seen["observed"]


# --- bursts

COUNTS = [{"status": 200, "at_least": 25}, {"status": 429, "at_least": 25, "headers": {"Retry-After": r"^[1-9]\d*$"}}]


def test_a_burst_meets_the_rate_limit(probe: Probe, fresh_server: str) -> None:
    seen = probe(f"{fresh_server}/limit?30", burst=60, expect={"counts": COUNTS})
    assert (seen["n"], seen["failures"]) == (60, 0)
    assert "answered 200 x 30, 429 x 30 to 60 requests" in seen["observed"]
    assert seen["expected"] == "at least 25 x 200, at least 25 x 429 with Retry-After"


@pytest.mark.parametrize(
    ("path", "counts", "failures"),
    [
        ("/limit?60", COUNTS, 25),
        ("/limit-without-retry-after?30", COUNTS, 30),
        ("/limit?50", COUNTS, 15),
        ("/limit?30", [{"status": 200, "at_most": 20}, {"status": 429}], 10),
        ("/status/503", [{"status": 200}], 60),
    ],
)
def test_a_rate_limit_that_is_not_in_force_is_a_failure(
    probe: Probe, fresh_server: str, path: str, counts: list[dict[str, Any]], failures: int
) -> None:
    assert probe(fresh_server + path, burst=60, expect={"counts": counts})["failures"] == failures


def test_a_burst_without_counts_is_many_tries(probe: Probe, server: str) -> None:
    assert probe(f"{server}/health", burst=40)["n"] == 40


# --- TLS


def test_another_address_is_asked_under_the_name_of_the_url(
    probe: Probe, certificates: Certificates, tls_port: int
) -> None:
    url = f"https://edge.example:{tls_port}/health"
    seen = probe(url, address="127.0.0.1", ca_file=certificates.ca_file)
    assert seen["failures"] == 0, seen["observed"]
    assert " via 127.0.0.1" in seen["observed"]


def test_a_certificate_of_another_name_or_authority_is_a_failure(
    probe: Probe, certificates: Certificates, tls_port: int
) -> None:
    other = probe(f"https://other.example:{tls_port}/", address="127.0.0.1", ca_file=certificates.ca_file)
    assert "TLS with 127.0.0.1" in other["observed"]
    assert "mismatch" in other["observed"]
    unknown = probe(f"https://edge.example:{tls_port}/", address="127.0.0.1")
    assert "unable to get local issuer certificate" in unknown["observed"]
    missing = probe(f"https://edge.example:{tls_port}/", address="127.0.0.1", ca_file="/nowhere.crt")
    assert "/nowhere.crt cannot be read" in missing["observed"]
    assert [seen["failures"] for seen in (other, unknown, missing)] == [1, 1, 1]


# --- secrets, check mode, mistakes


def test_what_a_request_carried_is_repeated_nowhere(run_module: Run, server: str) -> None:
    check = {
        "id": "security.auth",
        "url": f"{server}/echo",
        "method": "POST",
        "headers": {"Authorization": "Bearer s3cr3t-t0ken"},
        "body": {"user": {"password": "hunter2!"}},
    }
    short = {**check, "method": "GET", "body": None}
    text = json.dumps(run_module("http_probe", {"checks": [check, short]}))
    assert "s3cr3t" not in text
    assert "hunter2" not in text
    assert "authorization: (hidden)" in text  # the answer to the shorter one repeats that far


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Authorization": "Basic " + base64.b64encode(b"bob:s3cr3tvalue").decode()}, None),
        ({"Cookie": "session=s3cr3tvalue; a=b"}, None),
        ({"Authorization": 'Token token="s3cr3tvalue"'}, None),
        ({}, '{"password":"s3cr3tvalue"}'),
    ],
    ids=["basic", "cookie", "token", "text"],
)
def test_what_a_server_could_repeat_alone_is_a_secret_too(headers: dict[str, str], body: str | None) -> None:
    secrets = runpy.run_path(str(ROOT / "library" / "http_probe.py"))["_secrets"]
    assert "s3cr3tvalue" in secrets({"headers": headers, "body": body})


def test_check_mode_only_reads_and_never_waits(probe: Probe, server: str) -> None:
    assert probe(f"{server}/health", check_mode=True)["failures"] == 0
    assert probe(f"{server}/health", check_mode=True, method="POST")["invalid"].startswith(
        "check mode does not send POST"
    )
    assert probe(f"{server}/health", check_mode=True, burst=5)["invalid"].startswith("check mode does not send a burst")
    waited = probe(f"{server}/status/503", check_mode=True, until_ok_within_seconds=60)
    assert waited["n"] == 1
    assert waited["seconds"] < 10, quantity(waited["seconds"], "s")


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ({"url": "edge"}, "Check release.x: 'edge' is not an http or https URL."),
        ({"expect": {"status": "up"}}, "`status`"),
        ({"expect": {"counts": [{"status": 429}]}}, "`expect.counts` needs `burst`"),
        ({"expect": {"matches": "("}}, "`matches` is not a regular expression"),
        ({"expect": {"schema": {"oneOf": []}}}, "`schema` uses 'oneOf', which is not known here"),
        ({"ip": 5}, "value of ip must be one of: 0, 4, 6, got: 5"),
        ({"samples": 0}, "`samples` must be 1 to 10000, not 0"),
        ({"timeout_seconds": 0}, "`timeout_seconds`"),
        ({"method": "get"}, "'get' is not an HTTP method"),
        ({"sample": 5}, "sample"),
    ],
)
def test_a_mistake_is_one_sentence(run_module: Run, check: dict[str, Any], said: str) -> None:
    result = run_module("http_probe", {"checks": [{"id": "release.x", "url": "http://127.0.0.1/", **check}]})
    assert result["failed"]
    assert said in result["msg"]
    assert "\n" not in result["msg"]


def test_all_checks_are_measured_in_one_call_and_in_order(run_module: Run, server: str) -> None:
    checks = [{"id": f"release.{n}", "url": f"{server}/{'health' if n % 2 else 'unhealthy'}"} for n in range(6)]
    seen = run_module("http_probe", {"checks": checks})["measurements"]
    assert [(row["id"], row["failures"]) for row in seen] == [(f"release.{n}", 1 - n % 2) for n in range(6)]
