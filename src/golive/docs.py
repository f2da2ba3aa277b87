"""What is written from the project's own data: READMEs of roles, pages of docs/, dashboards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from golive_core import slo
from golive_core.ending import CODES
from golive_core.texts import TEXTS, pick

from . import dashboards, doctor
from .lab import ROOT

# Every role has these, and nobody calls them by name.
STEPS = {"main", "preflight", "install", "configure", "verify", "remove"}
VERSIONS = {"bookworm": "Debian 12", "trixie": "Debian 13", "jammy": "Ubuntu 22.04", "noble": "Ubuntu 24.04"}
SEVERITIES = ("urgent", "important", "general")  # the guide's, worst first
LONGEST_DEFAULT = 60  # characters; a longer one is read where it stands
NOTE = "<!-- Written by `./golive docs` from {}. Change it there. -->"


@dataclass(frozen=True)
class Role:
    """What the files of a role say.

    `specs`, `meta`, `defaults` and `renamed` are the files' content; `tasks` is task file to the comment at its head.
    """

    name: str
    specs: Mapping[str, Any]
    meta: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)

    @property
    def main(self) -> Mapping[str, Any]:
        """The first entry of the specs."""
        entry: Mapping[str, Any] = next(iter(self.specs["argument_specs"].values()))
        return entry


def pages() -> dict[Path, str]:
    """Return the files that are written, and their text."""
    roles = [read(path) for path in sorted((ROOT / "roles").iterdir()) if path.is_dir()]
    return {
        **{ROOT / "roles" / role.name / "README.md": role_page(role) for role in roles},
        ROOT / "docs" / "roles.md": roles_page(roles),
        ROOT / "docs" / "gates.md": gates_page(doctor.catalogue()),
        ROOT / "docs" / "exit-codes.md": exit_codes_page(),
        ROOT / "docs" / "observability.md": alerts_page(alerts()),
        **dashboards.pages(),
    }


def write() -> list[Path]:
    """Write the pages that are not up to date, and return which these were."""
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(stale)


def read(directory: Path) -> Role:
    """Return what the files of a role say."""

    def load(*files: Path) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for file in files:
            merged.update(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        return merged

    return Role(
        name=directory.name,
        specs=load(directory / "meta" / "argument_specs.yml"),
        meta=load(directory / "meta" / "main.yml"),
        defaults=load(*sorted(directory.glob("defaults/**/*.yml"))),
        renamed=load(*directory.glob("meta/renamed.yml")),
        tasks={file.stem: head_comment(file.read_text(encoding="utf-8")) for file in directory.glob("tasks/*.yml")},
    )


def head_comment(text: str) -> str:
    """Return the comment at the head of a task file as one paragraph; empty when there is none."""
    lines = text.removeprefix("---\n").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return " ".join(comment)


def roles_page(roles: Iterable[Role]) -> str:
    """Return docs/roles.md: every role in one line."""
    rows = [
        f"| [{role.name}](../roles/{role.name}/README.md) | {_sentence(role.main['short_description'])} "
        f"| {_platforms(role)} |"
        for role in roles
    ]
    return "\n".join(
        [
            NOTE.format("roles/*/meta/"),
            "",
            "# Roles",
            "",
            "A role's page lists its variables; their defaults in full, with comments, are in its `defaults/`.",
            "",
            "| role | what it does | runs on |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def gates_page(catalogue: Mapping[str, Iterable[Mapping[str, Any]]]) -> str:
    """Return docs/gates.md: every gate of every phase, with title and remedy in both languages."""
    parts = [
        NOTE.format("roles/gates/defaults/main/"),
        "# Gates",
        "What golive measures, in which phase, and by which rule it judges. Another limit: `gates_overrides`; one gate "
        "more: `gates_extra` or `gates_app` ([how](how-to/add-a-gate.md)); how a verdict is made: "
        "[verdicts](explanation/verdicts.md). `./golive doctor GATE` measures one again.",
    ]
    for phase, gates in catalogue.items():
        rows = [
            f"| `{gate['id']}` | {_both(gate['title'])} | {gate['on']}, {gate['probe']} "
            f"| `{_cell(doctor.rule(gate['judge']))}` | {_both(gate.get('remedy', ''))} |"
            for gate in gates
        ]
        head = ["| gate | shows | measured on, by | judged by | when it is red |", "|---|---|---|---|---|"]
        parts += [f"## {phase}", "\n".join([*head, *rows])]
    return "\n\n".join(parts) + "\n"


def _both(text: str | Mapping[str, str]) -> str:
    return _cell("<br>".join(dict.fromkeys(" ".join(pick(text, language).split()) for language in ("en", "zh"))))


def alerts() -> list[Mapping[str, Any]]:
    """Return every alert rule that golive brings: the catalogue's, and those that follow from the promises."""
    said = read(ROOT / "roles" / "prometheus").defaults
    # An objective may be one of golive_limits; what the page says of an alert does not depend on it.
    promises = [{**promise, "objective": 0.99} for promise in said["prometheus_slos"]]
    return [*said["prometheus_rules"], *slo.rules(promises)["alerts"]]


