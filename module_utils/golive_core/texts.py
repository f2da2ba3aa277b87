"""Every text that operators read, in English and Chinese. Gates carry their own titles and remedies."""

from __future__ import annotations

LANGUAGES = ("en", "zh")

TEXTS: dict[str, dict[str, str]] = {
    "record": {"en": "Record of a go-live", "zh": "上线记录"},
    "verdict": {"en": "Verdict", "zh": "结论"},
    "verdict.LIVE": {"en": "LIVE: the release serves, every gate passed", "zh": "已上线：新版本正在服务，所有关卡通过"},
    "verdict.VERIFIED": {
        "en": "VERIFIED: the release was live already, every gate passed, nothing was changed",
        "zh": "已验证：该版本此前已上线，所有关卡通过，未作任何变更",
    },
    "verdict.ROLLED BACK": {
        "en": "ROLLED BACK: the release failed after the switch, the one before it serves",
        "zh": "已回滚：新版本切换后未通过验证，由前一版本继续服务",
    },
    "verdict.UNPROVEN": {
        "en": "UNPROVEN: the traffic was switched, but proof is missing and it was not switched back; look at the edge now",
        "zh": "未证实：流量已切换，但缺少证据且未能切回；请立即检查边缘入口",
    },
    "verdict.NOT LIVE": {
        "en": "NOT LIVE: stopped before the switch, whatever served before still serves",
        "zh": "未上线：切换前已停止，原有版本继续服务",
    },
    "basics": {"en": "Basic facts", "zh": "上线基本信息"},
    "release": {"en": "Release", "zh": "上线版本"},
    "previous": {"en": "Previous release", "zh": "前一版本"},
    "none": {"en": "none", "zh": "无"},
    "time": {"en": "Time", "zh": "上线时间"},
    "who": {"en": "Carried out by", "zh": "上线负责人"},
    "commit": {"en": "Commit", "zh": "提交"},
    "image": {"en": "Image", "zh": "镜像"},
    "team": {"en": "Team", "zh": "参与人员"},
    "content": {"en": "Content", "zh": "上线内容"},
    "added": {"en": "Added", "zh": "新增功能"},
    "improved": {"en": "Improved", "zh": "优化改进"},
    "fixed": {"en": "Fixed", "zh": "问题修复"},
    "config": {"en": "Configuration", "zh": "配置变更"},
    "phases": {"en": "Phases", "zh": "阶段"},
    "phase": {"en": "Phase", "zh": "阶段"},
    "state": {"en": "State", "zh": "状态"},
    "seconds": {"en": "Seconds", "zh": "秒"},
    "state.complete": {"en": "complete", "zh": "完成"},
    "state.failed": {"en": "failed", "zh": "失败"},
    "state.started": {"en": "not finished", "zh": "未完成"},
    "state.not reached": {"en": "not reached", "zh": "未执行"},
    "verification": {"en": "Verification", "zh": "上线验证"},
    "gate": {"en": "Gate", "zh": "关卡"},
    "host": {"en": "Host", "zh": "主机"},
    "value": {"en": "Measured", "zh": "实测值"},
    "bound": {"en": "Bound", "zh": "置信界"},
    "threshold": {"en": "Wanted", "zh": "要求"},
    "samples": {"en": "Samples", "zh": "样本数"},
    "waived": {"en": "waived", "zh": "已豁免"},
    "problems": {"en": "Problems and what to do", "zh": "发现问题与解决措施"},
    "no problems": {"en": "None.", "zh": "无。"},
    "next": {"en": "Next", "zh": "措施"},
    "events": {"en": "Switches", "zh": "流量切换"},
    "chain": {"en": "Events in the chain, and its head", "zh": "事件链长度与链头"},
    "notes": {"en": "Notes", "zh": "备注"},
}


def text(key: str, language: str) -> str:
    """Return a text in one language, or in both ("en / zh") when `language` is "both".

    :raises KeyError: when the catalogue has no such text
    """
    return pick(TEXTS[key], language)


def pick(texts: dict[str, str] | str, language: str) -> str:
    """Return one language of a bilingual text; a plain string is the same in both."""
    if isinstance(texts, str):
        return texts
    if language == "both":
        return " / ".join(dict.fromkeys(texts[code] for code in LANGUAGES if texts.get(code)))
    return texts.get(language) or texts["en"]
