"""The command line: which verbs there are. A verb's own module is imported only when it is asked for or run."""

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence

from plantctl import __version__
from plantctl.cli.exit_code import fail

VERBS = {
    "demo": "run the demo plant with its simulators and watch it",
    "run": "run a plant",
    "sim": "run the simulated plant behind real protocol servers, or put a fault on it",
    "check": "find everything that is wrong with a plant's text",
    "explain": "show what a plant compiles to, who writes a tag, what feeds a trip",
    "exec": "run a plant over recorded inputs, without devices",
    "history": "show the recorded values of a tag",
    "get": "show values of the running plant",
    "set": "give a command to the running plant",
    "top": "watch the running plant",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code: 0 done, 1 findings, 2 usage, 3 connection or input, 4 refused, 5 plant is held."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="plantctl",
        description="Plant control and data acquisition: a plant is text that compiles to a plan.",
        epilog="plantctl VERB --help tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"plantctl {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    wanted = next((word for word in given if word in VERBS), None)
    for verb, text in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb == wanted:
            importlib.import_module(f"plantctl.cli.{verb}").add_arguments(sub)
    chosen = parser.parse_args(given)
    # A reader that closes our output (head, less) ends us quietly, as it ends any other tool.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    module = importlib.import_module(f"plantctl.cli.{chosen.verb}")
    try:
        return int(module.run(chosen))
    except KeyboardInterrupt:
        return fail(130, "ended by Ctrl-C")
