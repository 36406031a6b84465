"""`plantctl backup PLANT OUT.tar`: the record of a plant as one file, while it runs or stands."""

import argparse
from pathlib import Path

from plantctl.app.state_folder import folder_of, holder_of
from plantctl.cli.exit_code import DONE, USAGE, fail, writing_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("plant", metavar="PLANT", help="the plant's name, or its state folder")
    parser.add_argument("out", type=Path, metavar="OUT.tar", help="the file that is made, or replaced")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.epilog = (
        "In it: log, history, texts of plans, what the plant remembers, how far its sinks are. Not in it: users,\n"
        "keys, passwords, and the plant's text with its plantctl.lock, which belong under version control."
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    from plantctl.core.clock import RealClock
    from plantctl.history.upkeep.backup import BackupRefused, back_up

    named = Path(arguments.plant)
    state = named if named.is_dir() else folder_of(arguments.plant, arguments.state)
    try:
        with writing_to(arguments.out):
            made = back_up(state, arguments.out, RealClock().utc_ns(), bool(holder_of(state)))
    except BackupRefused as error:
        return fail(USAGE, str(error))
    print(f"{arguments.out}: plant {made.plant}, {made.files} files, {made.bytes} bytes")
    return DONE
