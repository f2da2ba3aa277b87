"""What testssl.sh finds, which knows more about TLS than these tests."""

from __future__ import annotations

import json

import pytest

UNITS = ["haproxy"]
# What may be found above INFO, and why.
KNOWN = {
    "cert_revocation": "the own authority has neither a revocation list nor OCSP",
    "engine_problem": "the asking OpenSSL has no GOST, which nobody wants here",
    "DNS_CAArecord": "football.test is no name of the DNS",
}


@pytest.mark.full  # it takes 71 s
def test_testssl_finds_nothing_that_is_not_known(on):
    host = on("user1")
    host.check_output("apt-get install --yes --no-install-recommends testssl.sh")
    host.run(
        "testssl --quiet --color 0 --add-ca /etc/golive/tls/ca.crt --severity LOW --overwrite "
        "--jsonfile /root/testssl.json https://football.test >/root/testssl.log"
    )
    found = json.loads(host.check_output("cat /root/testssl.json"))
    findings = {row["id"]: f"{row['severity']}: {row['finding']}" for row in found}
    assert {key: text for key, text in findings.items() if key not in KNOWN} == {}
    assert set(findings) == set(KNOWN), "it found less than is listed here, or did not run; see /root/testssl.log"
