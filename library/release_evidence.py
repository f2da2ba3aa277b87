#!/usr/bin/python
"""Read what continuous integration left beside a release."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release_evidence
short_description: Read the test and scan reports of a release, and return what they show
description:
  - Runs on the controller. Reads C(release.json) and C(evidence/) below O(directory); golive_core.evidence documents
    them.
  - Never fails for what it reads. A report that is missing, empty, malformed or of nothing gives an invalid
    measurement.
options:
  directory:
    description: Directory of the release.
    type: path
    required: true
  checks:
    description: What to read.
    type: list
    elements: dict
    required: true
    suboptions:
      id:
        description: Id of the gate that the measurement is for.
        type: str
        required: true
      kind:
        description:
          - V(tests) observes each test that ran (JUnit XML), and counts the failed ones. Skipped and flaky ones are
            told.
          - V(coverage) has as its value the covered share, 0 to 1 (JSON of coverage.py, or Cobertura XML, which must
            not declare a document type).
          - V(lint) counts the findings of Ruff (JSON) or of any tool that writes SARIF.
          - V(types) counts the errors of mypy (JUnit XML, or JSON lines; without an error there are no lines, and an
            empty report proves nothing).
          - V(security) counts the findings of O(checks[].severity) and above of Bandit, pip-audit, Trivy or Grype
            (JSON), or of any scanner that writes SARIF. A finding without a known severity counts always, and a report
            of another image or commit proves nothing.
          - V(origin) counts where evidence and release differ in commit, image id and the SHA-256 of each report, and a
            working tree that was not clean.
          - V(freshness) has as its value the age of the evidence in seconds.
        type: str
        choices: [tests, coverage, lint, types, security, origin, freshness]
        required: true
      files:
        description:
          - Names of the reports in C(evidence/), at most 64 MiB each; several for all but V(coverage). By default
            C(junit.xml), C(coverage.json), C(ruff.json), C(mypy.xml), C(bandit.json).
        type: list
        elements: str
        default: []
      severity:
        description: The lowest severity that V(security) counts.
        type: str
        choices: [low, medium, high, critical]
        default: high
      allow_dirty:
        description: Whether V(origin) accepts a working tree that held changes.
        type: bool
        default: false
author: [golive developers]
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Read what was found out about the release
  release_evidence:
    directory: "{{ golive_releases_dir }}/1.4.0"
    checks:
      - {id: evidence.tests, kind: tests, files: [junit-unit.xml, junit-integration.xml]}
      - {id: evidence.coverage, kind: coverage}
      - {id: evidence.origin, kind: origin}
  delegate_to: localhost
"""

RETURN = r"""
measurements:
  description: One measurement per entry of O(checks), in the same order; keys as in docs/contributing.md.
  returned: always
  type: list
  elements: dict
"""

from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.golive_core import evidence

CHECK = {
    "id": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": list(evidence.KINDS), "required": True},
    "files": {"type": "list", "elements": "str", "default": []},
    "severity": {"type": "str", "choices": list(evidence.SEVERITIES), "default": "high"},
    "allow_dirty": {"type": "bool", "default": False},
}


def main() -> None:
    """Parse the arguments, read, return the measurements."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK},
        },
        supports_check_mode=True,
    )
    directory, now = Path(module.params["directory"]), datetime.now(UTC)
    checks = [evidence.Check(**check) for check in module.params["checks"]]
    module.exit_json(changed=False, measurements=[evidence.measure(directory, check, now) for check in checks])


if __name__ == "__main__":
    main()
