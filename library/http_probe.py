#!/usr/bin/python
"""Ask over HTTP as a client would."""

from __future__ import annotations

DOCUMENTATION = r"""
module: http_probe
short_description: Ask over HTTP as a client would, and return what was measured
description:
  - Makes every request of O(checks) on a connection of its own and compares each answer with what is expected.
    Redirects are not followed, so a 301 is a 301.
  - Never fails for what it measures; whether a measurement is good enough is judged by M(gate_verdict).
  - A sample is the seconds of one try, from resolving the name to the last byte. A try without a complete answer counts
    with the whole of O(checks[].timeout_seconds).
options:
  checks:
    description: What to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      url:
        description: An http or https URL. Its host is the name for Host and for the certificate.
        type: str
        required: true
      address:
        description: Connect to this name or address in place of the URL's host.
        type: str
        default: ""
      source_address:
        description: Ask from this address of the host.
        type: str
        default: ""
      ip:
        description: Connect over this version of IP only; V(0) for whichever works.
        type: int
        choices: [0, 4, 6]
        default: 0
      ca_file:
        description: The only authority to trust, as a PEM file. The system's when empty.
        type: str
        default: ""
      method:
        description: Method of the request.
        type: str
        default: GET
      headers:
        description: Headers of the request. Their values are shown nowhere in the result.
        type: dict
        default: {}
      body:
        description: Body of the request; a dictionary or a list is sent as JSON. Shown nowhere in the result.
        type: raw
      samples:
        description: How often to ask.
        type: int
        default: 1
      interval_seconds:
        description: Pause between two tries.
        type: float
        default: 0
      timeout_seconds:
        description: Time for one try.
        type: float
        default: 5
      consecutive:
        description:
          - Keep asking until O(checks[].samples) tries in a row are right, or O(checks[].within_seconds) are over.
            Only the tries of that row are then measured; when there was no such row, all of them.
        type: bool
        default: false
      within_seconds:
        description: Time for a row of right tries; used with O(checks[].consecutive).
        type: float
        default: 60
      until_ok_within_seconds:
        description:
          - Before measuring, keep asking until one try is right, for at most this long. The wrong tries until then do
            not count; when none is right, all of them do.
        type: float
        default: 0
      burst:
        description: Ask this often as fast as 16 connections can, in place of O(checks[].samples).
        type: int
        default: 0
      expect:
        description: What makes an answer right.
        type: dict
        default: {}
        suboptions:
          status:
            description: A status or a list of them, 200 unless given.
            type: raw
          json:
            description: Path in the JSON body (C(checks.database.status), C(items.0.id)) to the value there.
            type: dict
          contains:
            description: Text that the body contains.
            type: str
          matches:
            description: Regular expression that is found in the body.
            type: str
          schema:
            description:
              - JSON Schema of the body, as far as C(type), C(enum), C(const), C(required), C(properties),
                C(additionalProperties), C(items), C(pattern) and the limits of numbers, lengths and items go. Any other
                keyword is refused.
            type: dict
          headers:
            description: Header to its value, or to a regular expression found in it; V(null) when it must be absent.
            type: dict
          max_seconds:
            description: How long the answer may take.
            type: float
          counts:
            description: How often a status must come in a O(checks[].burst); with it any other status is wrong.
            type: list
            elements: dict
            suboptions:
              status:
                description: The status.
                type: int
                required: true
              at_least:
                description: The fewest answers with it.
                type: int
                default: 0
              at_most:
                description: The most answers with it; no limit when left out.
                type: int
              headers:
                description: Headers that every answer with this status must have, as in O(checks[].expect.headers).
                type: dict
                default: {}
author: [golive developers]
attributes:
  check_mode:
    support: partial
    details:
      - In check mode it asks with GET, HEAD and OPTIONS only, never in bursts, and does not wait for anything to become
        right. What it did not ask is measured as invalid.
  diff_mode:
    support: none
notes:
  - Nothing is logged on the host, because headers and bodies may hold credentials. A parameter of a wrong type is
    reported by Ansible itself together with all parameters, so keep C(no_log) on the task.
"""

