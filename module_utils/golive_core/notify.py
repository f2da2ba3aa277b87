"""What is told to whom, and the form that each kind of receiver wants it in. Pure: delivery.py sends.

A receiver is an entry of `golive_receivers`. The forms are those of the vendors' documentation: WeCom
(developer.work.weixin.qq.com, 91770 and 90236), DingTalk (open.dingtalk.com, custom robots), Feishu (open.feishu.cn,
custom bots), Slack (api.slack.com/messaging/webhooks), Alertmanager's webhook, version 4.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from .texts import LANGUAGES, TEXTS, Text, pick, text

EVENTS = ("start", "verdict", "rollback", "freeze", "alert")
FOR_ALL = ("test", "said")  # whatever a receiver wants otherwise
SEVERITIES = ("urgent", "important", "general")
# What a receiver of each kind must have.
KINDS: Mapping[str, tuple[str, ...]] = {
    "email": ("server", "from", "to"),
    "webhook": ("url",),
    "slack": ("url",),
    "wecom_app": ("corp_id", "agent_id", "secret"),
    "wecom_robot": ("url",),
    "dingtalk": ("url",),
    "feishu": ("url",),
    "file": (),
    "alertmanager": ("config",),
}
# Kinds that Alertmanager speaks itself; the others get its alerts through the relay.
NATIVE = ("email", "webhook", "slack", "wecom_app", "alertmanager")
PROBE = "GoliveProbe"  # name of the synthetic alert
WECOM = "https://qyapi.weixin.qq.com/cgi-bin"

_SEVERITY_OF_VERDICT = {"LIVE": "general", "VERIFIED": "general", "ROLLED BACK": "urgent", "UNPROVEN": "urgent"}
_MOST_GATES = 8  # named in one message; the record has them all
_MOST_ALERTS = 10
# Bytes that the vendor takes of a text; the rest is cut off and said to be.
_ROOM = {"wecom_robot": 4096, "wecom_app": 2048, "dingtalk": 18_000, "feishu": 18_000, "slack": 30_000}

Receiver = Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """One piece of news. Messages with the same `id` are the same news, and nobody is told twice."""

    id: str
    event: str
    severity: str
    subject: Text
    lines: Sequence[Text] = ()
    link: str = ""
    owner: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the message as JSON takes it."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> Message:
        """Return the message that :meth:`as_dict` gave.

        :raises TypeError: when it is none
        """
        return Message(**data)


def fill(key: str, **values: Any) -> dict[str, str]:
    """Return a text of the catalogue in both languages, with its gaps filled; a value may itself be in both."""
    return {
        code: TEXTS[key][code].format(
            **{name: pick(value, code) if isinstance(value, Mapping) else value for name, value in values.items()}
        )
        for code in LANGUAGES
    }


# --- messages


def of_run(stage: str, told: Mapping[str, Any], link: str = "") -> Message:
    """Return the message about a run: that it starts, or how it ended.

    :param stage: start or verdict
    :param told: what :func:`record.tell` returned
    :param link: where the record is
    """
    run, verdict = told["run"], told["verdict"]
    kind = run.get("kind", "golive")
    name = f"{run.get('app', '')} {run.get('release', '')}".strip()
    back = kind == "rollback" or (stage == "verdict" and verdict == "ROLLED BACK")
    facts = {
        "app": run.get("app", ""),
        "release": run.get("release", ""),
        "previous": run.get("previous", ""),
        "kind": kind,
        "run": run.get("id", ""),
    }
    lines: list[Text] = [fill("message.by", who=run.get("who", "-"), where=run.get("where", "-"))]
    if run.get("previous"):
        lines.append(fill("message.previous", release=run["previous"]))
    if stage == "start":
        subject = fill(f"message.start.{kind}", name=name)
        severity = "general"
    else:
        subject = fill("message.verdict", name=name, verdict=TEXTS[f"verdict.{verdict}"])
        severity = _SEVERITY_OF_VERDICT.get(verdict, "important")
        facts |= {"verdict": verdict, "failed": [gate["gate"] for gate in _wrong(told)]}
        lines += _seen(told)
    if link:
        lines.append(fill("message.record", link=link))
    return Message(
        id=f"{run.get('id', name)}:{stage}",
        event="rollback" if back else stage,
        severity=severity,
        subject=subject,
        lines=lines,
        link=link,
        facts=facts,
    )


def _wrong(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [gate for gate in told["gates"] if gate["verdict"] != "PASS"]


def _seen(told: Mapping[str, Any]) -> list[Text]:
    """Return how many gates passed, and of those that did not what was measured."""
    wrong = _wrong(told)
    lines: list[Text] = [fill("area.passed", passed=len(told["gates"]) - len(wrong), all=len(told["gates"]))]
    for failure in told["failures"][:_MOST_GATES]:
        where = f" ({failure['host']})" if failure.get("host") else ""
        lines.append(f"{failure.get('phase', '')}{where}: {failure.get('message', '')}")
    for gate in wrong[:_MOST_GATES]:
        lines.append({code: _gate(gate, code) for code in LANGUAGES})
    if len(wrong) > _MOST_GATES:
        lines.append(fill("message.more", number=len(wrong) - _MOST_GATES))
    return lines


def _gate(gate: Mapping[str, Any], language: str) -> str:
    waived = f" ({text('waived', language)})" if gate.get("waived") else ""
    where = ", ".join(filter(None, (str(gate["host"]), pick(gate.get("title") or "", language))))
    return f"{gate['gate']} {gate['verdict']}{waived} ({where}): {gate['message']}"


def of_freeze(name: str, state: str, who: str, reason: str, until: str = "") -> Message:
    """Return the message that go-lives are stopped, or allowed again.

    :param name: of the application
    :param state: on or off
    """
    return Message(
        id=f"freeze:{name}:{state}:{until}:{reason}",
        event="freeze",
        severity="important",
        subject=fill(f"message.freeze.{state}", name=name),
        lines=[fill("message.freeze.why", who=who, reason=reason or "-", until=until or "-")],
        facts={"app": name, "state": state, "until": until},
    )


def of_test(host: str) -> Message:
    """Return a message that says that it is a test; every receiver wants it, and it is news each time."""
    return Message(
        id=f"test:{host}:{time.time():.3f}",
        event="test",
        severity="general",
        subject=TEXTS["message.test"],
        lines=[fill("message.test.from", host=host)],
    )


def of_said(name: str, who: str, where: str, said: str) -> Message:
    """Return what a person wants told; every receiver gets it, and it is news each time.

    :param name: of the application
    """
    return Message(
        id=f"said:{who}:{time.time_ns()}",
        event="said",
        severity="general",
        subject=f"{name}: {said}",
        lines=[fill("message.by", who=who, where=where)],
        facts={"app": name},
    )


def of_alerts(payload: Mapping[str, Any]) -> Message:
    """Return the message about a group of alerts, as Alertmanager's webhook tells of them.

    :raises ValueError: when it is no such group
    """
    try:
        alerts = [dict(alert) for alert in payload["alerts"]]
        labels = dict(payload["commonLabels"])
        name = str(payload["groupLabels"].get("alertname") or labels.get("alertname") or "-")
        told = [(alert["fingerprint"], alert["status"], alert["startsAt"]) for alert in alerts]
        key = json.dumps([payload["groupKey"], sorted(told)])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is not what Alertmanager posts: {error!r}") from error
    firing = sum(alert["status"] == "firing" for alert in alerts)
    severity = _severity(labels, alerts)
    lines: list[Text] = []
    for alert in alerts[:_MOST_ALERTS]:
        said = alert.get("annotations", {})
        state = TEXTS[f"message.alert.{'firing' if alert['status'] == 'firing' else 'resolved'}"]
        summary = {code: str(said.get(f"summary_{code}") or said.get("summary") or "-") for code in LANGUAGES}
        lines.append({code: f"{pick(state, code)}: {summary[code]}" for code in LANGUAGES})
        if alert["status"] == "firing" and said.get("runbook_url"):
            lines.append(fill("message.runbook", link=said["runbook_url"]))
    if len(alerts) > _MOST_ALERTS:
        lines.append(fill("message.more", number=len(alerts) - _MOST_ALERTS))
    return Message(
        id="alert:" + hashlib.sha256(key.encode()).hexdigest()[:24],
        event="alert",
        severity=severity,
        subject=fill(
            "message.alert" if firing else "message.alert.over",
            severity=TEXTS[f"severity.{severity}"],
            name=name,
            number=firing or len(alerts),
        ),
        lines=lines,
        link=str(payload.get("externalURL") or ""),
        owner=str(labels.get("owner", "")),
        facts={"alertname": name, "status": payload.get("status", ""), "probes": probes(payload)},
    )


def _severity(labels: Mapping[str, Any], alerts: Iterable[Mapping[str, Any]]) -> str:
    """Return the worst severity in a group; one without any is general."""
    seen = {labels.get("severity"), *(alert.get("labels", {}).get("severity") for alert in alerts)}
    return next((severity for severity in SEVERITIES if severity in seen), "general")


def probes(payload: Mapping[str, Any]) -> list[str]:
    """Return the ids of the synthetic alerts in a group that fire."""
    return [
        str(alert["labels"].get("probe", ""))
        for alert in payload.get("alerts", [])
        if alert["labels"].get("alertname") == PROBE and alert["status"] == "firing"
    ]


# --- receivers


def refusals(receivers: Sequence[Receiver]) -> list[str]:
    """Return one sentence for everything that is wrong with the receivers; none of them holds a secret."""
    said = []
    names = [str(receiver.get("name", "")) for receiver in receivers]
    said += [f"golive_receivers has {name} twice" for name in sorted({name for name in names if names.count(name) > 1})]
    for receiver in receivers:
        name, kind = receiver.get("name"), str(receiver.get("kind"))
        if kind not in KINDS:
            said.append(f"receiver {name} of golive_receivers is of kind {kind}, wanted one of {', '.join(KINDS)}")
            continue
        if missing := [key for key in KINDS[kind] if not receiver.get(key)]:
            said.append(f"receiver {name} of golive_receivers, {kind}, has no {' and no '.join(missing)}")
        url = str(receiver.get("url") or receiver.get("api_url") or "http://-")
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            said.append(f"receiver {name} of golive_receivers has an url that is none of http or https")
        if kind == "email" and receiver.get("server") and not _port(str(receiver["server"])):
            said.append(f"receiver {name} of golive_receivers has server {receiver['server']}, wanted HOST:PORT")
        for key, known in (("events", EVENTS), ("severities", SEVERITIES)):
            if unknown := sorted(set(receiver.get(key) or ()) - set(known)):
                said.append(
                    f"receiver {name} of golive_receivers has {key} {', '.join(unknown)}, known are {', '.join(known)}"
                )
    return said


def _port(server: str) -> int:
    """Return the port of HOST:PORT; 0 when there is none."""
    port = server.rpartition(":")[2]
    return int(port) if ":" in server and port.isdecimal() and 0 < int(port) < 65536 else 0


def smtp_server(server: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT."""
    return server.rpartition(":")[0].strip("[]"), _port(server)


