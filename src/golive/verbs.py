"""The verbs that run a playbook, as data. They have no logic of their own: `--show-command` prints what they run."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from golive_core.progress import Event

from . import doctor, play
from .lab import ROOT
from .play import Command
from .say import Problem, say


@dataclass(frozen=True)
class Argument:
    """A word of a verb, handed on to the playbook as a variable."""

    name: str
    variable: str
    help: str
    needed: bool = True


@dataclass(frozen=True)
class Verb:
    """A verb: the playbook that it runs, with which flags and variables.

    `fixed` are variables that it always sets; `alias_of` names the verb of golive for one of the guide's; `quiet` shows
    only what the playbook has to say.
    """

    name: str
    help: str
    playbook: str
    example: str
    arguments: Sequence[Argument] = ()
    flags: Sequence[str] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    alias_of: str = ""
    quiet: bool = False


ANY_RELEASE = Argument("release", "release", "the release, as its directory on the controller is named")
NEWEST = Argument("release", "release", "the release (the newest on the controller)", needed=False)

VERBS = (
    Verb(
        "plan",
        "what a go-live would change, and which gates would fail; changes nothing",
        "golive",
        "./golive plan 1.4.0 -i inventories/mine",
        (ANY_RELEASE,),
        ("--check", "--diff"),
        about="Tasks that would change something with their differences, and the present value of every gate that can "
        "be measured now. What only a go-live can measure is counted.",
    ),
    Verb(
        "run",
        "take a release live",
        "golive",
        "./golive run 1.4.0 -i inventories/mine",
        (ANY_RELEASE,),
        about="All ten phases. One that broke off is started again by the same command. One phase: -- --tags release",
    ),
    Verb(
        "rollback",
        "back to a release that served before",
        "rollback",
        "./golive rollback 1.3.0 -i inventories/mine",
        (ANY_RELEASE,),
        about="While its colour is warm this is one flip at the edge; else it is started again, behind the same gates.",
    ),
    Verb(
        "verify",
        "every gate that only reads, now",
        "verify",
        "./golive verify -i inventories/mine",
        about="Takes no lock and changes nothing; leaves a record. One gate alone, explained: ./golive doctor GATE",
    ),
    Verb(
        "status",
        "what serves on each host, who holds the lock, what the last record says",
        "status",
        "./golive status -i inventories/mine",
        quiet=True,
        about="Reads only, takes no lock, leaves no record; a host that does not answer is named.",
    ),
    Verb(
        "watch",
        "status again and again, until it is interrupted",
        "status",
        "./golive watch -i inventories/mine --every 30",
        quiet=True,
    ),
    Verb(
        "doctor",
        "measure one gate again, and say what it means and what to do",
        "verify",
        "./golive doctor security.cache_port -i inventories/mine",
        (Argument("gate", "gate", "id of the gate, as the record and docs/gates.md have it"),),
    ),
    Verb(
        "validate",
        "the guide's step 1.1: is a go-live possible? (plan of phase preflight)",
        "golive",
        "./golive validate -i inventories/mine",
        (NEWEST,),
        ("--check", "--diff", "--tags", "preflight"),
        alias_of="plan",
    ),
    Verb(
        "start",
        "the guide's step 1.2: bring up all services but the application",
        "golive",
        "./golive start -i inventories/mine",
        (NEWEST,),
        ("--tags", "infrastructure,security,monitoring"),
        alias_of="run",
    ),
    Verb(
        "health",
        "the guide's step 1.3: does the application answer as healthy, through the edge?",
        "verify",
        "./golive health -i inventories/mine",
        fixed={"gate": "release.live_health"},
        alias_of="verify",
    ),
    Verb(
        "deploy",
        "the guide's step 3.1: the same as run",
        "golive",
        "./golive deploy 1.4.0 -i inventories/mine",
        (ANY_RELEASE,),
        alias_of="run",
    ),
    Verb(
        "notify",
        "tell the team something, over the channels of the inventory",
        "notify",
        './golive notify "back to 1.3.0" -i inventories/mine',
        (Argument("message", "message", "what to tell"),),
    ),
)
BY_NAME = {verb.name: verb for verb in VERBS}
EVERY_SECONDS = 30


def add_parsers(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add every verb to the command line."""
    for verb in VERBS:
        alias = f" Alias of `{verb.alias_of}`." if verb.alias_of else ""
        parser = verbs.add_parser(
            verb.name,
            help=verb.help,
            description=f"{verb.help[0].upper()}{verb.help[1:]}. {verb.about}{alias}".strip(),
            usage=f"./golive {verb.name} [options]{_usage(verb)} [-- ARGUMENTS OF ansible-playbook]",
            epilog=f"example: {verb.example}",
        )
        for argument in verb.arguments:
            parser.add_argument(
                argument.name,
                metavar=argument.name.upper(),
                nargs=None if argument.needed else "?",
                help=argument.help,
            )
        parser.add_argument("-i", "--inventory", metavar="DIR", help=f"the inventory (or {play.INVENTORY})")
        parser.add_argument("--show-command", action="store_true", help="print the command instead of running it")
        parser.add_argument("--json", action="store_true", help="print one event per line, as JSON")
        if verb.name == "watch":
            parser.add_argument("--every", type=int, default=EVERY_SECONDS, metavar="SECONDS", help="(30)")
            parser.add_argument("--times", type=int, default=0, metavar="N", help="stop after so many (never)")
        parser.set_defaults(words=())  # what follows `--` goes to ansible-playbook; see split


