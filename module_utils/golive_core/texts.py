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
    # what the terminal shows of a run, and how it ended
    "phase.preflight": {"en": "preflight", "zh": "预检"},
    "phase.evidence": {"en": "evidence", "zh": "证据"},
    "phase.infrastructure": {"en": "infrastructure", "zh": "基础设施"},
    "phase.security": {"en": "security", "zh": "安全"},
    "phase.monitoring": {"en": "monitoring", "zh": "监控"},
    "phase.database": {"en": "database", "zh": "数据库"},
    "phase.release": {"en": "release", "zh": "发布"},
    "phase.performance": {"en": "performance", "zh": "性能"},
    "phase.watch": {"en": "watch", "zh": "观察"},
    "phase.flip back": {"en": "flip back", "zh": "切回"},
    "phase.record": {"en": "record", "zh": "记录"},
    "phase.rollback": {"en": "rollback", "zh": "回滚"},
    "phase.verify": {"en": "verify", "zh": "复核"},
    "phase.rotate": {"en": "rotate", "zh": "轮换"},
    "show.now": {"en": "now: {release}", "zh": "当前：{release}"},
    "show.plan": {"en": "plan, nothing is changed", "zh": "计划，不作变更"},
    "show.gates": {"en": "{passed}/{all} gates", "zh": "关卡 {passed}/{all}"},
    "show.measured": {"en": "{measured}/{all} measured", "zh": "已测 {measured}/{all}"},
    "show.changed": {"en": "changed: {changed}", "zh": "变更：{changed}"},
    "show.last": {"en": "last time {time}", "zh": "上次 {time}"},
    "show.place": {"en": "{place} of {all}", "zh": "第 {place}/{all}"},
    "show.next": {"en": "Next", "zh": "措施"},
    "show.waived": {"en": "waived until {until} by {who}: {reason}", "zh": "由 {who} 豁免至 {until}：{reason}"},
    "show.would fail": {"en": "would FAIL", "zh": "将会 FAIL"},
    "show.fails now": {"en": "FAILs now, before these changes,", "zh": "（变更前）目前 FAIL"},
    "show.not in a plan": {"en": "{count} not measurable in a plan", "zh": "{count} 项在计划中无法测量"},
    "show.would change": {"en": "would change", "zh": "将变更"},
    "end.verdict": {"en": "Verdict", "zh": "结论"},
    "end.result": {"en": "Result", "zh": "结果"},
    "end.failed": {"en": "Failed", "zh": "失败"},
    "end.traffic": {"en": "Traffic", "zh": "流量"},
    "end.gates": {"en": "Gates", "zh": "关卡"},
    "end.took": {"en": "Took", "zh": "用时"},
    "end.changed": {"en": "Changed", "zh": "变更"},
    "end.lost": {"en": "Lost", "zh": "失联"},
    "end.next": {"en": "Next", "zh": "下一步"},
    "end.record": {"en": "Record", "zh": "记录"},
    "end.log": {"en": "Log", "zh": "日志"},
    "end.passed": {"en": "{passed} of {all} passed", "zh": "{all} 项中 {passed} 项通过"},
    "end.more": {"en": "and {count} more; the record has all", "zh": "另有 {count} 项，详见记录"},
    "end.planned": {"en": "planned; nothing was changed", "zh": "计划完成，未作任何变更"},
    "end.plan broke": {
        "en": "the plan could not be made to its end; nothing was changed",
        "zh": "计划未能完成；未作任何变更",
    },
    "end.good": {"en": "done", "zh": "完成"},
    "end.bad": {"en": "failed", "zh": "失败"},
    "end.interrupted": {"en": "INTERRUPTED in phase {phase}", "zh": "在阶段“{phase}”中断"},
    "traffic.same": {
        "en": "{release} keeps serving; nothing was switched",
        "zh": "{release} 继续服务；未切换流量",
    },
    "traffic.none": {"en": "nothing served before, and nothing was switched", "zh": "此前没有版本在服务，也未切换流量"},
    "traffic.unknown": {"en": "untouched; nothing was switched", "zh": "未受影响；未切换流量"},
    "traffic.back": {"en": "{release} serves again; the switch was taken back", "zh": "已切回，{release} 重新服务"},
    "traffic.back to none": {
        "en": "nothing serves, as before; the switch was taken back",
        "zh": "已切回；与之前一样，尚无版本在服务",
    },
    "traffic.new": {"en": "{release} serves (before: {before})", "zh": "{release} 正在服务（此前：{before}）"},
    "traffic.unproven": {
        "en": "{release} got the traffic and is not proven (before: {before}); it was not switched back",
        "zh": "流量已切到 {release}，但未经证实（此前：{before}）；尚未切回",
    },
    "next.doctor": {"en": "./golive doctor {gate}", "zh": "./golive doctor {gate}"},
    "next.unexpected": {
        "en": "read the log, then run the same command again: it carries on",
        "zh": "查看日志，然后再次运行同一命令，会从中断处继续",
    },
    "next.usage": {"en": "set it right as the sentence says, then run again", "zh": "按提示修正后再次运行"},
    "next.stopped": {
        "en": "set right what failed, then run the same command again: it carries on",
        "zh": "修正失败原因后再次运行同一命令，会从中断处继续",
    },
    "next.rolled back": {
        "en": "./golive record show; set right what failed, then run again, or build a new release",
        "zh": "./golive record show；修正后再次运行，或构建新版本",
    },
    "next.not back": {
        "en": "look now: ./golive status; then ./golive rollback {before}",
        "zh": "请立即查看：./golive status；然后 ./golive rollback {before}",
    },
    "next.locked": {
        "en": "./golive status says who is at work; run again when that has ended",
        "zh": "./golive status 显示占用者；待其结束后再运行",
    },
    "next.no evidence": {"en": "bring what is missing, then run again", "zh": "补齐缺少的证据后再次运行"},
    "next.interrupted": {
        "en": "run the same command again: it carries on, and takes its own lock over",
        "zh": "再次运行同一命令：会继续执行并接管自己的锁",
    },
    "next.interrupted after": {
        "en": "run the same command again to prove {release}, or go back: ./golive rollback {before}",
        "zh": "再次运行同一命令以证实 {release}，或回滚：./golive rollback {before}",
    },
    "exit.live": {"en": "live, or what was asked for is done", "zh": "已上线，或所要求的已完成"},
    "exit.unexpected": {"en": "unexpected: the run broke off; the log says where", "zh": "意外中断，详见日志"},
    "exit.usage": {
        "en": "usage: what was asked for is not possible; nothing was touched",
        "zh": "用法错误：无法执行，未触及任何主机",
    },
    "exit.stopped": {
        "en": "stopped before the switch: a gate failed, or a step; live traffic is untouched, the record lists what changed",
        "zh": "切换前已停止：关卡或步骤失败；线上流量未受影响，变更见记录",
    },
    "exit.rolled back": {"en": "rolled back: the release before serves again", "zh": "已回滚：由前一版本重新服务"},
    "exit.not back": {"en": "rollback failed: look at the edge now", "zh": "回滚失败：请立即检查边缘入口"},
    "exit.locked": {
        "en": "locked or frozen: another run is at work, or nobody may be",
        "zh": "已锁定或冻结：另有任务在运行，或禁止部署",
    },
    "exit.no evidence": {
        "en": "no evidence: nothing is known to be wrong, but proof is missing; live traffic is untouched",
        "zh": "缺少证据：未发现错误，但无法证实；线上流量未受影响",
    },
    "exit.interrupted": {"en": "interrupted", "zh": "被中断"},
    # what ./golive status says
    "status.live": {"en": "Live", "zh": "线上版本"},
    "status.before": {"en": "Before", "zh": "前一版本"},
    "status.lock": {"en": "Lock", "zh": "部署锁"},
    "status.freeze": {"en": "Freeze", "zh": "冻结"},
    "status.maintenance": {"en": "Maintenance", "zh": "维护"},
    "status.watcher": {"en": "Watcher", "zh": "守护"},
    "status.none": {"en": "none", "zh": "无"},
    "status.free": {"en": "free", "zh": "空闲"},
    "status.frozen": {"en": "frozen", "zh": "已冻结"},
    "status.for": {"en": "for {time}", "zh": "已 {time}"},
    "status.unknown": {"en": "not known: no edge answered", "zh": "未知：没有边缘主机应答"},
    "status.nothing": {"en": "nothing yet", "zh": "尚无"},
    "status.disagree": {"en": "the edges disagree: {colours}", "zh": "边缘主机不一致：{colours}"},
    "status.held": {
        "en": "held by {who} (run {run}), for another {time}",
        "zh": "由 {who} 持有（任务 {run}），还剩 {time}",
    },
    "status.silent": {"en": "does not answer", "zh": "无应答"},
    "status.stopped": {"en": "HAProxy does not run", "zh": "HAProxy 未运行"},
    "status.agreed": {
        "en": "serves {live}, switch {generation}, {workers} worker(s)",
        "zh": "服务 {live}，第 {generation} 次切换，{workers} 个进程",
    },
    "status.torn": {
        "en": "its file says {live}, but not every worker serves it",
        "zh": "映射文件为 {live}，但并非所有进程一致",
    },
    "status.runs": {"en": "runs", "zh": "运行中"},
    "status.rests": {"en": "stopped", "zh": "已停止"},
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
