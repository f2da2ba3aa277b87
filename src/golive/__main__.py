"""Entry point of ./golive."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from golive_core.ending import CODES
from golive_core.texts import text

from . import bench, bundle, completion, docs, init, lab, logs, play, records, suite, verbs
from .demo import demo
from .say import Problem, complain, say


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    codes = "; ".join(f"{code.number} {text(f'exit.{code.name}', 'en').partition(':')[0]}" for code in CODES)
    found = argparse.ArgumentParser(
        prog="./golive",
        description="Take a containerised web application live on plain Linux hosts.",
        epilog=f"exit codes: {codes}. More: docs/exit-codes.md",
    )
    parts = found.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parsers(parts)
    init.add_parser(parts)
    bundle.add_parser(parts)
    _record_parser(parts)
    logs.add_parser(parts)
    verb = parts.add_parser(
        "demo",
        help="a go-live of the reference application on container hosts of this machine",
        epilog="example: ./golive demo --release 1.1.0",
    )
    verb.add_argument("state", nargs="?", choices=["up", "down"], default="up", help="down removes all that it made")
    verb.add_argument("--release", default="1.0.0", choices=lab.RELEASES, help="the release to take live (1.0.0)")
    parts.add_parser(
        "image",
        help="a Docker engine and the image of the lab's hosts: what `molecule test -s ROLE` needs",
        epilog="example: ./golive image",
    )
    parts.add_parser(
        "docs", help="write the pages that are made from the project's own data", epilog="example: ./golive docs"
    )
    verb = parts.add_parser(
        "bench",
        help="a program of bench/, which says what the figures in docs/bench.md come from",
        epilog="example: ./golive bench judge --json",
    )
    verb.add_argument("name", metavar="NAME", help=", ".join(bench.names()))
    verb.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="its own; --json for programs")
    verb = parts.add_parser("test", help="every test of the project", epilog="example: ./golive test -- tests/unit -q")
    verb.add_argument("--full", action="store_true", help="the long ones, too; the result is in docs/test-report.md")
    verb.add_argument("pytest", nargs="*", metavar="PYTEST", help="only these, for pytest (after --)")
    verb = parts.add_parser(
        "completion",
        help="completion of verbs and options for a shell",
        epilog="example: source <(./golive completion bash)",
    )
    verb.add_argument("shell", choices=completion.SHELLS)
    return found


def _record_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs that read records."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("-i", "--inventory", metavar="DIR", help=f"the inventory (or {play.INVENTORY}; else the lab)")
    common.add_argument("--records", type=Path, metavar="DIR", help="directory of the records (those of the inventory)")
    common.add_argument("--json", action="store_true", help="print JSON")
    parser = verbs.add_parser(
        "record",
        help="look at the records of go-lives, and check that they are whole",
        epilog="example: ./golive record show last -i inventories/mine",
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="WHAT")
    which = "a directory, the name of a record, or `last`"
    parts.add_parser("list", parents=[common], help="every record, the newest first")
    part = parts.add_parser("show", parents=[common], help="what a record tells")
    part.add_argument("record", nargs="?", default=records.LAST, help=f"{which} (last)")
    part = parts.add_parser("diff", parents=[common], help="what two records tell differently")
    part.add_argument("before", help=which)
    part.add_argument("record", metavar="after", nargs="?", default=records.LAST, help=f"{which} (last)")
    part = parts.add_parser("verify", parents=[common], help="check a record against its signature, offline")
    part.add_argument("record", nargs="?", default=records.LAST, help=f"{which} (last)")
    part.add_argument(
        "--allowed-signers", type=Path, metavar="FILE", help="names the keys that may sign (that beside the records)"
    )
    verbs.add_parser(
        "stats",
        parents=[common],
        help="how often, how fast, how safely: DORA's figures from the records",
        epilog="example: ./golive stats -i inventories/mine",
    )


def _records(options: argparse.Namespace) -> int:
    """Carry out a verb that reads records; return the exit code."""
    place = options.records
    if not place:
        named = options.inventory or os.environ.get(play.INVENTORY)
        place = play.records_of(play.inventory(named)) if named else lab.current().state / "records"
    if options.verb == "stats":
        return records.stats(place, options.json)
    if options.part == "list":
        return records.list_records(place, options.json)
    directory = records.find(place, options.record)
    if options.part == "diff":
        return records.diff(records.find(place, options.before), directory, options.json)
    if options.part == "verify":
        return records.verify(directory, options.allowed_signers, options.json)
    return records.show(directory, options.json)


def carry_out(options: argparse.Namespace) -> int:
    """Run one verb; return the exit code.

    :raises Problem: when it cannot be done
    """
    if options.verb in verbs.BY_NAME:
        return verbs.carry_out(options.verb, options)
    if options.verb == "logs":
        return logs.carry_out(options)
    if options.verb == "init":
        return init.carry_out(options)
    if options.verb == "bundle":
        return bundle.carry_out(options)
    if options.verb in ("record", "stats"):
        return _records(options)
    if options.verb == "test":
        return suite.test(options.pytest, full=options.full)
    if options.verb == "bench":
        return bench.bench(options.name, options.arguments)
    if options.verb == "completion":
        say(completion.script(options.shell, parser()))
    elif options.verb == "docs":
        for path in docs.write():
            say(f"golive: wrote {path.relative_to(lab.ROOT)}")
    elif options.verb == "image":
        lab.current().images(os.environ.get("GOLIVE_SUITE") or lab.SUITE)
    elif options.state == "down":
        lab.current().down()
    else:
        demo(lab.current(), options.release)
    return 0


def main() -> int:
    """Run one verb; a refusal is one sentence and exit code 1, or 2 when the command itself is wrong."""
    if not (lab.ROOT / "playbooks" / "golive.yml").exists():
        complain("this is no golive project: go to where playbooks/ is, or name that directory by GOLIVE_PROJECT.")
        return 2
    try:
        own, words = verbs.split(sys.argv[1:])
        options = parser().parse_args(own)
        if words:
            options.words = words
        return carry_out(options)
    except Problem as problem:
        complain(problem)
        return problem.code
    except KeyboardInterrupt:
        complain("interrupted; run the same command again, it carries on.")
        return 130
    except BrokenPipeError:  # whoever read along has gone, as after `| head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123  (Python flushes it at the end)
        return 1


if __name__ == "__main__":
    sys.exit(main())