EXAMPLES = r"""
- name: Ask the idle colour
  http_probe:
    checks:
      - id: release.health
        url: "http://{{ golive_public_name }}:8002/health/"
        address: "{{ golive_address }}"
        samples: 5
        consecutive: true
        expect:
          json: {checks.database.status: up}
          max_seconds: 0.1

- name: See the rate limit in force
  http_probe:
    checks:
      - id: security.rate_limit
        url: "https://{{ golive_public_name }}/api/v1/predictions/1"
        burst: 130
        expect:
          counts:
            - {status: 200, at_least: 90}
            - {status: 429, at_least: 25, headers: {Retry-After: "^[1-9][0-9]*$"}}
"""

RETURN = r"""
measurements:
  description:
    - One measurement per entry of O(checks), in the same order; its keys are described in docs/contributing.md.
    - The unit is C(s), samples are the seconds of each try.
    - C(value) is null, but with O(checks[].consecutive) and O(checks[].until_ok_within_seconds) it is how many seconds
      passed until the answers were right.
  returned: always
  type: list
  elements: dict
timings:
  description:
    - Where the time of a request went, one per entry of O(checks), in the same order. Seconds from its beginning until
      the name was resolved (C(dns)), the connection stood (C(connect)), TLS stood (C(tls), of https only), the first
      byte came (C(first_byte)) and the last one (C(total)); each the median of all tries that got an answer. Empty when
      none did.
  returned: always
  type: list
  elements: dict
  sample: [{dns: 0.0002, connect: 0.0007, tls: 0.0031, first_byte: 0.0052, total: 0.0053}]
"""

import base64
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import expect, http
from ansible.module_utils.golive_core.judge import quantity
from ansible.module_utils.golive_core.measurement import Measurement, measurement, summarise, utc_now

HIDDEN = "(hidden)"
CONNECTIONS = 16
READING = ("GET", "HEAD", "OPTIONS")
RETRY_SECONDS = 0.2  # pause while waiting, where no other is given
MAX_TRIES = 10_000


@dataclass(frozen=True)
class Try:
    """One request: its answer, how long it took, what was wrong with it (empty: nothing), and what the answer said."""

    answer: http.Answer | None
    seconds: float
    problem: str = ""
    detail: str = ""


