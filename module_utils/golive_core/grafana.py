"""Grafana as its readers meet it: asked over its HTTP API, by version 7.5 and every later one.

Newer versions know a data source by its uid; 7.5 only by its number, through its proxy. What a version does not have is
asked in the older way (grafana.com/docs/grafana/latest/developers/http_api).
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import dashboards, http, prometheus

OUTSIDE = ("/api/org", "/api/search", "/api/datasources")  # what nobody may read without a name
ABSENT = (400, 404)  # of a path, or a way to name a data source, that an older version does not have


class Unanswered(Exception):
    """Grafana gave no usable answer; the text says where and why."""


@dataclass(frozen=True)
class Reply:
    """Status and content of an answer; no content when it is not JSON."""

    status: int
    content: Any

    @property
    def said(self) -> str:
        """What Grafana gave as a reason."""
        message = self.content.get("message") if isinstance(self.content, dict) else None
        return f"{self.status}{f': {message}' if message else ''}"


Ask = Callable[..., Reply]  # ask(path, method=, body=, user=, password=)


def client(url: str, user: str, password: str, ca_file: str = "", timeout: float = 5.0) -> Ask:
    """Return a function that asks a Grafana; user and password in its call win, and an empty user asks as nobody."""

    def ask(path: str, method: str = "GET", body: Any = None, login: tuple[str, str] = (user, password)) -> Reply:
        headers = {}
        if login[0]:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
        aim = http.target(url.rstrip("/") + path)
        try:
            answer = http.fetch(aim, method=method, headers=headers, body=body, timeout=timeout, ca_file=ca_file)
        except http.NoAnswer as error:
            raise Unanswered(f"{aim.where} gave no answer: {error}") from error
        try:
            return Reply(answer.status, json.loads(answer.body))
        except ValueError:
            return Reply(answer.status, None)

    return ask


@dataclass(frozen=True)
class Seen:
    """One look: observations, how many were wrong, what to tell, and why it proves nothing (empty: it does)."""

    n: int
    problems: Sequence[str] = ()
    fine: str = ""
    invalid: str = ""
    value: str | None = None


def health(ask: Ask) -> Seen:
    """See whether Grafana and its own database are in order; the value is its version."""
    reply = ask("/api/health", login=("", ""))
    if reply.status != 200 or not isinstance(reply.content, dict):
        return Seen(1, [f"/api/health answered {reply.said}"])
    version, database = str(reply.content.get("version", "")), reply.content.get("database")
    problems = [] if database == "ok" else [f"its database is {database}"]
    return Seen(1, problems, f"Grafana {version} is healthy", value=version or None)


def closed(ask: Ask) -> Seen:
    """See that neither nobody nor the password that every new Grafana has is let in.

    No account of the site is tried with a wrong password: after a few such tries Grafana lets it wait.
    """
    tries = [("somebody without a name", path, ("", "")) for path in OUTSIDE]
    tries.append(("the vendor's own password", "/api/org", ("admin", "admin")))
    problems = []
    for whom, path, login in tries:
        reply = ask(path, login=login)
        if reply.status not in (401, 403):
            problems.append(f"{path} answered {reply.said} to {whom}")
    return Seen(len(tries), problems, "nobody comes in without a name and its password")


def _source(ask: Ask, name: str) -> Mapping[str, Any]:
    """Return a data source as Grafana knows it.

    :raises Unanswered: when it has none of that name
    """
    reply = ask(f"/api/datasources/name/{urllib.parse.quote(name)}")
    if reply.status != 200 or not isinstance(reply.content, dict):
        raise Unanswered(f"data source {name}: Grafana answered {reply.said}")
    return reply.content


def data_source(ask: Ask, name: str) -> Seen:
    """See whether a data source answers Grafana: by its uid, or in old versions through the proxy."""
    source = _source(ask, name)
    reply = ask(f"/api/datasources/uid/{source['uid']}/health") if source.get("uid") else Reply(404, None)
    if reply.status in ABSENT and not _has_status(reply):
        return _counted(
            query_through_proxy(ask, source, "vector(1)"), f"data source {name} answers, asked through the proxy"
        )
    told = reply.content if isinstance(reply.content, dict) else {}
    if reply.status == 200 and told.get("status") == "OK":
        return Seen(1, (), f"data source {name} is OK: {told.get('message', '')}")
    return Seen(1, [f"data source {name}: {reply.said}"])


def _has_status(reply: Reply) -> bool:
    """Return whether this is what the health of a data source looks like, and not an unknown path."""
    return isinstance(reply.content, dict) and "status" in reply.content


def _counted(problem: str, fine: str) -> Seen:
    return Seen(1, [problem] if problem else (), fine)


def query_through_proxy(ask: Ask, source: Mapping[str, Any], expression: str) -> str:
    """Run a query through Grafana's proxy; return what is wrong, or nothing."""
    query = urllib.parse.urlencode({"query": expression})
    reply = ask(f"/api/datasources/proxy/{source['id']}/api/v1/query?{query}")
    if reply.status != 200 or not isinstance(reply.content, dict) or "data" not in reply.content:
        return f"{expression} through the proxy of Grafana: {reply.said}"
    return (
        "" if prometheus.has_data(reply.content["data"]) else f"{expression} through the proxy of Grafana gives no data"
    )


