#!/usr/bin/python
"""Look at a TLS server as a client would."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tls_probe
short_description: Look at a TLS server as a client would, and return what was measured
description:
  - Verifies chain and name of the certificate by a handshake, and tries a handshake with TLS 1.0 and with TLS 1.1
    wherever the host's own OpenSSL can speak them; where it cannot, C(observed) says so.
  - With O(checks[].suites) it also finds the cipher suites of TLS 1.2 that the server accepts.
  - Never fails for what it measures; whether a measurement is good enough is judged by M(gate_verdict).
options:
  checks:
    description: What to look at.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      host:
        description: Name or address to connect to.
        type: str
        required: true
      port:
        description: Port to connect to.
        type: int
        default: 443
      server_name:
        description: Name that the certificate must carry. O(checks[].host) when empty.
        type: str
        default: ""
      ca_file:
        description: The only authority to trust, as a PEM file. The system's when empty.
        type: str
        default: ""
      suites:
        description:
          - Look for the cipher suites of TLS 1.2, by a handshake for each that is accepted. One without forward
            secrecy, or that does not authenticate what it encrypts (no AEAD), is a failure.
        type: bool
        default: false
      ocsp:
        description:
          - Ask for the OCSP answer that the server staples. One that says anything but good, or that has ended, is a
            failure, and so is none where the certificate names a responder. Its signature is not verified.
        type: bool
        default: false
      timeout_seconds:
        description: Time for one connection.
        type: float
        default: 5
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Look at the certificate of the edge
  tls_probe:
    checks:
      - id: infrastructure.certificate
        host: "{{ golive_address }}"
        server_name: "{{ golive_public_name }}"
        ca_file: "{{ golive_tls.ca }}"
"""

RETURN = r"""
measurements:
  description:
    - One measurement per entry of O(checks), in the same order; its keys are described in docs/contributing.md.
    - C(value) is the days that the certificate is still valid (null when its chain cannot be verified), the unit C(d).
    - The observations (C(n)) are the certificate, each old protocol that could be tried, each suite that is accepted,
      and the OCSP answer; C(failures) counts a chain or name that is wrong, an old protocol or a weak suite that is
      accepted, an OCSP answer that is wrong, and a server that does not speak TLS at all.
  returned: always
  type: list
  elements: dict
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import http, ocsp, tls
from ansible.module_utils.golive_core.measurement import Measurement, measurement, utc_now


def _measure(check: Mapping[str, Any]) -> Measurement:
    name = check["server_name"] or check["host"]
    place = f"{check['host']}:{check['port']}"
    started, clock = utc_now(), time.monotonic()
    expected = f"a trusted certificate for {name}, TLS 1.2 or newer"
    try:
        seen = tls.look(
            check["host"], check["port"], name, check["ca_file"], check["timeout_seconds"], suites=check["suites"]
        )
        staple = ocsp.ask(check["host"], check["port"], name, check["timeout_seconds"]) if check["ocsp"] else None
    except http.NoAnswer as error:
        return measurement(
            check["id"], n=1, failures=1, unit="d", observed=str(error), expected=expected, started=started
        )
    tried = [answer for answer in seen.old.values() if answer in ("accepted", "refused")]
    certificate = f"the certificate of {place} is not to be trusted for {name}: {seen.problem}"
    if not seen.problem:
        certificate = f"the certificate of {place} for {name} is valid for another {seen.days_left:.1f} days"
    protocols = [f"{label} {answer}" for label, answer in seen.old.items()]
    negotiated = [f"{seen.protocol} negotiated"] if seen.protocol else []
    suites = [f"weak cipher suites accepted: {', '.join(seen.weak)}"] if seen.weak else []
    if check["suites"] and not suites:
        suites = [f"{len(seen.suites)} cipher suites of TLS 1.2, none of them weak"]
    wrong = staple.problem(datetime.now(UTC)) if staple else ""
    stapled = [wrong or str(staple)] if staple else []
    return measurement(
        check["id"],
        n=1 + len(tried) + len(seen.suites) + len(stapled),
        failures=bool(seen.problem) + tried.count("accepted") + len(seen.weak) + bool(wrong),
        value=None if seen.days_left is None else round(seen.days_left, 3),
        unit="d",
        observed="; ".join([certificate, *negotiated, *protocols, *suites, *stapled]),
        expected=expected,
        started=started,
        seconds=time.monotonic() - clock,
    )


CHECK = {
    "id": {"type": "str", "required": True},
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 443},
    "server_name": {"type": "str", "default": ""},
    "ca_file": {"type": "str", "default": ""},
    "suites": {"type": "bool", "default": False},
    "ocsp": {"type": "bool", "default": False},
    "timeout_seconds": {"type": "float", "default": 5},
}


def main() -> None:
    """Parse the arguments, look, return the measurements."""
    module = AnsibleModule(
        argument_spec={"checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK}},
        supports_check_mode=True,
    )
    for check in module.params["checks"]:
        if not 0 < check["port"] < 65_536 or check["timeout_seconds"] <= 0:
            module.fail_json(msg=f"Check {check['id']}: `port` must be 1 to 65535 and `timeout_seconds` above 0.")
    module.exit_json(changed=False, measurements=[_measure(check) for check in module.params["checks"]])


if __name__ == "__main__":
    main()