class Check:
    """One entry of `checks`, ready to ask.

    :raises ValueError: one sentence that names the key
    """

    def __init__(self, params: Mapping[str, Any], check_mode: bool) -> None:
        self.params = params
        self.check_mode = check_mode
        self.aim = http.target(params["url"], params["address"])
        wanted = {key: value for key, value in params["expect"].items() if value is not None}
        self.counts: list[dict[str, Any]] = wanted.pop("counts", [])
        if self.counts:
            wanted["status"] = [count["status"] for count in self.counts]
        self.wanted = expect.expectation(wanted)
        self.answers: list[http.Answer] = []
        self.secrets = sorted(_secrets(params), key=len, reverse=True)
        http.request_bytes(self.aim, params["method"], params["headers"], params["body"])
        if self.counts and not params["burst"]:
            raise ValueError("`expect.counts` needs `burst`")
        for key, least in (("samples", 1), ("burst", 0)):
            if not least <= params[key] <= MAX_TRIES:
                raise ValueError(f"`{key}` must be {least} to {MAX_TRIES}, not {params[key]}")
        if params["timeout_seconds"] <= 0:
            raise ValueError(f"`timeout_seconds` must be above 0, not {params['timeout_seconds']}")

    def ask(self) -> Try:
        """Make one request."""
        params = self.params
        try:
            answer = http.fetch(
                self.aim,
                method=params["method"],
                headers=params["headers"],
                body=params["body"],
                timeout=params["timeout_seconds"],
                ca_file=params["ca_file"],
                source_address=params["source_address"],
                ip=params["ip"],
            )
        except http.NoAnswer as error:
            return Try(None, params["timeout_seconds"], str(error))
        self.answers.append(answer)
        if not expect.problems(answer, self.wanted):
            return Try(answer, answer.seconds)
        shown = self._without_secrets(answer)
        detail = expect.telling(shown.body) if answer.status not in self.wanted.status else ""
        return Try(answer, answer.seconds, "; ".join(expect.problems(shown, self.wanted)), detail)

    def timings(self) -> dict[str, float]:
        """Return the median seconds until each step of a request was reached, over all answers."""
        steps = [{**each.timings, "total": each.seconds} for each in self.answers]
        names = steps[0] if steps else ()
        return {name: round(statistics.median(step[name] for step in steps), 6) for name in names}

    def _without_secrets(self, answer: http.Answer) -> http.Answer:
        """Return what may be repeated of an answer: some answers repeat the request."""
        body, headers = answer.body, list(answer.headers)
        for secret in self.secrets:
            body = body.replace(secret.encode(), HIDDEN.encode())
            headers = [(name, value.replace(secret, HIDDEN)) for name, value in headers]
        return replace(answer, body=body, headers=headers)

    # --- the ways of asking

    def measure(self) -> Measurement:
        """Ask, and return what was measured."""
        params, started, clock = self.params, utc_now(), time.monotonic()
        if self.check_mode and (params["method"] not in READING or params["burst"]):
            why = "a burst" if params["burst"] else params["method"]
            return self._measurement([], started, 0.0, invalid=f"check mode does not send {why} to {self.aim.where}")
        if params["burst"]:
            return self._burst(started)
        if params["consecutive"]:
            return self._row(started, clock)
        waited: float | None = None
        if params["until_ok_within_seconds"]:
            tries = self._wait(params["until_ok_within_seconds"])
            waited = time.monotonic() - clock
            if tries[-1].problem:
                return self._measurement(tries, started, waited)
        tries = []
        for number in range(params["samples"]):
            if number:
                time.sleep(params["interval_seconds"])
            tries.append(self.ask())
        return self._measurement(tries, started, time.monotonic() - clock, value=waited)

    def _keep_asking(self, seconds: float, enough: Callable[[list[Try]], bool]) -> list[Try]:
        """Ask until it is enough or the time is over, at least once."""
        end = time.monotonic() + (0.0 if self.check_mode else seconds)
        tries = [self.ask()]
        while not enough(tries) and time.monotonic() < end:
            time.sleep(self.params["interval_seconds"] or (RETRY_SECONDS if tries[-1].problem else 0.0))
            tries.append(self.ask())
        return tries

    def _wait(self, seconds: float) -> list[Try]:
        return self._keep_asking(seconds, lambda tries: not tries[-1].problem)

    def _row(self, started: str, clock: float) -> Measurement:
        length = self.params["samples"]

        def right(tries: list[Try]) -> bool:
            return len(tries) >= length and not any(each.problem for each in tries[-length:])

        tries = self._keep_asking(self.params["within_seconds"], right)
        passed = time.monotonic() - clock
        if right(tries):
            return self._measurement(tries[-length:], started, passed, value=passed)
        short = f"no {length} right answers in a row from {self.aim.where} within {quantity(passed, 's')}"
        return self._measurement(tries, started, passed, short=short)

    def _burst(self, started: str) -> Measurement:
        count, clock = self.params["burst"], time.monotonic()
        with ThreadPoolExecutor(max_workers=min(CONNECTIONS, count)) as pool:
            tries = list(pool.map(lambda _: self.ask(), range(count)))
        passed = time.monotonic() - clock
        if not self.counts:
            return self._measurement(tries, started, passed)
        by_status = Counter(each.answer.status for each in tries if each.answer)
        problems = [each.problem for each in tries if each.problem]
        missed = 0
        for rule in self.counts:
            status, seen = rule["status"], by_status[rule["status"]]
            bad = [
                problem
                for each in tries
                if each.answer and each.answer.status == status and not each.problem
                for name, value in rule["headers"].items()
                if (problem := expect.header_problem(each.answer, name, value))
            ]
            problems += [f"{status} without what it must carry: {problem}" for problem in bad]
            missed += max(rule["at_least"] - seen, 0)
            missed += max(seen - rule["at_most"], 0) if rule["at_most"] is not None else 0
        seen_all = ", ".join(f"{status} x {number}" for status, number in sorted(by_status.items())) or "no answer"
        observed = f"{self.aim.where} answered {seen_all} to {count} requests in {quantity(passed, 's')}"
        return measurement(
            self.params["id"],
            n=count,
            failures=min(len(problems) + missed, count),
            samples=[each.seconds for each in tries],
            unit="s",
            observed="; ".join(part for part in (observed, summarise(problems)) if part),
            expected=", ".join(map(_count_wanted, self.counts)),
            started=started,
            seconds=passed,
        )

    def _measurement(
        self,
        tries: list[Try],
        started: str,
        seconds: float,
        *,
        value: float | None = None,
        short: str = "",
        invalid: str = "",
    ) -> Measurement:
        n = len(tries)
        wrong = Counter((each.problem, each.detail) for each in tries if each.problem)
        said = [
            f"{problem} in {count} of {n} tries" + (f" ({detail})" if detail else "")
            for (problem, detail), count in wrong.most_common()
        ]
        observed = f"{self.aim.where}: {summarise(said) or f'right in {n} of {n} tries'}" if n else ""
        if answered := [each.seconds for each in tries if each.answer]:
            observed += f", slowest answer {quantity(max(answered), 's')}"
        return measurement(
            self.params["id"],
            n=n,
            failures=max(wrong.total(), 1) if short else wrong.total(),
            samples=[each.seconds for each in tries],
            value=value,
            unit="s",
            observed="; ".join(part for part in (short, observed) if part),
            expected=str(self.wanted),
            invalid=invalid,
            started=started,
            seconds=seconds,
        )


