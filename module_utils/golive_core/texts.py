"""Every text that operators read, in English and Chinese. Gates carry their own titles and remedies."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")

Text = str | Mapping[str, str]  # the same in both languages, or one for each

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
    "verdict.NOT VERIFIED": {
        "en": "NOT VERIFIED: the release serves, but not every gate passed; the traffic stays where it is",
        "zh": "未通过验证：该版本正在服务，但并非所有关卡通过；流量未作变更",
    },
    "basics": {"en": "Basic facts", "zh": "上线基本信息"},
    "release": {"en": "Release", "zh": "上线版本"},
    "previous": {"en": "Previous release", "zh": "前一版本"},
    "none": {"en": "none", "zh": "无"},
    "time": {"en": "Time", "zh": "上线时间"},
    "who": {"en": "Carried out by", "zh": "上线负责人"},
    "commit": {"en": "Commit", "zh": "提交"},
    "image": {"en": "Image", "zh": "镜像"},
    "exempt": {"en": "Exempt from the rate limit", "zh": "不受速率限制的来源"},
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
    "result": {"en": "Result", "zh": "上线结果"},
    "status": {"en": "Status", "zh": "上线状态"},
    "status.success": {"en": "success", "zh": "成功"},
    "status.partial": {"en": "partial success", "zh": "部分成功"},
    "status.failure": {"en": "failure", "zh": "失败"},
    "found": {"en": "Problems found", "zh": "发现问题"},
    "measures": {"en": "Measures", "zh": "解决措施"},
    "follow-up": {"en": "Follow-up", "zh": "后续计划"},
    "again": {
        "en": "Carry out the measures, then go live again: the same command carries on where it must.",
        "zh": "完成上述措施后重新上线：再次运行同一命令即可继续。",
    },
    "look now": {
        "en": "Look at the edge now, and roll back with playbooks/rollback.yml.",
        "zh": "请立即检查边缘入口，并用 playbooks/rollback.yml 回滚。",
    },
    "flipped back": {"en": "The traffic was given back to {release}.", "zh": "流量已切回 {release}。"},
    "waiver ends": {
        "en": "Gate {gate} is waived until {until} by {who}: {reason}",
        "zh": "关卡 {gate} 由 {who} 豁免至 {until}：{reason}",
    },
    "area.functional": {"en": "Functional", "zh": "功能验证"},
    "area.performance": {"en": "Performance", "zh": "性能验证"},
    "area.security": {"en": "Security", "zh": "安全验证"},
    "area.monitoring": {"en": "Monitoring", "zh": "监控验证"},
    "area.passed": {"en": "{passed} of {all} gates passed", "zh": "{all} 项关卡中 {passed} 项通过"},
    "area.nothing": {"en": "not verified", "zh": "未验证"},
    "contacts": {"en": "Contacts", "zh": "联系信息"},
    "every gate": {"en": "Every gate", "zh": "全部关卡"},
    "awx": {"en": "AWX job", "zh": "AWX 作业"},
    "from": {"en": "from", "zh": "自"},
    "signed": {"en": "Signed by", "zh": "签名者"},
    "unsigned": {"en": "Not signed", "zh": "未签名"},
    "area": {"en": "Area", "zh": "类别"},
    "message": {"en": "What was seen", "zh": "观察结果"},
    "timeline": {"en": "Timeline", "zh": "时间线"},
    "latency": {"en": "Latency of single requests", "zh": "单个请求的延迟分布"},
    "per second": {"en": "Right answers and errors per second", "zh": "每秒正确应答与错误"},
    "right": {"en": "right answers", "zh": "正确应答"},
    "errors": {"en": "errors", "zh": "错误"},
    "switch": {"en": "switch", "zh": "切换"},
    "flip_back": {"en": "switched back", "zh": "切回"},
    "limit": {"en": "limit", "zh": "限值"},
    "filter": {"en": "Search in gates", "zh": "搜索关卡"},
    "all": {"en": "all", "zh": "全部"},
    "shown": {"en": "shown", "zh": "已显示"},
    "no samples": {"en": "The record has no raw samples of this.", "zh": "记录中没有相应的原始样本。"},
    "language": {"en": "Language", "zh": "语言"},
    "requests": {"en": "requests", "zh": "请求数"},
    "secret.generated": {"en": "generated", "zh": "自动生成"},
    "secret.vault": {"en": "from the vault", "zh": "来自保险库"},
    "secret.fresh": {
        "en": "{days} days old, to be rotated within {left} days",
        "zh": "已用 {days} 天，须在 {left} 天内轮换",
    },
    "secret.for ever": {"en": "{days} days old, need not be rotated", "zh": "已用 {days} 天，无需轮换"},
    "secret.overdue": {
        "en": "{days} days old, {over} too many: run playbooks/rotate.yml -e secret={name}",
        "zh": "已用 {days} 天，超期 {over} 天：请运行 playbooks/rotate.yml -e secret={name}",
    },
    "secret.rotating": {
        "en": "its old value was not withdrawn yet: run playbooks/rotate.yml -e secret={name} again",
        "zh": "旧值尚未停用：请再次运行 playbooks/rotate.yml -e secret={name}",
    },
    "secret.missing": {"en": "not made yet", "zh": "尚未生成"},
    "secret.unknown": {
        "en": "of unknown age: say in secrets_made when it was made",
        "zh": "使用时长未知：请在 secrets_made 中注明生成日期",
    },
    "severity.urgent": {"en": "urgent", "zh": "紧急"},
    "severity.important": {"en": "important", "zh": "重要"},
    "severity.general": {"en": "general", "zh": "一般"},
    "message.start.golive": {"en": "{name}: the go-live begins", "zh": "{name}：开始上线"},
    "message.start.rollback": {"en": "{name}: the rollback to this release begins", "zh": "{name}：开始回滚到该版本"},
    "message.start.rotation": {"en": "{name}: the rotation of a secret begins", "zh": "{name}：开始轮换密钥"},
    "message.start.verify": {"en": "{name}: its gates are measured", "zh": "{name}：开始验证各项关卡"},
    "message.verdict": {"en": "{name}: {verdict}", "zh": "{name}：{verdict}"},
    "message.by": {"en": "Carried out by {who} on {where}", "zh": "执行人：{who}，控制机：{where}"},
    "message.previous": {"en": "Release before: {release}", "zh": "前一版本：{release}"},
    "message.record": {"en": "Record: {link}", "zh": "记录：{link}"},
    "message.more": {"en": "and {number} more", "zh": "另有 {number} 项"},
    "message.freeze.on": {"en": "{name}: go-lives are frozen", "zh": "{name}：上线已冻结"},
    "message.freeze.off": {"en": "{name}: go-lives are allowed again", "zh": "{name}：上线冻结已解除"},
    "message.freeze.why": {
        "en": "By {who}, until {until}: {reason}",
        "zh": "操作人：{who}，截止：{until}，原因：{reason}",
    },
    "message.alert": {"en": "[{severity}] {name}: {number} firing", "zh": "[{severity}] {name}：{number} 项告警"},
    "message.alert.over": {"en": "[{severity}] {name}: resolved", "zh": "[{severity}] {name}：已恢复"},
    "message.alert.firing": {"en": "firing", "zh": "告警"},
    "message.alert.resolved": {"en": "resolved", "zh": "已恢复"},
    "message.runbook": {"en": "What to do: {link}", "zh": "处理手册：{link}"},
    "message.test": {"en": "A test of golive's messages", "zh": "golive 通知测试"},
    "message.test.from": {"en": "Sent from {host}; nothing has to be done.", "zh": "发送自 {host}；无需处理。"},
    "messages": {"en": "Messages", "zh": "通知"},
    "message.sent": {"en": "told", "zh": "已送达"},
    "message.kept": {"en": "NOT told, kept to be sent later", "zh": "未送达，已留存待重发"},
    "message.nobody": {
        "en": "nobody was told: no receiver of golive_receivers wants it",
        "zh": "未通知任何人：golive_receivers 中没有对应的接收方",
    },
    "message.failed": {"en": "NOT told", "zh": "未送达"},
}


def text(key: str, language: str) -> str:
    """Return a text in one language, or in both ("en / zh") when `language` is "both".

    :raises KeyError: when the catalogue has no such text
    """
    return pick(TEXTS[key], language)


def pick(texts: Text, language: str) -> str:
    """Return one language of a bilingual text; a plain string is the same in both."""
    if isinstance(texts, str):
        return texts
    if language == "both":
        return " / ".join(dict.fromkeys(texts[code] for code in LANGUAGES if texts.get(code)))
    return texts.get(language) or texts["en"]
