"""What a record notes beside verdicts and failures: a sentence each, with what was seen filled in.

A value is a word or a number, several of them, or a text in both languages. What a host, a module or a person has said
stays as it was said.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any

from .texts import LANGUAGES, Text, pick

NOTES: dict[str, dict[str, str]] = {
    "lock.taken": {
        "en": "The deployment lock on {host} was {reason}.",
        "zh": "{host} 上的部署锁的取得情况：{reason}。",
    },
    "lock.not_released": {
        "en": (
            "The deployment lock on {host} could not be released; it ends with its lease, or when this "
            "controller asks again."
        ),
        "zh": "{host} 上的部署锁未能释放；租约到期或本控制端再次请求时，它即失效。",
    },
    "phase.stands": {
        "en": "Phase {phase} stands on {hosts}, unchanged since run {run}: it is measured again, not done again.",
        "zh": "阶段 {phase} 在 {hosts} 上自运行 {run} 以来未变：只重新测量，不重新执行。",
    },
    "phase.anew": {
        "en": "Phase {phase} is done anew on {hosts}: {why}.",
        "zh": "阶段 {phase} 在 {hosts} 上重新执行：{why}。",
    },
    "migration.done": {
        "en": "Migration of {database}: {said}.",
        "zh": "数据库 {database} 的迁移：{said}。",
    },
    "migration.not_rehearsed": {
        "en": (
            "The migration of {database} was not rehearsed on a copy, and the release that serves not tried with "
            "its schema: {why}."
        ),
        "zh": "数据库 {database} 的迁移没有在副本上演练，正在服务的版本也没有用新结构试运行：{why}。",
    },
    "migration.contract": {
        "en": "Contract step {step} of the database of {app}.",
        "zh": "{app} 数据库的收缩步骤 {step}。",
    },
    "release.away": {
        "en": (
            "{hosts} cannot be worked on; the rollback goes on without. Look at it afterwards: an edge takes the "
            "newer map when it starts, an application host is staged by the next go-live."
        ),
        "zh": (
            "无法操作 {hosts}；回滚在没有它的情况下继续。请事后检查：边缘主机启动时会取得较新的映射，应用主机由下"
            "一次上线重新部署。"
        ),
    },
    "release.came_along": {
        "en": (
            "{hosts} came with {live} and never had {back}; the rollback goes on without. {live} still runs there and "
            "gets no requests; the next go-live brings a release to it again."
        ),
        "zh": (
            "{hosts} 随 {live} 加入，从未有过 {back}；回滚在没有它的情况下继续。{live} 仍在其上运行但不接收请求；"
            "下一次上线会重新为其部署版本。"
        ),
    },
    "release.judged_late": {
        "en": (
            "{release} took over in a run that did not come to its judgement; this one judges it, and goes back "
            "to {back} when it turns red."
        ),
        "zh": "{release} 在一次未作出判定的运行中接管了流量；本次运行对其判定，若不通过则退回 {back}。",
    },
    "canary.left": {
        "en": (
            "A canary had {share} % of the requests at {host} since a run that did not come to its end; its "
            "share was taken back."
        ),
        "zh": "一次未完成的运行在 {host} 上留下了占 {share} % 请求的金丝雀；其份额已收回。",
    },
    "watcher.armed": {
        "en": (
            "The watcher on {host} guards {release}, {strict_seconds} s closely and {seconds} s in all. What it "
            "decides is in {chain} there, signed by {key}."
        ),
        "zh": (
            "{host} 上的看守程序正在守护 {release}：严格守护 {strict_seconds} 秒，共 {seconds} 秒。其决定记录在该"
            "主机的 {chain}，由 {key} 签名。"
        ),
    },
    "watcher.disarmed": {
        "en": "The watcher on {host} no longer guards {release}: {reason}.",
        "zh": "{host} 上的看守程序不再守护 {release}：{reason}。",
    },
    "watcher.disarmed_cold": {
        "en": (
            "The watcher on {host} no longer guards {release}: {reason}. Going back to {back} is no longer one "
            "switch away."
        ),
        "zh": "{host} 上的看守程序不再守护 {release}：{reason}。退回 {back} 不再是一次切换就能完成的事。",
    },
    "watcher.had_acted": {
        "en": (
            "The watcher on {host} no longer guards {release}: {reason}. It had gone back to {back} by itself: {said}."
        ),
        "zh": "{host} 上的看守程序不再守护 {release}：{reason}。它此前已自行退回 {back}：{said}。",
    },
    "watcher.unfrozen": {
        "en": '{host} lets releases go live again, because "{reason}". Before: {before} ({time}).',
        "zh": "{host} 重新允许上线，原因：“{reason}”。此前：{before}（{time}）。",
    },
    "silence.begun": {
        "en": (
            "Alertmanager on {host} keeps quiet what this run explains, until {until} at the latest: {alerts}. "
            "Every other alert arrives."
        ),
        "zh": "{host} 上的 Alertmanager 对本次运行可解释的告警静默，最迟到 {until}：{alerts}。其他告警照常送达。",
    },
    "silence.not_begun": {
        "en": (
            "NOTHING IS KEPT QUIET: {why}. The run goes on, and people may be told of {alerts}, which it causes "
            "itself. See `journalctl -u prometheus-alertmanager` on {host}."
        ),
        "zh": (
            "没有任何告警被静默：{why}。运行继续，相关人员可能收到由运行本身引起的 {alerts}。请在 {host} 上查看 "
            "`journalctl -u prometheus-alertmanager`。"
        ),
    },
    "silence.ended": {
        "en": "Alertmanager on {host} keeps nothing quiet any more: {silences} ended.",
        "zh": "{host} 上的 Alertmanager 不再静默任何告警：已结束 {silences}。",
    },
    "silence.not_ended": {
        "en": (
            "SILENCES OF THIS RUN MAY STAND on {host}: {why}. They end by themselves when the record says; "
            "`amtool silence expire` ends them now."
        ),
        "zh": (
            "{host} 上可能仍有本次运行的静默：{why}。它们会在记录所述时间自行结束；`amtool silence expire` 可立即结束。"
        ),
    },
    "notify.nobody": {
        "en": "{event}: nobody was told: {why}",
        "zh": "{event}：没有通知到任何人：{why}",
    },
}


class UnknownNote(ValueError):
    """A note that the catalogue does not have, or not enough values for it."""


def wanted(name: str) -> set[str]:
    """Return the names of the values that a note has to be given.

    :raises KeyError: when there is no such note
    """
    return {field for template in NOTES[name].values() for _, field, _, _ in Formatter().parse(template) if field}


def text(data: Mapping[str, Any]) -> Text:
    """Return what an event of kind ``note`` says; one of earlier versions has only a message.

    :param data: ``note``, a name of the catalogue, and ``values``; or ``message``
    """
    note = data.get("note")
    if note not in NOTES:
        return str(data.get("message", ""))
    values = data.get("values", {})
    return {
        language: NOTES[note][language].format_map({name: _said(value, language) for name, value in values.items()})
        for language in LANGUAGES
    }


def _said(value: Any, language: str) -> str:
    if isinstance(value, Mapping):
        return pick(value, language)
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def complete(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a note together with its message, for whoever knows no catalogue.

    :raises UnknownNote: for a note that the catalogue does not know, or one without a value that it wants
    """
    if "note" not in data:
        return dict(data)
    name, values = str(data["note"]), data.get("values", {})
    if name not in NOTES:
        raise UnknownNote(f"there is no note {name!r}; module_utils/golive_core/notes.py has {', '.join(NOTES)}")
    if missing := wanted(name) - values.keys():
        raise UnknownNote(f"note {name} wants {', '.join(sorted(missing))}, too")
    return {**data, "message": pick(text(data), "en")}
