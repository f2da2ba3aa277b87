"""Entry point of ./golive."""

from __future__ import annotations

import argparse
import sys

from . import lab, suite
from .demo import demo
from .say import Problem, complain


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
    verb = verbs.add_parser("test", help="every test of the project")
    verb.add_argument("pytest", nargs="*", metavar="PYTEST", help="only these, for pytest (after --)")
    return parser


def main() -> int:
    """Run one verb; a refusal is one sentence and exit code 1."""
    options = _parser().parse_args()
    try:
        if options.verb == "test":
            return suite.test(options.pytest)
        if options.verb == "image":
            lab.current().images()
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