def _count_wanted(rule: Mapping[str, Any]) -> str:
    most = "" if rule["at_most"] is None else f" and at most {rule['at_most']}"
    carried = f" with {', '.join(rule['headers'])}" if rule["headers"] else ""
    return f"at least {rule['at_least']}{most} x {rule['status']}{carried}"


def _secrets(params: Mapping[str, Any]) -> set[str]:
    """Return what must not be repeated of a request: values of headers, texts of the body, and what they consist of."""
    texts = [str(value) for value in params["headers"].values()] + list(_texts(params["body"]))
    texts += [_decoded(text[6:]) for text in texts if text[:6].lower() == "basic "]
    parts = {part for text in texts for part in (text, *text.split(), *re.split(r"[\s\"'=;,:&{}\[\]]+", text))}
    return {part for part in parts if len(part) >= 4}


def _decoded(text: str) -> str:
    """Return what Base64 means; nothing when it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _texts(body: Any) -> Iterable[str]:
    if isinstance(body, Mapping):
        body = list(body.values())
    if isinstance(body, list):
        for each in body:
            yield from _texts(each)
    elif body is not None:
        yield str(body)


def _shown(checks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the parameters as the result may show them."""
    rows = [
        {
            **check,
            "headers": dict.fromkeys(check["headers"], HIDDEN),
            "body": HIDDEN if check["body"] is not None else None,
        }
        for check in checks
    ]
    return {"module_args": {"checks": rows}}


COUNT = {
    "status": {"type": "int", "required": True},
    "at_least": {"type": "int", "default": 0},
    "at_most": {"type": "int"},
    "headers": {"type": "dict", "default": {}},
}
EXPECT = {
    "status": {"type": "raw"},
    "json": {"type": "dict"},
    "contains": {"type": "str"},
    "matches": {"type": "str"},
    "schema": {"type": "dict"},
    "headers": {"type": "dict"},
    "max_seconds": {"type": "float"},
    "counts": {"type": "list", "elements": "dict", "options": COUNT},
}
CHECK = {
    "id": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "address": {"type": "str", "default": ""},
    "source_address": {"type": "str", "default": ""},
    "ip": {"type": "int", "choices": [0, 4, 6], "default": 0},
    "ca_file": {"type": "str", "default": ""},
    "method": {"type": "str", "default": "GET"},
    "headers": {"type": "dict", "default": {}},
    "body": {"type": "raw"},
    "samples": {"type": "int", "default": 1},
    "interval_seconds": {"type": "float", "default": 0},
    "timeout_seconds": {"type": "float", "default": 5},
    "consecutive": {"type": "bool", "default": False},
    "within_seconds": {"type": "float", "default": 60},
    "until_ok_within_seconds": {"type": "float", "default": 0},
    "burst": {"type": "int", "default": 0},
    "expect": {"type": "dict", "default": {}, "options": EXPECT},
}


def main() -> None:
    """Parse the arguments, ask, return the measurements."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK}},
        supports_check_mode=True,
        no_log=True,  # of the host's log: headers and bodies may hold credentials
    )
    params = module.params["checks"]
    checks = []
    for each in params:
        try:
            checks.append(Check(each, module.check_mode))
        except ValueError as error:
            module.fail_json(msg=f"Check {each['id']}: {error}.", invocation=_shown(params))
    module.exit_json(
        changed=False,
        measurements=[check.measure() for check in checks],
        timings=[check.timings() for check in checks],
        invocation=_shown(params),
    )


if __name__ == "__main__":
    main()
