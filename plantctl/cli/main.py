"""The command line: which verbs there are. A verb's own module is imported only when it is asked for or run."""

import argparse
import importlib
import os
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

from plantctl import __version__
from plantctl.cli.exit_code import CLOSED, CONNECTION, INTERRUPTED, MISTAKE, USAGE, fail
from plantctl.core.errors import PlantctlError

VERBS: Final = {
    "demo": "run the demo plant with its simulators and watch it",
    "run": "run a plant until Ctrl-C",
    "top": "watch the running plant",
    "get": "show values of the running plant",
    "set": "write a value of the running plant",
    "command": "give the running plant another command: mode, reset, tune, ack",
    "lab": "enter, sign, list, correct and withdraw what the laboratory finds in samples",
    "history": "show what was recorded of tags: points, one moment, or spans with min, max and mean",
    "trend": "draw what was recorded of tags in the terminal",
    "export": "write what was recorded lot by lot, or around events, with a manifest of units and plans",
    "backup": "write the record of a plant into one file, while it runs",
    "restore": "make a backup the record of a plant again",
    "users": "say who may log in to a plant's page, and what each may do there",
    "doctor": "find what this machine lacks for a plant, and how plants that run here are",
    "check": "find everything that is wrong with a plant's text",
    "dashboards": "write dashboards for Grafana: displays, loops, the system",
    "schema": "write the form of a plant's text for an editor: keys, words, units",
    "explain": "show what a plant compiles to, who writes a tag, what feeds a trip",
    "exec": "run a plant over recorded inputs, without devices",
    "certs": "make, trust and list the certificates of secured links, and find what is wrong with them",
    "sim": "run the simulated plant behind real protocol servers, or put a fault on it",
}
NEGATIVE_NUMBER: Final = re.compile(r"-\.?\d.*")
EPILOG: Final = """\
plantctl VERB --help tells more of each. First time here: plantctl demo

exit codes: 0 done, 1 findings (the plant has errors), 2 usage, 3 nobody answers or input unknown,
            4 the plant refused, 5 another process holds the plant
"""


class Parser(argparse.ArgumentParser):
    """The parser of one verb, or of all: its help keeps its lines, its complaints say what was probably meant."""

    def __init__(self, **settings: object) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **settings,  # type: ignore[arg-type]
        )
        # argparse takes -1e-3 for an option: its own pattern knows no exponent before Python 3.14.
        self._negative_number_matcher = NEGATIVE_NUMBER

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and where the help is; exit code 2."""
        choice = re.fullmatch(r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice:
            from difflib import get_close_matches

            known = re.findall(r"[\w-]+", choice[3])
            near = get_close_matches(choice[2], known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(known)}"
            message = f"{choice[1]}: there is no `{choice[2]}`; {hint}"
        print(f"{self.prog}: {message}\n{self.prog} --help tells how it is used", file=sys.stderr)
        sys.exit(USAGE)


def parser_of(wanted: Sequence[str]) -> Parser:
    """The parser, with the arguments of the `wanted` verbs only: the others' modules are not imported."""
    parser = Parser(
        prog="plantctl",
        description="Plant control and data acquisition: a plant is text that compiles to a plan.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"plantctl {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    for verb, text in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb in wanted and verb != "sim":
            importlib.import_module(f"plantctl.cli.{verb}").add_arguments(sub)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit code as in `exit_code`. Never raises: what goes wrong is said in words."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["sim"]:
            # Everything behind it is the simulator's own, its --help too.
            return int(importlib.import_module("plantctl.cli.sim").become(given[1:]))
        parser = parser_of([word for word in given if word in VERBS][:1])
        chosen, rest = parser.parse_known_args(given)
        if rest and (not hasattr(chosen, "tags") or any(word.startswith("-") for word in rest)):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        if rest:  # argparse ends a list of tags at the first option between them
            chosen.tags += rest
        code = int(importlib.import_module(f"plantctl.cli.{chosen.verb}").run(chosen))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return fail(INTERRUPTED, "ended by Ctrl-C")
    except BrokenPipeError:
        # A reader that closes our output (head, less) ends us quietly, as it ends any other tool. SIGPIPE would do
        # that too, but it would also end a plant whose client hangs up.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except Exception as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say an error in words: ours as it is, the system's with its file, anything else as a mistake of plantctl."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, PlantctlError):
        return fail(CONNECTION, str(error))
    if isinstance(error, OSError):
        what = (error.strerror or str(error)).lower()
        return fail(CONNECTION, f"{error.filename}: {what}" if error.filename else what)
    if os.environ.get("PLANTCTL_TRACEBACK"):
        traceback.print_exc()
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    return fail(
        MISTAKE,
        f"a mistake in plantctl itself, at {where}: {type(error).__name__}: {error}\n"
        "please report it, with what PLANTCTL_TRACEBACK=1 plantctl ... prints",
    )
