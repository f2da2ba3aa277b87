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
  - Runs for at most 600 seconds and 1000000 requests.
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
  rate:
    description: Requests per second.
    type: float
    required: true
  seconds:
    description: How long to measure.
    type: float
    required: true
  warmup_seconds:
    description: How long to send at the same rate beforehand, without counting it.
    type: float
    default: 0
  arrivals:
    description: Evenly spaced, or as many independent users would come.
    type: str
    choices: [constant, poisson]
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
          - V(errors) counts every answer but the expected ones as a failure.
          - V(availability) counts a missing answer and a status of 500 and above as a failure.
          - V(throughput) has one sample per second, the right answers in it.
          - V(lag) has as its value the 99th percentile of the generator's own send lag.
        type: str
        choices: [latency_seconds, errors, availability, throughput, lag]
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
"""

RETURN = r"""
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: always
  type: list
  elements: dict
summary:
  description:
    - The test in a few numbers. C(offered), C(sent), C(completed), C(ok), C(dropped), C(error_kinds), C(p50), C(p95),
      C(p99) and C(lag_p99) in seconds, C(cpu_share), C(connections), C(seconds), C(ok_per_second) and
      C(errors_per_second) as space-separated text, C(invalid).
  returned: when the load was sent
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import expect, http, load
from ansible.module_utils.golive_core.measurement import measurement

HIDDEN = "(hidden)"
ENDPOINT = {
    "path": {"type": "str", "required": True},
    "method": {"type": "str", "default": "GET"},
    "weight": {"type": "float", "default": 1},
    "headers": {"type": "dict", "default": {}},
    "body": {"type": "raw"},
    "expect_status": {"type": "raw", "default": 200},
}
CHECK = {
    "id": {"type": "str", "required": True},
    "metric": {"type": "str", "choices": list(load.METRICS), "required": True},
}
SPEC: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "address": {"type": "str", "default": ""},
    "ca_file": {"type": "str", "default": ""},
    "host_header": {"type": "str", "default": ""},
    "rate": {"type": "float", "required": True},
    "seconds": {"type": "float", "required": True},
    "warmup_seconds": {"type": "float", "default": 0},
    "arrivals": {"type": "str", "choices": ["constant", "poisson"], "default": "constant"},
    "seed": {"type": "int", "default": 1},
    "timeout_seconds": {"type": "float", "default": 5},
    "max_lag_seconds": {"type": "float", "default": 0.005},
    "endpoints": {"type": "list", "elements": "dict", "required": True, "options": ENDPOINT},
    "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK},
}


def _profile(params: Mapping[str, Any]) -> load.Profile:
    return load.Profile(
        base_url=params["url"],
        address=params["address"],
        ca_file=params["ca_file"],
        host_header=params["host_header"],
        rate=params["rate"],
        seconds=params["seconds"],
        warmup_seconds=params["warmup_seconds"],
        arrivals=params["arrivals"],
        seed=params["seed"],
        timeout=params["timeout_seconds"],
        max_lag=params["max_lag_seconds"],
        endpoints=[
            load.Endpoint(**{**each, "expect_status": expect.statuses(each["expect_status"])})
            for each in params["endpoints"]
        ],
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
    return {"module_args": {**params, "endpoints": rows}}


def main() -> None:
    """Parse the arguments, send the load, return the measurements."""
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        no_log=True,  # of the host's log: headers and bodies may hold credentials
    )
    params = module.params
    result: dict[str, Any] = {"changed": False, "invocation": _shown(params)}
    try:
        profile = _profile(params)
        load.validate(profile)
        if module.check_mode:
            raise http.NoAnswer("check", "check mode sends no load")
        told = load.run(profile)
        result["summary"] = told.summary()
        result["measurements"] = [load.measure(told, each["id"], each["metric"]) for each in params["checks"]]
    except ValueError as error:
        module.fail_json(msg=f"The load test of {params['url']} is not well defined: {error}.", **result)
    except http.NoAnswer as error:
        result["measurements"] = [measurement(each["id"], n=0, invalid=str(error)) for each in params["checks"]]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
