#!/usr/bin/python
"""Put a service under load on a fixed schedule."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_probe
short_description: Put a service under load on a fixed schedule, and return what was measured
description:
  - Sends requests at times that are fixed before the first one (open model), over kept connections, and measures
    latency from the intended send time. A request without a complete answer counts with the whole of
    O(timeout_seconds).
  - Watches itself. When it could not keep the schedule (1 % of the requests later than both O(max_lag_seconds) and 5 %
    of the median latency, or a request not sent, or more than 80 % of a processor used), every measurement but V(lag)
    is invalid.
  - Never fails for what it measures; whether a measurement is good enough is judged by M(gate_verdict).
  - Runs for at most 600 seconds and 1000000 requests, and only against this host itself or a host of O(targets), unless
    O(allow_foreign) says otherwise.
options:
  url:
    description: Base URL (http or https); its host is the name for Host and for the certificate.
    type: str
    required: true
  address:
    description: Connect to this name or address in place of the URL's host.
    type: str
    default: ""
  ca_file:
    description: The only authority to trust, as a PEM file. The system's when empty.
    type: str
    default: ""
  host_header:
    description: Host header, where it differs from the URL's host.
    type: str
    default: ""
  targets:
    description: Names and addresses of the inventory's hosts; the load goes nowhere else.
    type: list
    elements: str
    default: []
  allow_foreign:
    description: Put a host under load that is not in O(targets). Only with its owner's consent.
    type: bool
    default: false
  rate:
    description: Requests per second, with V(ramp) and V(step) those at the start. Needed without O(saturation).
    type: float
  end_rate:
    description: Requests per second at the end of a V(ramp) or V(step).
    type: float
    default: 0
  steps:
    description: Number of equally long stairs from O(rate) to O(end_rate), for V(step).
    type: int
    default: 5
  seconds:
    description: How long to measure; in a search for the saturation, at each rate.
    type: float
    required: true
  warmup_seconds:
    description: How long to send at the same rate beforehand, without counting it.
    type: float
    default: 0
  arrivals:
    description:
      - V(constant) is evenly spaced, V(poisson) is as many independent users would come.
      - V(ramp) is a rate that moves evenly from O(rate) to O(end_rate), V(step) one that does so in O(steps) stairs.
    type: str
    choices: [constant, poisson, ramp, step]
    default: constant
  seed:
    description: The same seed gives the same schedule.
    type: int
    default: 1
  timeout_seconds:
    description: Time for one request, from its intended send time.
    type: float
    default: 5
  max_lag_seconds:
    description: How late the generator may send one request in a hundred before its numbers prove nothing.
    type: float
    default: 0.005
  keep_alive:
    description: Whether connections are used again. Otherwise each request opens one of its own, and waits for it.
    type: bool
    default: true
  data_file:
    description:
      - File on the host that sends, with rows of data that the requests take in turn. CSV with a line of names, or
        JSON (a list of objects) when its name ends in C(.json).
      - C({name}) in a path, a header or a body becomes the row's value of that name. API keys are given so, with the
        header C(X-API-Key) set to C({key}).
    type: path
  saturation:
    description:
      - Search for the highest rate that holds an objective, in place of a test at one O(rate). Rates are tried from the
        lowest on; the first that does not hold ends the search. All of it together is bounded as one test is.
    type: dict
    suboptions:
      rates:
        description: The rates to try, ascending, in requests per second, at most 20.
        type: list
        elements: float
        required: true
      quantile:
        description: The quantile of the latency that has to hold.
        type: float
        default: 0.95
      below:
        description: What the bound of that quantile has to be below, in seconds.
        type: float
        required: true
      errors_below:
        description: What the bound of the share of errors has to be below.
        type: float
        default: 0.01
      confidence:
        description: Confidence of both bounds.
        type: float
        default: 0.95
      rest_seconds:
        description: Pause between two rates, so that queues drain.
        type: float
        default: 1
  versus:
    description:
      - Ask two versions that serve side by side, in blocks that alternate, and compare them (golive_core.compare).
        First the old version is compared with itself; O(seconds) is divided into four blocks for each of
        O(versus.pairs).
    type: dict
    suboptions:
      old:
        description: Headers that choose the version that serves.
        type: dict
        required: true
      new:
        description: Headers that choose the other one.
        type: dict
        required: true
      pairs:
        description: How many pairs of blocks of each kind, 10 or more. Each block needs 100 requests.
        type: int
        default: 20
  raw:
    description: Also return every request, for M(load_merge).
    type: bool
    default: false
  endpoints:
    description: What to ask, chosen at random for each request by weight.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Path below O(url).
        type: str
        required: true
      method:
        description: Method of the request.
        type: str
        default: GET
      weight:
        description: Relative frequency.
        type: float
        default: 1
      headers:
        description: Headers of the request. Their values are shown nowhere in the result.
        type: dict
        default: {}
      body:
        description: Body of the request; a dictionary or a list is sent as JSON. Shown nowhere in the result.
        type: raw
      expect_status:
        description: The right status, or a list of them.
        type: raw
        default: 200
  checks:
    description: What to return of it.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      metric:
        description:
          - V(latency_seconds) has one sample per request, in seconds.
          - V(errors) counts every answer but the expected ones as a failure. Its samples, and those of V(availability),
            are the numbers of the requests that failed, so that bursts can be told from failures here and there.
          - V(availability) counts a missing answer and a status of 500 and above as a failure.
          - V(throughput) has one sample per second, the right answers in it.
          - V(lag) has as its value the 99th percentile of the generator's own send lag.
          - V(saturation) has as its value the highest rate that held, in requests per second, 0 when none did. It is
            invalid when the search ended undecided. It needs O(saturation), with which no other metric can be had.
          - V(compare) has pairs of blocks as its samples, for the rule C(compare) of M(gate_verdict). It needs
            O(versus), with which no other metric can be had.
        type: str
        choices: [latency_seconds, errors, availability, throughput, lag, compare, saturation]
        required: true
author: [golive developers]
attributes:
  check_mode:
    support: partial
    details:
      - Nothing is sent in check mode, and every measurement is invalid.
  diff_mode:
    support: none
notes:
  - Nothing is logged on the host, because headers and bodies may hold credentials. A parameter of a wrong type is
    reported by Ansible itself together with all parameters, so keep C(no_log) on the task.
"""

