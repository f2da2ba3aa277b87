"""Entry point of ./golive."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import bench, docs, lab, records, suite
from .demo import demo
from .say import Problem, complain, say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./golive", description="Take a containerised web application live on plain Linux hosts."
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("demo", help="a go-live of the reference application on container hosts of this machine")
    verb.add_argument("state", nargs="?", choices=["up", "down"], default="up", help="down removes all that it made")
    verb.add_argument("--release", default="1.0.0", choices=lab.RELEASES, help="the release to take live (1.0.0)")
    verbs.add_parser(
        "image", help="a Docker engine and the image of the lab's hosts: what `molecule test -s ROLE` needs"
    )
    verbs.add_parser("docs", help="write the pages that are made from the roles' own data")
    _record_parser(verbs)
    verb = verbs.add_parser("bench", help="a program of bench/, which says what the figures in docs/bench.md come from")
    verb.add_argument("name", metavar="NAME", help=", ".join(bench.names()))
    verb.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENT", help="its own; --json for programs")
    verb = verbs.add_parser("test", help="every test of the project")
    verb.add_argument("--full", action="store_true", help="the long ones, too; the result is in docs/test-report.md")
    verb.add_argument("pytest", nargs="*", metavar="PYTEST", help="only these, for pytest (after --)")
    return parser


def _record_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verbs that read records."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--records", type=Path, metavar="DIR", help="directory of the records (those of the lab)")
    common.add_argument("--json", action="store_true", help="print JSON")
    parser = verbs.add_parser("record", help="look at the records of go-lives, and check that they are whole")
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
    verbs.add_parser("stats", parents=[common], help="how often, how fast, how safely: DORA's figures from the records")


def _records(options: argparse.Namespace) -> int:
    """Carry out a verb that reads records; return the exit code."""
    place = options.records or lab.current().state / "records"
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


def main() -> int:
    """Run one verb; a refusal is one sentence and exit code 1."""
    options = _parser().parse_args()
    try:
        if options.verb == "test":
            return suite.test(options.pytest, full=options.full)
        if options.verb in ("record", "stats"):
            return _records(options)
        if options.verb == "bench":
            return bench.bench(options.name, options.arguments)
        if options.verb == "docs":
            for path in docs.write():
                say(f"golive: wrote {path.relative_to(lab.ROOT)}")
        elif options.verb == "image":
            lab.current().images(os.environ.get("GOLIVE_SUITE") or lab.SUITE)
        elif options.state == "down":
            lab.current().down()
        else:
            demo(lab.current(), options.release)
    except Problem as problem:
        complain(problem)
        return 1
    except KeyboardInterrupt:
        complain("interrupted; run the same command again, it carries on.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
