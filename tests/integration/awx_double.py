"""A double of AWX's REST API for the tests: it records every request and refuses those that AWX would. It is not AWX.

Run it: awx_double.py TOKEN. It prints its port, serves until its input ends, and tells at /recorded what it was asked.
Which fields a resource has, and which of them it must have, follows AWX 24's own description (OPTIONS /api/v2/...).
"""

from __future__ import annotations

import http.server
import itertools
import json
import re
import sys
import threading
import urllib.parse
from typing import Any

TOKEN = sys.argv[1]
NUMBERS = itertools.count(1)
ENCRYPTED = "$encrypted$"
# Type of resource: the fields that it must have, and those that it may have. int: the number of another resource.
FIELDS: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    "credential_types": ({"name": str, "kind": str}, {"description": str, "inputs": dict, "injectors": dict}),
    "credentials": ({"name": str, "credential_type": int}, {"organization": int, "inputs": dict}),
    "execution_environments": ({"name": str, "image": str}, {"organization": int, "pull": str}),
    "projects": (
        {"name": str},
        {"organization": int, "description": str, "scm_type": str, "scm_url": str, "scm_branch": str,
         "scm_update_on_launch": bool, "default_environment": int, "credential": int},
    ),
    "inventories": ({"name": str, "organization": int}, {"description": str}),
    "inventory_sources": (
        {"name": str, "inventory": int, "source": str},
        {"source_project": int, "source_path": str, "update_on_launch": bool, "overwrite": bool,
         "overwrite_vars": bool},
    ),
    "notification_templates": (
        {"name": str, "organization": int, "notification_type": str}, {"notification_configuration": dict}
    ),
    "job_templates": (
        {"name": str, "project": int, "playbook": str},
        {"description": str, "job_type": str, "diff_mode": bool, "inventory": int, "execution_environment": int,
         "extra_vars": str, "survey_enabled": bool, "ask_variables_on_launch": bool, "allow_simultaneous": bool,
         "timeout": int},
    ),
    "workflow_job_templates": (
        {"name": str}, {"organization": int, "description": str, "survey_enabled": bool, "allow_simultaneous": bool}
    ),
    "schedules": ({"name": str, "rrule": str, "unified_job_template": int}, {"enabled": bool}),
}  # fmt: skip
QUESTION = {"question_name", "question_description", "variable", "type", "required", "default"}
RULE = re.compile(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=\w+;INTERVAL=\d+(;\w+=\w+)*")
TEMPLATES = ("job_templates", "workflow_job_templates")
RELATED = re.compile(r"/(\w+)/(\d+)/(credentials|notification_templates_\w+|success_nodes|failure_nodes|always_nodes)/")


class Refuse(Exception):
    """The answer is a refusal."""

    def __init__(self, status: int, said: Any) -> None:
        super().__init__(str(said))
        self.status, self.said = status, said


KEPT: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in [*FIELDS, "organizations", "nodes", "approvals"]}
LINKS: dict[tuple[str, int, str], list[int]] = {}
SURVEYS: dict[int, Any] = {}
RECORDED: list[dict[str, Any]] = []