def wants(receiver: Receiver, message: Message) -> bool:
    """Return whether a receiver is told a message: by its events, severities and owners; an empty list is all."""
    return (
        receiver["kind"] != "alertmanager"
        and message.event in (*FOR_ALL, *(receiver.get("events") or EVENTS))
        and (message.event in FOR_ALL or message.severity in (receiver.get("severities") or SEVERITIES))
        and (not message.owner or message.owner in (receiver.get("owners") or [message.owner]))
    )


# --- forms


@dataclass(frozen=True)
class Post:
    """A request that tells a receiver."""

    url: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def subject(message: Message, language: str) -> str:
    """Return the heading of a message, with its severity in front."""
    severity = text(f"severity.{message.severity}", language)
    said = pick(message.subject, language)
    return said if message.event == "alert" else f"[{severity}] {said}"


def plain(message: Message, language: str) -> str:
    """Return the lines of a message as text."""
    return "\n".join(pick(line, language) for line in message.lines)


def clip(said: str, room: int) -> str:
    """Return a text that takes at most `room` bytes of UTF-8, and shows where it was cut."""
    raw = said.encode()
    return said if len(raw) <= room else raw[: room - 3].decode(errors="ignore") + "…"


def dingtalk_url(url: str, secret: str, now: float) -> str:
    """Return the address of a DingTalk robot, signed when it has a secret.

    :param now: seconds since 1970; the robot takes a signature for an hour
    """
    if not secret:
        return url
    stamp = str(round(now * 1000))
    digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
    sign = urllib.parse.quote_plus(base64.b64encode(digest))
    return f"{url}{'&' if '?' in url else '?'}timestamp={stamp}&sign={sign}"