EXAMPLES = r"""
- name: Load the edge as 60 requests a second would
  load_probe:
    url: https://football.example
    address: 10.0.0.2
    ca_file: /etc/golive/tls/ca.crt
    targets: "{{ groups['edge'] | map('extract', hostvars, 'golive_address') }}"
    rate: 60
    seconds: 60
    warmup_seconds: 10
    endpoints:
      - {path: /health/, weight: 1}
      - {path: /api/v1/predictions/1, weight: 9}
    checks:
      - {id: performance.latency_p95, metric: latency_seconds}
      - {id: performance.errors, metric: errors}
      - {id: performance.throughput, metric: throughput}

- name: Find the rate at which P95 leaves 500 ms, each request with a key of its own
  load_probe:
    url: https://football.example
    address: 10.0.0.2
    targets: [10.0.0.2]
    seconds: 20
    warmup_seconds: 2
    saturation: {rates: [50, 100, 200, 400], below: 0.5}
    data_file: /root/keys.csv
    endpoints:
      - {path: /api/v1/predictions/1, headers: {X-API-Key: "{key}"}}
    checks:
      - {id: performance.saturation, metric: saturation}
"""

RETURN = r"""
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: always
  type: list
  elements: dict
summary:
  description:
    - The test in a few numbers. C(offered), C(sent), C(completed), C(ok), C(dropped), C(error_kinds), C(p50), C(p90),
      C(p95), C(p99), C(p999) and C(lag_p99) in seconds, C(cpu_share), C(connections), C(generators), C(seconds),
      C(ok_per_second) and C(errors_per_second) as space-separated text, C(invalid).
    - C(histogram) has the latencies as C(bucket:count) words of microseconds, buckets 0.8 % wide
      (golive_core.histogram); it does not grow with the number of requests.
  returned: when the load was sent at one rate
  type: dict
saturation:
  description: C(highest) rate that held, and C(steps) with C(rate), C(verdict), C(message), C(n), C(errors), and
    C(p50), C(p95), C(p99) in seconds.
  returned: when the load was sent in a search for the saturation
  type: dict
raw:
  description: Every request as space-separated text, for M(load_merge).
  returned: when O(raw) is true and the load was sent at one rate
  type: dict
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import http, load, saturation
from ansible.module_utils.golive_core.measurement import measurement
from ansible.module_utils.golive_core.rows import read_file

HIDDEN = "(hidden)"
CHECK = {
    "id": {"type": "str", "required": True},
    "metric": {"type": "str", "choices": [*load.METRICS, "compare", "saturation"], "required": True},
}
SATURATION = {
    "rates": {"type": "list", "elements": "float", "required": True},
    "quantile": {"type": "float", "default": 0.95},
    "below": {"type": "float", "required": True},
    "errors_below": {"type": "float", "default": 0.01},
    "confidence": {"type": "float", "default": 0.95},
    "rest_seconds": {"type": "float", "default": 1},
}
VERSUS = {
    "old": {"type": "dict", "required": True},
    "new": {"type": "dict", "required": True},
    "pairs": {"type": "int", "default": 20},
}
SPEC: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "address": {"type": "str", "default": ""},
    "ca_file": {"type": "str", "default": ""},
    "host_header": {"type": "str", "default": ""},
    "targets": {"type": "list", "elements": "str", "default": []},
    "allow_foreign": {"type": "bool", "default": False},
    "rate": {"type": "float"},
    "end_rate": {"type": "float", "default": 0},
    "steps": {"type": "int", "default": 5},
    "seconds": {"type": "float", "required": True},
    "warmup_seconds": {"type": "float", "default": 0},
    "arrivals": {"type": "str", "choices": ["constant", "poisson", "ramp", "step"], "default": "constant"},
    "seed": {"type": "int", "default": 1},
    "timeout_seconds": {"type": "float", "default": 5},
    "max_lag_seconds": {"type": "float", "default": 0.005},
    "keep_alive": {"type": "bool", "default": True},
    "data_file": {"type": "path"},
    "saturation": {"type": "dict", "options": SATURATION},
    "versus": {"type": "dict", "options": VERSUS},
    "raw": {"type": "bool", "default": False},
    "endpoints": {"type": "list", "elements": "dict", "required": True, "options": load.ENDPOINT},
    "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK},
}


def _profile(params: Mapping[str, Any]) -> load.Profile:
    return load.Profile(
        base_url=params["url"],
        address=params["address"],
        ca_file=params["ca_file"],
        host_header=params["host_header"],
        rate=params["saturation"]["rates"][0] if params["saturation"] else params["rate"],
        seconds=params["seconds"],
        warmup_seconds=params["warmup_seconds"],
        arrivals=params["arrivals"],
        seed=params["seed"],
        timeout=params["timeout_seconds"],
        max_lag=params["max_lag_seconds"],
        end_rate=params["end_rate"],
        steps=params["steps"],
        keep_alive=params["keep_alive"],
        data=read_file(params["data_file"]) if params["data_file"] else (),
        versus=load.Versus(**params["versus"]) if params["versus"] else None,
        endpoints=load.endpoints(params["endpoints"]),
    )


def _shown(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as the result may show them."""
    rows = [
        {
            **each,
            "headers": dict.fromkeys(each["headers"], HIDDEN),
            "body": HIDDEN if each["body"] is not None else None,
        }
        for each in params["endpoints"]
    ]
    versus = params["versus"] and {**params["versus"], **dict.fromkeys(("old", "new"), HIDDEN)}
    return {"module_args": {**params, "endpoints": rows, "versus": versus}}