def keep(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    number = next(NUMBERS)
    KEPT[kind][number] = {"id": number, **row}
    return KEPT[kind][number]


keep("organizations", {"name": "Default"})
for name in ("golive SSH", "golive vault"):
    keep("credentials", {"name": name})


def validate(kind: str, body: dict[str, Any], whole: bool) -> None:
    """Refuse a body that AWX would refuse."""
    must, may = FIELDS[kind]
    problems = {key: ["This field is required."] for key in must if whole and key not in body}
    for key, value in body.items():
        wanted = must.get(key) or may.get(key)
        if wanted is None:
            problems[key] = ["Unknown field."]
        elif type(value) is not wanted:
            problems[key] = [f"Not a valid {wanted.__name__}: {value!r}."]
        elif wanted is int and key != "timeout" and not any(value in rows for rows in KEPT.values()):
            problems[key] = [f'Invalid pk "{value}" - object does not exist.']
    if whole and any(row["name"] == body.get("name") for row in KEPT[kind].values()):
        problems["name"] = ["This name is taken."]
    if "rrule" in body and not re.fullmatch(
        r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=\w+;INTERVAL=\d+(;\w+=\w+)*", body["rrule"]
    ):
        problems["rrule"] = ["rrule is not valid."]
    if problems:
        raise Refuse(400, problems)


def shown(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row as AWX shows it: no secret."""
    told = dict(row)
    if kind == "credentials" and "inputs" in told:
        told["inputs"] = {key: ENCRYPTED if key == "password" else value for key, value in told["inputs"].items()}
    if kind == "notification_templates":
        told["notification_configuration"] = {**told["notification_configuration"], "password": ENCRYPTED}
    return told


def listed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": rows}


def node_shown(node: dict[str, Any]) -> dict[str, Any]:
    approval = KEPT["approvals"].get(node.get("unified_job_template", 0))
    summary = {"id": approval["id"], "unified_job_type": "workflow_approval"} if approval else {}
    return {**node, "summary_fields": {"unified_job_template": summary}}


def answer(method: str, path: str, query: dict[str, str], body: Any) -> Any:
    """Return what AWX would answer."""
    if found := re.fullmatch(r"/workflow_job_templates/(\d+)/workflow_nodes/", path):
        flow = int(found[1])
        if method == "GET":
            return listed([node_shown(node) for node in KEPT["nodes"].values() if node["flow"] == flow])
        return keep("nodes", {"flow": flow, **body})
    if found := re.fullmatch(r"/workflow_job_template_nodes/(\d+)/create_approval_template/", path):
        if set(body) != {"name", "description", "timeout"} or type(body["timeout"]) is not int:
            raise Refuse(400, {"timeout": ["A valid integer is required."]})
        approval = keep("approvals", body)
        KEPT["nodes"][int(found[1])]["unified_job_template"] = approval["id"]
        return approval
    if found := re.fullmatch(r"/workflow_approval_templates/(\d+)/", path):
        return KEPT["approvals"][int(found[1])]
    if found := RELATED.fullmatch(path):
        there = LINKS.setdefault((found[1], int(found[2]), found[3]), [])
        if method == "GET":
            return listed([row for rows in KEPT.values() for number, row in rows.items() if number in there])
        if body.get("disassociate"):
            there.remove(body["id"])
        elif not any(body["id"] in rows for rows in KEPT.values()):
            raise Refuse(400, {"id": ["Invalid id."]})
        else:
            there.append(body["id"])
        return {}
    if found := re.fullmatch(r"/(\w+)/(\d+)/survey_spec/", path):
        if method == "POST":
            if set(body) != {"name", "description", "spec"}:
                raise Refuse(400, {"error": "'name', 'description' and 'spec' are needed."})
            if wrong := [row for row in body["spec"] if not set(row) >= QUESTION]:
                raise Refuse(400, {"error": f"a question lacks {QUESTION - set(wrong[0])}"})
            SURVEYS[int(found[2])] = body
        return SURVEYS.get(int(found[2]), {})
    if found := re.fullmatch(r"/workflow_job_template_nodes/(\d+)/", path):
        node = KEPT["nodes"][int(found[1])]
        if method == "DELETE":
            return KEPT["nodes"].pop(node["id"]) and {}
        node.update(body)
        return node
    if found := re.fullmatch(r"/unified_job_templates/", path):
        rows = [row for kind in TEMPLATES for row in KEPT[kind].values() if row["name"] == query.get("name")]
        return listed(rows)
    if (found := re.fullmatch(r"/(\w+)/", path)) and found[1] in KEPT:
        if method == "GET":
            return listed([shown(found[1], row) for row in KEPT[found[1]].values() if row["name"] == query.get("name")])
        validate(found[1], body, whole=True)
        return shown(found[1], keep(found[1], body))
    if (found := re.fullmatch(r"/(\w+)/(\d+)/", path)) and int(found[2]) in KEPT.get(found[1], {}):
        if method == "DELETE":
            del KEPT[found[1]][int(found[2])]
            return {}
        validate(found[1], body, whole=False)
        KEPT[found[1]][int(found[2])].update(body)
        return {}
    raise Refuse(404, {"detail": "Not found."})


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def work(self) -> None:
        """Record, check, answer."""
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/recorded":
            self.say(200, RECORDED)
            return
        RECORDED.append({"method": self.command, "path": parts.path, "body": body})
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refuse(401, {"detail": "Authentication credentials were not provided."})
            if not parts.path.startswith("/api/v2/"):
                raise Refuse(404, {"detail": "Not found."})
            path = parts.path.removeprefix("/api/v2")
            told = answer(self.command, path, dict(urllib.parse.parse_qsl(parts.query)), body)
            self.say(204 if self.command == "DELETE" else 201 if self.command == "POST" else 200, told)
        except Refuse as refused:
            self.say(refused.status, refused.said)

    do_GET = do_POST = do_PATCH = do_DELETE = work

    def say(self, status: int, content: Any) -> None:
        """Send an answer."""
        body = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("X-Golive-Double", "API double, not AWX")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