def feishu_signature(secret: str, now: float) -> dict[str, str]:
    """Return what a Feishu bot with a secret wants beside the message: the key is signed, the signed text is empty."""
    if not secret:
        return {}
    stamp = str(int(now))
    digest = hmac.new(f"{stamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": stamp, "sign": base64.b64encode(digest).decode()}


def token_url(receiver: Receiver) -> str:
    """Return where a WeCom app gets the token that its messages need."""
    asked = urllib.parse.urlencode({"corpid": receiver["corp_id"], "corpsecret": receiver["secret"]})
    return f"{(receiver.get('api_url') or WECOM).rstrip('/')}/gettoken?{asked}"


def post(receiver: Receiver, message: Message, language: str, now: float, token: str = "") -> Post:
    """Return the request that tells a receiver of any kind but email and file.

    :param token: of a WeCom app
    """
    kind, url = receiver["kind"], str(receiver.get("url", ""))
    head, body = subject(message, language), plain(message, language)
    both = clip(f"{head}\n{body}", _ROOM.get(kind, 1 << 20))
    if kind == "slack":
        return Post(url, {"text": both})
    if kind == "wecom_robot":
        return Post(url, {"msgtype": "markdown", "markdown": {"content": clip(f"**{head}**\n{body}", _ROOM[kind])}})
    if kind == "dingtalk":
        said = clip(f"**{head}**\n\n" + body.replace("\n", "\n\n"), _ROOM[kind])
        signed = dingtalk_url(url, str(receiver.get("secret") or ""), now)
        return Post(signed, {"msgtype": "markdown", "markdown": {"title": head, "text": said}})
    if kind == "feishu":
        signature = feishu_signature(str(receiver.get("secret") or ""), now)
        return Post(url, {**signature, "msg_type": "text", "content": {"text": both}})
    if kind == "wecom_app":
        api = (receiver.get("api_url") or WECOM).rstrip("/")
        to = {"touser": receiver.get("to_user") or "@all", "agentid": int(receiver["agent_id"])}
        query = urllib.parse.urlencode({"access_token": token})
        return Post(f"{api}/message/send?{query}", {**to, "msgtype": "text", "text": {"content": both}})
    bearer = {"Authorization": f"Bearer {receiver['bearer']}"} if receiver.get("bearer") else {}
    return Post(url, as_json(message, language), bearer)


