"""What `playbooks/status.yml` says: what serves, who is at work, what each host has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .terminal import LABEL_WIDTH, pad, safe, width_of
from .texts import text

COLOURS = ("blue", "green")
Seen = Mapping[str, Any]


def lines(
    hosts: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    seen: Mapping[str, Seen],
    last: Seen | None,
    now: float,
    language: str,
) -> list[str]:
    """Return the lines for an operator.

    :param hosts: in the inventory's order
    :param groups: the inventory's
    :param seen: host to ``{edge, release, state}``, what edge_info, release_info and golive_status returned; a key is
        missing where the host is no such one, all are where it did not answer
    :param last: the last record, ``{id, verdict, passed, all}``, or None
    :param now: epoch seconds
    """

    def say(key: str, **values: Any) -> str:
        return text(key, language).format(**values)

    edges = [seen[host]["edge"] for host in groups.get("edge", []) if "edge" in seen.get(host, {})]
    apps = [seen[host]["release"] for host in groups.get("app", []) if "release" in seen.get(host, {})]
    rows = [
        ("status.live", _live(edges, apps, seen, now, say)),
        ("status.before", ", ".join(sorted({app["previous"] for app in apps if app.get("previous")}))),
        ("status.lock", _held(groups, seen, say)),
        ("status.freeze", _frozen(groups, seen, say)),
        (
            "status.maintenance",
            ", ".join(sorted({edge["maintenance"] for edge in edges if edge["maintenance"] != "off"})),
        ),
        ("status.canary", ", ".join(sorted({_share(edge) for edge in edges if edge.get("canary_share")}))),
        ("status.watcher", _watchers(groups, seen, say)),
        ("end.record", f"{last['id']}: {last['verdict']}, {say('end.passed', **last)}" if last else say("status.none")),
    ]
    found = [f"{pad(say(key), LABEL_WIDTH + 2)} {safe(value)}" for key, value in rows if value]
    table = [_host(host, groups, seen.get(host, {}), say) for host in hosts]
    widths = [max(width_of(row[place]) for row in table) for place in range(2)]
    found += ["", *(f"  {pad(row[0], widths[0])}  {pad(row[1], widths[1])}  {row[2]}".rstrip() for row in table)]
    return found


def _live(edges: Sequence[Seen], apps: Sequence[Seen], seen: Mapping[str, Seen], now: float, say: Any) -> str:
    colours = sorted({edge["live"] for edge in edges})
    if not edges:
        return str(say("status.unknown"))
    if len(colours) > 1:
        return str(say("status.disagree", colours=", ".join(colours)))
    if colours == ["none"]:
        return str(say("status.nothing"))
    releases = sorted({app["colours"].get(colours[0], {}).get("release", "-") for app in apps}) or ["?"]
    since = max((row["state"]["since"] for row in seen.values() if row.get("state")), default=0)
    age = f", {say('status.for', time=age_of(now - since))}" if since else ""
    return f"{', '.join(releases)} ({colours[0]}){age}"


def _share(edge: Seen) -> str:
    colour = "green" if edge["live"] == "blue" else "blue"
    return f"{colour} {edge['canary_share']} % ({edge['canary_by']})"


def age_of(seconds: float) -> str:
    """Return a time in the unit that suits it: 45 s, 12 min, 3.5 h, 2.0 d."""
    for unit, size, digits in (("d", 86_400, 1), ("h", 3_600, 1), ("min", 60, 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _edges(groups: Mapping[str, Sequence[str]], seen: Mapping[str, Seen]) -> list[Seen]:
    return [seen[host]["state"] for host in groups.get("edge", []) if "state" in seen.get(host, {})]


def _held(groups: Mapping[str, Sequence[str]], seen: Mapping[str, Seen], say: Any) -> str:
    locks = [state["lock"] for state in _edges(groups, seen) if state["lock"]]
    if not locks:
        return str(say("status.free"))
    return str(say("status.held", who=locks[0]["who"], run=locks[0]["owner"], time=age_of(locks[0]["left"])))


def _frozen(groups: Mapping[str, Sequence[str]], seen: Mapping[str, Seen], say: Any) -> str:
    found = [state["freeze"] for state in _edges(groups, seen) if state["freeze"]]
    return str(found[0].get("reason") or say("status.frozen")) if found else str(say("status.none"))


def _watchers(groups: Mapping[str, Sequence[str]], seen: Mapping[str, Seen], say: Any) -> str:
    return ", ".join(sorted({state["watcher"] for state in _edges(groups, seen) if state["watcher"]})) or str(
        say("status.none")
    )


def _host(host: str, groups: Mapping[str, Sequence[str]], seen: Seen, say: Any) -> tuple[str, str, str]:
    member = ", ".join(name for name, hosts in groups.items() if host in hosts and name not in ("all", "ungrouped"))
    if not seen:
        return host, member, str(say("status.silent"))
    said = []
    if edge := seen.get("edge"):
        agreed = "status.agreed" if edge["agreed"] else "status.torn"
        known = {"live": edge["live"], "generation": edge["generation"], "workers": len(edge["workers"])}
        said.append(str(say(agreed, **known)) if edge["running"] else str(say("status.stopped")))
    if release := seen.get("release"):
        for colour in COLOURS:
            if there := release["colours"].get(colour):
                state = say("status.runs" if there["running"] else "status.rests")
                said.append(f"{colour} {there['release']} {state}")
        if not release["colours"]:
            said.append(str(say("status.nothing")))
    return host, member, "; ".join(said)