def alerts_page(rules: Iterable[Mapping[str, Any]]) -> str:
    """Return docs/observability.md: every alert, worst first, with what it says and where its runbook is."""

    def runbook(rule: Mapping[str, Any]) -> str:
        return f"runbooks/{rule['runbook']}.md#{rule.get('section', rule['name']).lower()}"

    def says(rule: Mapping[str, Any]) -> str:
        # The labels are data of an inventory; the catalogue says why beside them.
        return _both(rule["summary"]) + (" *" if "explained_by_golive" in rule else "")

    rows = [
        f"| [{rule['name']}]({runbook(rule)}) | {_both(TEXTS['severity.' + rule['severity']])} | {rule['owner']} "
        f"| {rule['for']} | {says(rule)} |"
        for rule in sorted(rules, key=lambda rule: SEVERITIES.index(rule["severity"]))
    ]
    return "\n".join(
        [
            NOTE.format("roles/prometheus/defaults/main.yml"),
            "",
            "# What is seen, and who is told",
            "",
            "Prometheus on the monitoring host asks every host; Alertmanager tells `golive_receivers`, and",
            "gate `monitoring.alert_arrives` proves it with a synthetic alert. Lines of all hosts:",
            "[logs](observability-logs.md). Dashboards: role [grafana](../roles/grafana/README.md). Limits are",
            "those of `golive_limits`, by which gates judge, too. Each alert leads to the section of a runbook.",
            "",
            "\\* While a go-live, a rotation or a rollback runs, Alertmanager keeps quiet what of them it causes",
            "by itself (`explained_by_golive`); its record says which. Every other alert arrives:",
            "[decision 084](decisions/084-silences-of-a-go-live.md).",
            "",
            "| alert | severity | who acts | after | says |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def exit_codes_page() -> str:
    """Return docs/exit-codes.md."""
    rows = [
        f"| {code.number} | {TEXTS[f'exit.{code.name}']['en']} | {TEXTS[f'exit.{code.name}']['zh']} |" for code in CODES
    ]
    return "\n".join(
        [
            NOTE.format("module_utils/golive_core/ending.py"),
            "",
            "# Exit codes of ./golive",
            "",
            "They are told from the record of the run. `ansible-playbook` ends with 0, or with Ansible's own codes.",
            "",
            "| code | meaning | 含义 |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def role_page(role: Role) -> str:
    """Return the README of a role."""
    parts = [
        NOTE.format("meta/, defaults/ and the comments at the head of the task files"),
        f"# {role.name}",
        _sentence(role.main["short_description"]),
        " ".join(_prose(role.main)),
        f"Runs on {_platforms(role)}." if _platforms(role) else "",
        *_variables(role),
        *_entries(role),
    ]
    if gone := role.tasks.get("remove"):
        parts += ["## Removing", f"`tasks_from: remove`. {_text(gone.removeprefix('Called by name only. '))}"]
    if role.renamed:
        rows = [f"| `{old}` | `{new}` |" for old, new in role.renamed.items()]
        parts += ["## Renamed variables", "\n".join(["| old name | new name |", "|---|---|", *rows])]
    return "\n\n".join(filter(None, parts)) + "\n"


def _variables(role: Role) -> list[str]:
    options = role.main.get("options") or {}
    if not options:
        return ["## Variables", "None of its own."]
    rows = [_row(name, option, option.get("default", role.defaults.get(name))) for name, option in options.items()]
    parts = ["## Variables", _table("variable", rows)]
    for name, option in options.items():
        parts += _nested(name, option)
    return parts


def _nested(name: str, option: Mapping[str, Any]) -> list[str]:
    """Return a table for an option that has options itself; alike ones among these (routes, say) share the next one."""
    options = option.get("options") or {}
    if not options:
        return []
    heading = f"### Each entry of `{name}`" if option["type"] == "list" else f"### `{name}`"
    parts = [heading, _table("key", (_row(key, inner, inner.get("default")) for key, inner in options.items()))]
    rest = dict(options)
    while rest:
        inner = next(iter(rest.values()))
        alike = [key for key, other in rest.items() if other.get("options") == inner.get("options")]
        parts += _nested(f"{name}.{'/'.join(alike)}", inner)
        rest = {key: other for key, other in rest.items() if key not in alike}
    return parts


def _table(what: str, rows: Iterable[str]) -> str:
    return "\n".join([f"| {what} | type | default | meaning |", "|---|---|---|---|", *rows])


def _row(name: str, option: Mapping[str, Any], default: Any) -> str:
    kind = option["type"] + (f" of {option['elements']}" if option["type"] == "list" and "elements" in option else "")
    meaning = " ".join(_prose(option))
    if choices := option.get("choices"):
        meaning += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    shown = "required" if option.get("required") else _default(default)
    return f"| `{name}` | {kind} | {shown} | {meaning} |".replace("\n", " ")


def _default(value: Any) -> str:
    """Return a default as it would be written in YAML, if it is short."""
    if value is None:
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    text = text.removesuffix("\n").removesuffix("\n...").strip()
    if isinstance(value, str):
        text = value.strip() or '""'
    return f"`{_cell(text)}`" if len(text) <= LONGEST_DEFAULT else "[see there](defaults)"


def _entries(role: Role) -> list[str]:
    """Return what can be called by name besides the role as a whole."""
    specs = role.specs["argument_specs"]
    named = sorted(name for name, comment in role.tasks.items() if name not in STEPS and (comment or name in specs))
    lines = []
    for name in named:
        said = role.tasks[name] or _sentence(specs[name]["short_description"])
        lines.append(f"- `tasks_from: {name}`: {_text(said)}")
    return ["## Parts that are called by name", "\n".join(lines)] if lines else []


def _platforms(role: Role) -> str:
    versions = [
        version for platform in role.meta["galaxy_info"]["platforms"] for version in platform.get("versions", [])
    ]
    return " and ".join(VERSIONS.get(version, version) for version in versions)


def _prose(entry: Mapping[str, Any]) -> list[str]:
    said = entry.get("description", [])
    return [_sentence(text) for text in ([said] if isinstance(said, str) else said)]


def _sentence(text: str) -> str:
    return _text(text.strip()).removesuffix(".") + "."


def _text(text: str) -> str:
    """Return prose for a page: Ansible's marks become Markdown's."""
    return _cell(re.sub(r"\b[COVI]\(([^)]*)\)", r"`\1`", text))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
