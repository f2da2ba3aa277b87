"""AWX brought to what is described, over its REST API (version 2).

A resource is ``{type, name, fields, related, survey, nodes}``. Fields that name another resource hold its name, which
becomes its number. Whatever AWX has and nobody describes is left alone, but for the links and the nodes of what is
described.
The shapes are those of AWX 24 (ansible.readthedocs.io/projects/awx, "API reference").
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import http

PREFIX = "/api/v2"
ENCRYPTED = "$encrypted$"  # what AWX shows in the place of a secret
UNKNOWN = -1  # number of what check mode would have made
# Field to the type of the resource that it names.
NAMES = {
    "organization": "organizations",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "credential": "credentials",
    "credential_type": "credential_types",
    "default_environment": "execution_environments",
    "execution_environment": "execution_environments",
    "unified_job_template": "unified_job_templates",
}
LINKS = {
    "credentials": "credentials",
    "notification_templates_started": "notification_templates",
    "notification_templates_success": "notification_templates",
    "notification_templates_error": "notification_templates",
    "notification_templates_approvals": "notification_templates",
}
NODE_LINKS = {"success": "success_nodes", "failure": "failure_nodes", "always": "always_nodes"}
TEXTS = ("extra_vars", "variables", "source_vars")  # YAML or JSON as text in AWX


class Refused(Exception):
    """AWX refused, or gave no answer; the text says what, and what to do."""


Ask = Callable[..., Any]  # ask(method, path, body) -> content


def client(url: str, token: str, ca_file: str = "", timeout: float = 30.0) -> Ask:
    """Return a function that asks an AWX as the owner of a token."""

    def ask(method: str, path: str, body: Any = None) -> Any:
        aim = http.target(url.rstrip("/") + PREFIX + path)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        try:
            answer = http.fetch(aim, method=method, headers=headers, body=body, timeout=timeout, ca_file=ca_file)
        except http.NoAnswer as error:
            raise Refused(f"{aim.where} gave no answer: {error}. Check awx_url and awx_ca_file.") from error
        if answer.status in (401, 403):
            raise Refused(f"{method} {aim.where} answered {answer.status}. Check awx_token and what its owner may do.")
        if not 200 <= answer.status < 300:
            said = http.printable(answer.body.decode(errors="replace"))[:300]
            raise Refused(f"{method} {aim.where} answered {answer.status}: {said}")
        try:
            return json.loads(answer.body) if answer.body else {}
        except ValueError as error:
            raise Refused(f"{aim.where} answered something else than AWX does. Check awx_url.") from error

    return ask


def differs(there: Any, wanted: Any) -> bool:
    """Return whether AWX has something else than is wanted. A secret that it does not show counts as the same."""
    if there == ENCRYPTED:
        return False
    if isinstance(wanted, Mapping):
        return not isinstance(there, Mapping) or any(differs(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            not isinstance(there, list)
            or len(there) != len(wanted)
            or any(differs(*pair) for pair in zip(there, wanted, strict=True))
        )
    return bool(there != wanted)


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


class Awx:
    """What is done to bring an AWX to what is described; `done` has one sentence for each change."""

    def __init__(self, ask: Ask, only_look: bool = False) -> None:
        self.ask = ask
        self.only_look = only_look
        self.done: list[str] = []
        self._made: dict[tuple[str, str], int] = {}

    def bring(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Make and change what differs, in the order given: what names another comes after it.

        :raises Refused: when AWX does not do as it is told
        """
        for resource in resources:
            self._resource(resource)

    def remove(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Remove what is described, in the opposite order."""
        for resource in reversed(resources):
            found = self._find(resource["type"], resource["name"])
            if found:
                self._change("DELETE", f"/{resource['type']}/{found['id']}/", None, f"{_called(resource)} was removed")

    def _change(self, method: str, path: str, body: Any, sentence: str) -> Any:
        self.done.append(sentence)
        return {} if self.only_look else self.ask(method, path, body)

    def _find(self, kind: str, name: str) -> Mapping[str, Any] | None:
        found = self.ask("GET", f"/{kind}/?{urllib.parse.urlencode({'name': name})}")
        rows: list[Mapping[str, Any]] = found["results"]
        if len(rows) > 1:
            raise Refused(f"AWX has {len(rows)} {kind} named {name}. Rename or remove all but one, then run again.")
        return rows[0] if rows else None

    def _number(self, kind: str, name: str) -> int:
        """Return the number of a resource that is named by another."""
        if (kind, name) in self._made:
            return self._made[kind, name]
        found = self._find(kind, name)
        # A template may be of several kinds; in check mode it may not be there yet.
        made = next((number for (_, known), number in self._made.items() if known == name), None)
        if found is None and made is None:
            raise Refused(
                f"AWX has no {kind.replace('_', ' ')} named {name}. Make it, or correct the name in awx/awx.yml."
            )
        number = made if found is None else int(found["id"])
        assert number is not None
        self._made[kind, name] = number
        return number

    def _fields(self, resource: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: self._number(NAMES[key], value) if key in NAMES and isinstance(value, str) else value
            for key, value in resource.get("fields", {}).items()
        }

    def _resource(self, resource: Mapping[str, Any]) -> None:
        kind, name = resource["type"], resource["name"]
        wanted = {"name": name, **self._fields(resource)}
        sent = {key: json.dumps(value) if key in TEXTS else value for key, value in wanted.items()}
        found = self._find(kind, name)
        if found is None:
            number = int(self._change("POST", f"/{kind}/", sent, f"{_called(resource)} was made").get("id", UNKNOWN))
        else:
            number = int(found["id"])
            there = {key: _parsed(found.get(key)) if key in TEXTS else found.get(key) for key in wanted}
            changed = sorted(key for key, value in wanted.items() if differs(there[key], value))
            if changed:
                body = {key: sent[key] for key in changed}
                sentence = f"{_called(resource)} got another {', '.join(changed)}"
                self._change("PATCH", f"/{kind}/{number}/", body, sentence)
        self._made[kind, name] = number
        path = f"/{kind}/{number}"
        for link, names in resource.get("related", {}).items():
            self._links(f"{path}/{link}/", {self._number(LINKS[link], each): each for each in names}, _called(resource))
        if "survey" in resource:
            self._survey(f"{path}/survey_spec/", resource["survey"], _called(resource))
        if "nodes" in resource:
            self._nodes(path, resource["nodes"], _called(resource))

    def _there(self, path: str) -> list[Mapping[str, Any]]:
        """Return what a list holds; nothing of a resource that check mode would have made."""
        if f"/{UNKNOWN}/" in path:
            return []
        rows: list[Mapping[str, Any]] = self.ask("GET", f"{path}?page_size=200")["results"]
        return rows

    def _links(self, path: str, wanted: Mapping[int, str], called: str) -> None:
        there = {int(row["id"]): str(row.get("name") or row.get("identifier")) for row in self._there(path)}
        what = path.rstrip("/").rpartition("/")[2]
        for number, name in wanted.items():
            if number not in there or number == UNKNOWN:
                self._change("POST", path, {"id": number}, f"{called}: {what} has {name}")
        for number, name in there.items():
            if number not in wanted:
                body = {"id": number, "disassociate": True}
                self._change("POST", path, body, f"{called}: {what} has {name} no longer")

    def _survey(self, path: str, wanted: Mapping[str, Any], called: str) -> None:
        there = {} if f"/{UNKNOWN}/" in path else self.ask("GET", path)
        if differs(there, wanted):
            self._change("POST", path, wanted, f"{called} got another survey")

    def _nodes(self, path: str, wanted: Sequence[Mapping[str, Any]], called: str) -> None:
        there = {str(row["identifier"]): row for row in self._there(f"{path}/workflow_nodes/")}
        numbers: dict[str, int] = {}
        for node in wanted:
            numbers[node["identifier"]] = self._node(path, node, there.get(node["identifier"]), called)
        for identifier, row in there.items():
            if identifier not in numbers:
                sentence = f"{called}: step {identifier} was removed"
                self._change("DELETE", f"/workflow_job_template_nodes/{row['id']}/", None, sentence)
        for node in wanted:
            here = f"/workflow_job_template_nodes/{numbers[node['identifier']]}"
            for outcome, link in NODE_LINKS.items():
                follow = {numbers[each]: each for each in node.get(outcome, [])}
                self._links(f"{here}/{link}/", follow, f"{called}: step {node['identifier']}")

    def _node(self, path: str, node: Mapping[str, Any], found: Mapping[str, Any] | None, called: str) -> int:
        """Return the number of a step, which now runs what is described, or waits for somebody's approval."""
        identifier = node["identifier"]
        approval = node.get("approval")
        template = None if approval else self._number("unified_job_templates", node["template"])
        if found is None:
            body = {"identifier": identifier, **({} if approval else {"unified_job_template": template})}
            made = self._change("POST", f"{path}/workflow_nodes/", body, f"{called}: step {identifier} was made")
            number = int(made.get("id", UNKNOWN))
        else:
            number = int(found["id"])
            if template is not None and found.get("unified_job_template") != template:
                body = {"unified_job_template": template}
                sentence = f"{called}: step {identifier} runs {node['template']}"
                self._change("PATCH", f"/workflow_job_template_nodes/{number}/", body, sentence)
        if approval:
            self._approval(number, node, found, called)
        return number

    def _approval(self, number: int, node: Mapping[str, Any], found: Mapping[str, Any] | None, called: str) -> None:
        summary = (found or {}).get("summary_fields", {}).get("unified_job_template") or {}
        wanted = node["approval"]
        sentence = f"{called}: step {node['identifier']} waits for approval"
        if summary.get("unified_job_type") != "workflow_approval":
            self._change("POST", f"/workflow_job_template_nodes/{number}/create_approval_template/", wanted, sentence)
            return
        path = f"/workflow_approval_templates/{summary['id']}/"
        if differs(self.ask("GET", path), wanted):
            self._change("PATCH", path, wanted, sentence)


def _called(resource: Mapping[str, Any]) -> str:
    kind = str(resource["type"]).replace("_", " ")
    singular = kind.removesuffix("ies") + "y" if kind.endswith("ies") else kind.removesuffix("s")
    return f"{singular} {resource['name']}"


def wrong(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each thing that cannot be applied: a name that stands twice, a step that leads nowhere."""
    sentences: list[str] = []
    seen: set[tuple[str, str]] = set()
    for resource in resources:
        key = (str(resource.get("type", "")), str(resource.get("name", "")))
        if not all(key):
            sentences.append(f"A resource has no type or no name: {dict(resource)}.")
        if key in seen:
            sentences.append(f"{_called(resource)} stands twice.")
        seen.add(key)
        links = set(resource.get("related", {})) - set(LINKS)
        sentences += [f"{_called(resource)} has related {name}, which is none of {', '.join(LINKS)}." for name in links]
        steps = [node["identifier"] for node in resource.get("nodes", [])]
        for node in resource.get("nodes", []):
            following = [each for outcome in NODE_LINKS for each in node.get(outcome, [])]
            sentences += [
                f"{_called(resource)}: step {node['identifier']} leads to {each}, which is no step."
                for each in following
                if each not in steps
            ]
            if ("template" in node) == ("approval" in node):
                sentences.append(f"{_called(resource)}: step {node['identifier']} needs a template or an approval.")
    return sentences
