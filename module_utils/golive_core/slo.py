"""Alerts on how fast the budget of errors of a promise burns, in several windows.

Windows and factors are those of Google's Site Reliability Workbook, chapter 5, for a budget of 30 days. An alert fires
when the share of bad requests is above factor x (1 - objective) in a long window and in a short one, so that it ends
soon after the errors do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# factor, long window, short window, severity
BURNS = (
    (14.4, "1h", "5m", "urgent"),
    (6.0, "6h", "30m", "urgent"),
    (3.0, "1d", "2h", "important"),
    (1.0, "3d", "6h", "general"),
)
RECORD = "golive:slo_bad_share:"


def rules(slos: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return recording rules and alert rules.

    :param slos: entries of `prometheus_slos`: name, objective, bad, total, owner, summary
    :returns: `records` (record, expr, slo) and `alerts`, in the form of `prometheus_rules`
    :raises ValueError: when an objective is no share below 1
    """
    records, alerts = [], []
    windows = list(dict.fromkeys(window for _, long, short, _ in BURNS for window in (short, long)))
    for slo in slos:
        name, objective = str(slo["name"]), float(slo["objective"])
        if not 0.0 < objective < 1.0:
            raise ValueError(f"objective of prometheus_slos {name} is {objective:g}, wanted above 0 and below 1")
        for window in windows:
            bad, total = (str(slo[key]).replace("[WINDOW]", f"[{window}]") for key in ("bad", "total"))
            records.append({"record": RECORD + window, "expr": f"({bad})\n/\n({total})", "slo": name})
        for factor, long, short, severity in BURNS:
            limit = f"{factor * (1.0 - objective):.6g}"
            seen = (f'{RECORD}{window}{{slo="{name}"}} > {limit}' for window in (short, long))
            alerts.append(
                {
                    "name": f"Slo{name}Burn{factor:g}x".replace(".", "_"),
                    "slo": name,
                    "expr": " and ".join(seen),
                    "for": "0s",
                    "severity": severity,
                    "owner": slo["owner"],
                    "runbook": "slo",
                    "section": f"Slo{name}",
                    "summary": {
                        "en": f"{slo['summary']['en']}: {{percent}} within {short}, and the budget of 30 days burns "
                        f"{factor:g} times as fast as it may. See which release, colour and endpoint.",
                        "zh": f"{slo['summary']['zh']}：{short} 内为 {{percent}}，30 天的错误预算正以 {factor:g} 倍速度"
                        "消耗。请查看是哪个版本、颜色和接口。",
                    },
                }
            )
    return {"records": records, "alerts": alerts}
