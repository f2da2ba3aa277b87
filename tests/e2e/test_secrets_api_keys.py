"""API keys are what the inventory describes: issued once, left alone when nobody does, revoked when told so."""

from __future__ import annotations

import time

import pytest

from .conftest import Fleet, Run
from .test_secrets import THROUGH_RELEASE
from .test_secrets_rotation import login

pytestmark = [pytest.mark.lab, pytest.mark.full, pytest.mark.usefixtures("first_release")]

VALUE = "reports-0123456789abcdef0123456789abcdef"
KEY = "{'name': 'reports', 'secret': 'reports', 'scopes': ['read'], 'expires': '2999-12-31'}"
DESCRIBED = f"{{{{ football_api_keys + [{KEY}] }}}}"


def golive(fleet: Fleet, **variables: object) -> Run:
    run = fleet.golive("1.0.0", *THROUGH_RELEASE, golive_secrets_vault={"reports": VALUE}, **variables)
    assert run.code == 0, run.output[-4000:]
    return run


def opens(fleet: Fleet) -> str:
    time.sleep(6)  # so long football remembers a key
    return login(fleet, "api_key", "", VALUE)


def test_a_key_is_issued_once(fleet):
    assert opens(fleet) == "401"
    run = golive(fleet, app_api_keys=DESCRIBED)
    assert "issue reports: the application does not know it" in run.output
    assert VALUE not in run.output
    assert opens(fleet) == "yes"
    again = golive(fleet, app_api_keys=DESCRIBED)
    assert again.changed_tasks == []


def test_a_key_that_nobody_describes_is_reported_and_revoked_only_when_told_so(fleet):
    run = golive(fleet)
    assert "left alone, described nowhere: reports" in " ".join(run.output.split())
    assert run.changed_tasks == []
    assert opens(fleet) == "yes"
    golive(fleet, app_api_keys_revoke_unknown=True)
    assert opens(fleet) == "403"


def test_a_key_that_was_revoked_is_not_let_in_again(fleet):
    run = fleet.golive("1.0.0", *THROUGH_RELEASE, golive_secrets_vault={"reports": VALUE}, app_api_keys=DESCRIBED)
    assert run.code != 0
    assert any("API key reports was revoked in the application" in words for words in run.told["blocking"])
    assert opens(fleet) == "403"


def test_a_key_that_opens_more_than_its_scope_is_seen(fleet):
    wider = "{{ [football_api_keys[0] | combine({'scopes': ['read', 'write']})] + football_api_keys[1:] }}"
    run = fleet.golive("1.0.0", *THROUGH_RELEASE, app_api_keys=wider)
    assert run.code != 0
    assert {gate["verdict"] for gate in run.gate("release.live_key_scope")} == {"FAIL"}, run.output[-4000:]
    time.sleep(6)
    assert golive(fleet).gate("release.live_key_scope")[0]["verdict"] == "PASS"