def as_json(message: Message, language: str) -> dict[str, Any]:
    """Return a message as a webhook or a file gets it."""
    return {
        "id": message.id,
        "event": message.event,
        "severity": message.severity,
        "subject": subject(message, language),
        "text": plain(message, language),
        "link": message.link,
        **({"owner": message.owner} if message.owner else {}),
        **message.facts,
    }


def mail(receiver: Receiver, message: Message, language: str, now: float) -> EmailMessage:
    """Return the mail that tells a receiver; the same news has the same Message-ID."""
    built = EmailMessage()
    built["From"] = receiver["from"]
    built["To"] = ", ".join(receiver["to"])
    built["Subject"] = " ".join(subject(message, language).split())
    built["Date"] = formatdate(now)
    built["Message-ID"] = f"<{hashlib.sha256(message.id.encode()).hexdigest()[:32]}@golive>"
    built["Auto-Submitted"] = "auto-generated"
    built.set_content(plain(message, language) + "\n")
    return built


def refused(kind: str, status: int, body: bytes) -> str:
    """Return why an answer means that the message was not taken; empty when it was.

    WeCom, DingTalk and Feishu answer 200 also to a wrong token: the reason is in the body.
    """
    if not 200 <= status < 300:
        return f"answered {status}"
    if kind not in ("wecom_robot", "wecom_app", "dingtalk", "feishu"):
        return ""
    try:
        answer = json.loads(body)
        code = next(answer[key] for key in ("errcode", "code", "StatusCode") if key in answer)
    except (ValueError, TypeError, StopIteration, RecursionError):
        return f"answered {status} without the code that a {kind} answers with"
    if code == 0:
        return ""
    why = next((str(answer[key]) for key in ("errmsg", "msg", "StatusMessage") if answer.get(key)), "no reason given")
    return f"answered code {code}: {why[:200]}"
