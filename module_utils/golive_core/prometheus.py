"""What Prometheus and Alertmanager say about themselves, as measurements.

The shapes are those of Prometheus' HTTP API, version 1 (prometheus.io/docs/prometheus/latest/querying/api).
"""

from __future__ import annotations

import http.client
import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .measurement import Measurement, measurement, summarise, utc_now

PAUSE = 0.5  # seconds between two looks
# Hosts of a site reach each other directly, whatever proxy the environment names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Unanswered(Exception):
    """A server gave no usable answer; the text says where and why."""


@dataclass(frozen=True)
class Seen:
    """One look: observations, how many were wrong, and what to tell the operator."""

    n: int
    failures: int = 0
    problems: Sequence[str] = ()
    fine: str = ""
    value: float | None = None
    invalid: str = ""

    @property
    def settled(self) -> bool:
        """Whether looking again can only make it worse."""
        return not self.failures and not self.invalid


def fetch(
    url: str,
    timeout: float,
    query: Mapping[str, str] | None = None,
    *,
    body: bytes | None = None,
    method: str | None = None,
) -> str:
    """Return what is answered to a GET, or to a POST of JSON where there is a body.

    :raises Unanswered: when there is no answer, or not 200
    """
    full = url + ("?" + urllib.parse.urlencode(query) if query else "")
    headers = {"Content-Type": "application/json"} if body else {}
    try:
        with _OPENER.open(urllib.request.Request(full, body, headers, method=method), timeout=timeout) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        raise Unanswered(f"{url} answered {error.code}: {_reason(error)}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:  # the last: it ended in the middle, or is no HTTP
        raise Unanswered(f"{url} gave no answer: {getattr(error, 'reason', error)}") from error


def _reason(error: urllib.error.HTTPError) -> str:
    body = error.read().decode(errors="replace")
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.strip()[:200] or error.reason


def ask(base: str, path: str, timeout: float, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the `data` of an answer of Prometheus' API.

    :raises Unanswered: when there is no answer, or not one of that API
    """
    try:
        return dict(json.loads(fetch(base + path, timeout, query))["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unanswered(f"{base}{path} answered something else than Prometheus does") from error


def configured(metrics: str, files: Mapping[str, float]) -> list[str]:
    """Return what is wrong with the configuration that Prometheus or Alertmanager runs with.

    :param metrics: its own metrics, in the text format
    :param files: path to the time of its last change, in seconds since 1970
    """
    if not re.search(r"^\w+_config_last_reload_successful 1$", metrics, re.MULTILINE):
        return ["the last configuration was refused, so an older one is in force"]
    found = re.search(r"^\w+_config_last_reload_success_timestamp_seconds (\S+)$", metrics, re.MULTILINE)
    read = float(found[1]) if found else 0.0
    late = {path: changed - read for path, changed in files.items() if changed > read}
    return [f"{path} was changed {seconds:.0f} s after it was last read" for path, seconds in late.items()]


def targets_up(data: Mapping[str, Any], jobs: Mapping[str, int], minimum: int) -> Seen:
    """Count the targets that there are or should be, and those of them that are missing, surplus or not up.

    :param data: of /api/v1/targets
    :param jobs: job to the number of targets that it must have; empty looks at all jobs
    :param minimum: of targets in all, where `jobs` is empty
    """
    rows = [target for target in data["activeTargets"] if not jobs or target["labels"].get("job") in jobs]
    problems = [_down(target) for target in rows if target["health"] != "up"]
    n = failures = 0
    found = Counter(target["labels"].get("job", "") if jobs else "" for target in rows)
    down = Counter(target["labels"].get("job", "") if jobs else "" for target in rows if target["health"] != "up")
    for job, wanted in (jobs or {"": max(minimum, found[""])}).items():
        if found[job] != wanted:
            name = f"job {job}" if job else "Prometheus"
            problems.append(f"{name} has {found[job]} targets, wanted {wanted}")
        here = max(found[job], wanted)
        n += here
        failures += min(here, down[job] + abs(found[job] - wanted))
    return Seen(n, failures, problems, f"{len(rows)} of {n} targets are up")


def _down(target: Mapping[str, Any]) -> str:
    labels = target["labels"]
    name = f"{labels.get('job')} of {labels.get('host', labels.get('instance'))} ({target['scrapeUrl']})"
    if target["health"] == "unknown":
        return f"{name} was not read yet"
    return f"{name} is {target['health']}: {target.get('lastError') or 'no reason given'}"


def rules_loaded(data: Mapping[str, Any], wanted: Iterable[str]) -> Seen:
    """Count the alert rules that are wanted or loaded, and those of them that are missing or cannot be evaluated.

    :param data: of /api/v1/rules
    :param wanted: names that must be loaded
    """
    rules = [rule for group in data["groups"] for rule in group["rules"] if rule["type"] == "alerting"]
    ill = {rule["name"]: rule for rule in rules if rule["health"] != "ok"}
    loaded = {rule["name"] for rule in rules}
    missing = sorted(set(wanted) - loaded)
    problems = [f"rule {name} is not loaded" for name in missing]
    for name, rule in ill.items():
        said = rule.get("lastError") or ("not evaluated yet" if rule["health"] == "unknown" else "no reason given")
        problems.append(f"rule {name} is {rule['health']}: {said}")
    n = len(loaded) + len(missing)
    return Seen(n, len(missing) + len(ill), problems, f"{n} rules are loaded and evaluated without error")


def query_value(data: Mapping[str, Any], expression: str) -> Seen:
    """Return the one number that a query gave. None, several, or not a number is no evidence.

    :param data: of /api/v1/query
    """
    kind, result = data["resultType"], data["result"]
    samples = [result] if kind == "scalar" else [row["value"] for row in result] if kind == "vector" else []
    if len(samples) != 1:
        what = "no data" if not samples else f"{len(samples)} series, of which it is not said which one counts"
        return Seen(0, invalid=f"{expression} gives {what}")
    value = float(samples[0][1])
    if not math.isfinite(value):
        return Seen(0, invalid=f"{expression} gives {value}")
    return Seen(1, value=value, fine=expression)


def has_data(data: Mapping[str, Any]) -> bool:
    """Return whether an answer of /api/v1/query has a number to show: with none, or only NaN, a panel is empty."""
    result = data["result"]
    samples = [result] if data["resultType"] == "scalar" else [row["value"] for row in result]
    return any(math.isfinite(float(sample[1])) for sample in samples)


def panels(queries: Sequence[Mapping[str, str]], run: Callable[[str], Mapping[str, Any]]) -> Seen:
    """Count the queries of panels, and those that show nothing or are refused.

    :param queries: `{panel, expr}` each
    :param run: takes PromQL and returns the `data` of /api/v1/query
    """
    problems = []
    for query in queries:
        try:
            if not has_data(run(query["expr"])):
                problems.append(f'panel "{query["panel"]}" has no data: {query["expr"]}')
        except Unanswered as error:
            problems.append(f'panel "{query["panel"]}": {error}')
    return Seen(len(queries), len(problems), problems, f"all {len(queries)} queries of the panels have data")


def alertmanagers(data: Mapping[str, Any], minimum: int, is_ready: Callable[[str], str]) -> Seen:
    """Count the Alertmanagers that Prometheus sends to, and those that are missing or do not answer.

    :param data: of /api/v1/alertmanagers; it lists what is configured, whether it answers or not
    :param is_ready: takes the base URL of an Alertmanager and returns what is wrong with it, or nothing
    """
    active = [urllib.parse.urlsplit(str(row["url"])) for row in data["activeAlertmanagers"]]
    problems = [said for url in active if (said := is_ready(f"{url.scheme}://{url.netloc}"))]
    missing = max(0, minimum - len(active))
    failures = len(problems) + missing
    if missing:
        problems.append(f"Prometheus sends alerts to {len(active)} Alertmanagers, wanted {minimum}")
    return Seen(len(active) + missing, failures, problems, f"{len(active)} Alertmanagers take alerts")


@dataclass(frozen=True)
class Check:
    """One entry of the module's `checks`."""

    id: str
    kind: str
    url: str
    jobs: Mapping[str, int] = field(default_factory=dict)
    minimum: int = 1
    rules: Sequence[str] = ()
    files: Sequence[str] = ()
    query: str = ""
    queries: Sequence[Mapping[str, str]] = ()
    unit: str = "1"
    within_seconds: float = 0.0
    timeout_seconds: float = 5.0

    @property
    def expected(self) -> str:
        """What is wanted, in one sentence."""
        if self.kind == "targets_up":
            jobs = ", ".join(f"{count} {job}" for job, count in self.jobs.items())
            return f"all targets up: {jobs}" if jobs else f"all targets up, at least {self.minimum}"
        return {
            "ready": f"{self.url} ready, with its present configuration",
            "rules_loaded": f"{len(self.rules)} rules loaded and evaluated without error",
            "query": f"one number for {self.query}",
            "panels": f"data for all {len(self.queries)} queries of the dashboards",
            "alertmanagers_active": f"at least {self.minimum} Alertmanager answering",
        }[self.kind]


def look(check: Check) -> Seen:
    """Look once. A server that does not answer is a failure of `ready`, and no evidence for everything else."""
    base, timeout = check.url.rstrip("/"), check.timeout_seconds

    def is_ready(url: str) -> str:
        try:
            fetch(f"{url}/-/ready", timeout)
        except Unanswered as error:
            return str(error)
        return ""

    if check.kind == "ready" and (wrong := is_ready(base)):
        return Seen(1, 1, [wrong])
    try:
        if check.kind == "ready":
            problems = configured(fetch(f"{base}/metrics", timeout), _changed(check.files))
            return Seen(1, int(bool(problems)), problems, f"{base} is ready and runs with its present configuration")
        if check.kind == "targets_up":
            return targets_up(ask(base, "/api/v1/targets", timeout, {"state": "active"}), check.jobs, check.minimum)
        if check.kind == "rules_loaded":
            return rules_loaded(ask(base, "/api/v1/rules", timeout, {"type": "alert"}), check.rules)
        if check.kind == "query":
            return query_value(ask(base, "/api/v1/query", timeout, {"query": check.query}), check.query)
        if check.kind == "panels":
            ask(
                base, "/api/v1/status/buildinfo", timeout
            )  # one that does not answer has not shown that panels are empty
            return panels(check.queries, lambda query: ask(base, "/api/v1/query", timeout, {"query": query}))
        return alertmanagers(ask(base, "/api/v1/alertmanagers", timeout), check.minimum, is_ready)
    except Unanswered as error:
        return Seen(0, invalid=str(error))
    except KeyError as error:
        return Seen(0, invalid=f"{base} answered without {error}; is it Prometheus?")
    except OSError as error:
        return Seen(0, invalid=f"{error.filename} cannot be read: {error.strerror}")


def _changed(files: Iterable[str]) -> dict[str, float]:
    return {path: Path(path).stat().st_mtime for path in files}


def measure(
    check: Check,
    look: Callable[[Check], Seen] = look,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    since: float | None = None,
) -> Measurement:
    """Look until all is well or `within_seconds` are over, and measure what was seen last.

    A target is not up before its first scrape and a rule not sound before its first evaluation.

    :param since: when the wait began, by `clock`; now when not given
    """
    started, begin = utc_now(), clock()
    until = (begin if since is None else since) + check.within_seconds
    while not (seen := look(check)).settled and clock() + PAUSE <= until:
        sleep(PAUSE)
    return measurement(
        check.id,
        n=seen.n,
        failures=seen.failures,
        samples=() if seen.value is None else (seen.value,),
        value=seen.value,
        unit=check.unit,
        observed=seen.invalid or summarise(seen.problems) or seen.fine,
        expected=check.expected,
        invalid=seen.invalid,
        started=started,
        seconds=clock() - begin,
    )


def measure_all(
    checks: Sequence[Check],
    *,
    wait: bool,
    look: Callable[[Check], Seen] = look,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Measurement]:
    """Measure all checks; they wait for the same scrapes, so that the time of each counts from the beginning of all.

    :param wait: whether to wait at all
    """
    patient = checks if wait else [replace(check, within_seconds=0.0) for check in checks]
    begin = clock()
    return [measure(check, look, clock, sleep, begin) for check in patient]