def _check(params: Mapping[str, Any], profile: load.Profile) -> None:
    """Refuse what must not be sent.

    :raises ValueError: one sentence
    :raises http.NoAnswer: when the target's name cannot be resolved
    """
    load.validate(profile)
    searching = params["saturation"] is not None
    if any((each["metric"] == "saturation") != searching for each in params["checks"]):
        raise ValueError("metric saturation and `saturation` need each other, and no other metric goes with them")
    if any((each["metric"] == "compare") != bool(params["versus"]) for each in params["checks"]):
        raise ValueError("metric compare and `versus` need each other, and no other metric goes with them")
    if searching:
        if params["arrivals"] in ("ramp", "step"):
            raise ValueError("a search for the saturation takes `arrivals` constant or poisson")
        rates, rest = params["saturation"]["rates"], params["saturation"]["rest_seconds"]
        saturation.validate(rates, profile.seconds, profile.warmup_seconds, rest)
        load.validate(replace(profile, rate=rates[-1]))
    if not params["allow_foreign"]:
        aim = http.target(profile.base_url, profile.address)
        if problem := load.foreign(aim, params["targets"]):
            raise ValueError(problem)


def _measure(params: Mapping[str, Any], profile: load.Profile) -> dict[str, Any]:
    checks = params["checks"]
    if params["saturation"]:
        keys = {key: value for key, value in params["saturation"].items() if key not in ("rates", "rest_seconds")}
        found = saturation.search(
            params["saturation"]["rates"],
            lambda rate: load.run(replace(profile, rate=rate)),
            saturation.Objective(**keys),
            datetime.now(UTC),
            rest=lambda: time.sleep(params["saturation"]["rest_seconds"]),
        )
        return {
            "saturation": found.told(),
            "measurements": [saturation.observe(found, each["id"]) for each in checks],
        }
    told = load.run(profile)
    raw = {"raw": told.raw()} if params["raw"] else {}
    return {
        "summary": told.summary(),
        "measurements": [load.measure(told, each["id"], each["metric"]) for each in checks],
        **raw,
    }


def main() -> None:
    """Parse the arguments, send the load, return the measurements."""
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        required_one_of=[("rate", "saturation")],
        mutually_exclusive=[("rate", "saturation"), ("versus", "saturation"), ("versus", "raw")],
        no_log=True,  # of the host's log: headers and bodies may hold credentials
    )
    params = module.params
    result: dict[str, Any] = {"changed": False, "invocation": _shown(params)}
    try:
        profile = _profile(params)
        _check(params, profile)
        if module.check_mode:
            raise http.NoAnswer("check", "check mode sends no load")
        result |= _measure(params, profile)
    except ValueError as error:
        module.fail_json(msg=f"The load test of {params['url']} is not well defined: {error}.", **result)
    except http.NoAnswer as error:
        why = "check mode sends no load" if module.check_mode else str(error)
        result["measurements"] = [measurement(each["id"], n=0, invalid=why) for each in params["checks"]]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