def _usage(verb: Verb) -> str:
    return "".join(f" {arg.name.upper()}" if arg.needed else f" [{arg.name.upper()}]" for arg in verb.arguments)


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of golive, and what follows `--` for ansible-playbook; other verbs get all of theirs."""
    if arguments[:1] and arguments[0] in BY_NAME and "--" in arguments:
        place = list(arguments).index("--")
        return list(arguments[:place]), list(arguments[place + 1 :])
    return list(arguments), []


def command(verb: Verb, options: argparse.Namespace) -> Command:
    """Return the command of a verb.

    :raises Problem: when no inventory was named, or no release is there to choose
    """
    place = play.inventory(options.inventory)
    variables = dict(verb.fixed)
    for argument in verb.arguments:
        value = getattr(options, argument.name) or _newest_release(place)
        variables[argument.variable] = value
    return Command(verb.playbook, place, variables, verb.flags, options.words)


def _newest_release(place: Path) -> str:
    """Return the release that was put on the controller last.

    :raises Problem: when there is none
    """
    bundle = os.environ.get("GOLIVE_BUNDLE")
    directory = Path(bundle) / "releases" if bundle else play.records_of(place).with_name("releases")
    found = sorted(directory.glob("*/release.json"), key=lambda path: (path.stat().st_mtime_ns, path))
    if not found:
        raise Problem(f"there is no release in {directory}; put one there, or name it: docs/how-to/own-app.md.", code=2)
    return found[-1].parent.name


def carry_out(name: str, options: argparse.Namespace) -> int:
    """Run a verb; return the exit code."""
    verb = BY_NAME[name]
    wanted = command(verb, options)
    if options.show_command:
        play.show(wanted)
        return 0
    if not (ROOT / "playbooks" / f"{wanted.playbook}.yml").exists():
        raise Problem(f"there is no playbooks/{wanted.playbook}.yml here, which `{name}` runs.")
    if name == "watch":
        return _watch(wanted, options)
    ended = play.run(wanted, as_json=options.json, quiet=verb.quiet)
    if name == "doctor" and not options.json:
        _explain(options.gate, ended)
    return int(ended["code"])


def _watch(wanted: Command, options: argparse.Namespace) -> int:
    """Run it again and again; return the exit code of the last, 0 when it was interrupted between two."""
    code = 0
    for number in _numbers(options.times):
        try:
            if number:
                time.sleep(options.every)
        except KeyboardInterrupt:
            return code
        if not options.json:
            say(time.strftime("--- %H:%M:%S"))
        code = int(play.run(wanted, as_json=options.json, quiet=True)["code"])
        if code == 130:
            return 0
    return code


def _numbers(times: int) -> Iterator[int]:
    return iter(range(times)) if times else count()


def _explain(gate: str, ended: Event) -> None:
    told: Mapping[str, Any] = ended.get("told") or {"gates": []}
    for line in doctor.explain(gate, told["gates"]):
        say(line)