def query_through_grafana(ask: Ask, source: Mapping[str, Any], expression: str) -> str:
    """Run a query as a panel does; return what is wrong, or nothing."""
    query = {
        "refId": "A",
        "expr": expression,
        "instant": True,
        "range": False,
        "datasource": {"type": "prometheus", "uid": source.get("uid", "")},
        "datasourceId": source["id"],
        "intervalMs": 15000,
        "maxDataPoints": 100,
    }
    reply = ask("/api/ds/query", "POST", {"queries": [query], "from": "now-5m", "to": "now"})
    told = reply.content.get("results", {}).get("A") if isinstance(reply.content, dict) else None
    if not isinstance(told, dict):
        # 7.5 answers with 400 or 404, or with something of another shape.
        return query_through_proxy(ask, source, expression)
    if told.get("error"):
        return f"{expression} through Grafana: {told['error']}"
    rows = sum(
        len(column) for frame in told.get("frames", []) for column in frame.get("data", {}).get("values", [])[1:]
    )
    return "" if rows else f"{expression} through Grafana gives no data"


def provisioned(ask: Ask, wanted: Mapping[str, str]) -> Seen:
    """See whether dashboards are there, from their files, with their title and all panels.

    :param wanted: uid to title
    """
    problems = []
    for uid, title in wanted.items():
        reply = ask(f"/api/dashboards/uid/{uid}")
        if reply.status != 200 or not isinstance(reply.content, dict):
            problems.append(f"dashboard {uid}: {reply.said}")
            continue
        shown = reply.content.get("dashboard", {})
        if shown.get("title") != title:
            problems.append(f'dashboard {uid} is titled "{shown.get("title")}", wanted "{title}"')
        elif not reply.content.get("meta", {}).get("provisioned"):
            problems.append(f"dashboard {uid} is not the one of the files")
        elif not dashboards.queries(shown):
            problems.append(f"dashboard {uid} has no panel with a query")
    return Seen(len(wanted), problems, f"{len(wanted)} dashboards are there")


def panel(ask: Ask, name: str, uid: str) -> Seen:
    """See whether the first panel of a dashboard, as Grafana has it, gets data through Grafana."""
    reply = ask(f"/api/dashboards/uid/{uid}")
    if reply.status != 200 or not isinstance(reply.content, dict):
        return Seen(1, [f"dashboard {uid}: {reply.said}"])
    asked = dashboards.queries(reply.content.get("dashboard", {}))
    if not asked:
        return Seen(1, [f"dashboard {uid} has no panel with a query"])
    first = asked[0]
    wrong = query_through_grafana(ask, _source(ask, name), first["expr"])
    return _counted(
        wrong and f'panel "{first["panel"]}": {wrong}', f'panel "{first["panel"]}" has data through Grafana'
    )
