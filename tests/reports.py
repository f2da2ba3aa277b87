"""What tools write about a release, each as it writes it, with findings of every severity."""

from __future__ import annotations

import json
from typing import Any

from support import RELEASE, Release

COMMIT, IMAGE = RELEASE["commit"], RELEASE["image_id"]
COBERTURA = """<?xml version="1.0"?><coverage line-rate="1.0" lines-valid="1" lines-covered="1">
<packages><package><classes>
<class filename="a.py"><methods><method><lines><line number="1" hits="0"/></lines></method></methods>
<lines><line number="1" hits="3"/><line number="2" hits="0"/></lines></class>
<class filename="a.py"><lines>
<line number="2" hits="1"/><line number="3" hits="0"/><line number="4" hits="9"/></lines></class>
</classes></package></packages></coverage>"""
SARIF: dict[str, Any] = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {
                    "name": "scanner",
                    "rules": [
                        {"id": "R1", "properties": {"security-severity": "9.8"}},
                        {"id": "R2", "defaultConfiguration": {"level": "note"}},
                    ],
                }
            },
            "versionControlProvenance": [{"repositoryUri": "x", "revisionId": COMMIT}],
            "results": [
                {
                    "ruleId": "R1",
                    "message": {"text": "SQL from a request"},
                    "locations": [
                        {"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": 3}}}
                    ],
                },
                {"ruleId": "R2", "message": {"text": "a note"}},
                {"ruleId": "R3", "level": "error", "message": {"text": "bad"}},
                {"ruleId": "R3", "level": "error", "message": {"text": "x"}, "suppressions": [{"kind": "inSource"}]},
                {"ruleId": "R3", "level": "error", "message": {"text": "x"}, "kind": "pass"},
                {"ruleId": "R3", "level": "error", "message": {"text": "x"}, "baselineState": "absent"},
                {"ruleId": "R3", "message": {"text": "a warning, as SARIF has it when nothing is said"}},
            ],
        }
    ],
}
TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "Metadata": {"ImageID": IMAGE},
    "Results": [
        {
            "Target": "app",
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-1", "PkgName": "zlib", "InstalledVersion": "1.2", "Severity": "CRITICAL"},
                {"VulnerabilityID": "CVE-2", "PkgName": "curl", "InstalledVersion": "8", "Severity": "LOW"},
                {"VulnerabilityID": "CVE-3", "PkgName": "curl", "InstalledVersion": "8", "Severity": "UNKNOWN"},
            ],
        },
        {
            "Target": "Dockerfile",
            "Misconfigurations": [
                {"ID": "DS1", "Severity": "HIGH", "Status": "FAIL", "Title": "root"},
                {"ID": "DS2", "Severity": "HIGH", "Status": "PASS"},
            ],
            "Secrets": [{"RuleID": "aws-key", "Severity": "MEDIUM", "Match": "AKIA-not-repeated"}],
        },
    ],
}
GRYPE: dict[str, Any] = {
    "source": {"type": "image", "target": {"imageID": IMAGE}},
    "matches": [
        {"vulnerability": {"id": "CVE-1", "severity": name}, "artifact": {"name": "zlib", "version": "1.2"}}
        for name in ("Critical", "High", "Medium", "Low", "Negligible", "Unknown")
    ],
}
PIP_AUDIT: dict[str, Any] = {
    "dependencies": [
        {"name": "jinja2", "version": "2.4", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]},
        {"name": "app", "skip_reason": "not on PyPI"},
        {"name": "six", "version": "1", "vulns": []},
    ]
}
MYPY_JSON = b"""{"file": "a.py", "line": 3, "column": 1, "message": "Missing return", "severity": "error"}
{"file": "a.py", "line": 3, "column": 1, "message": "see docs", "severity": "note"}
"""


def ask(release: Release, kind: str, content: Any, **options: Any) -> Any:
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    release.write("report", text)
    return release.ask(kind, files=("report",), **options)
