"""`plantctl restore FILE.tar`: a backup becomes the state folder of a plant again, every check sum looked at before."""

import argparse
from pathlib import Path

from plantctl.app.state_folder import PlantHeld, folder_of, held
from plantctl.cli.exit_code import DONE, HELD, UNKNOWN_INPUT, fail, writing_to


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("backup", type=Path, metavar="FILE.tar", help="what plantctl backup made")
    parser.add_argument("--plant", metavar="NAME", help="restore as this plant (default: the one it is of)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.add_argument("--overwrite", action="store_true", help="set a record that is there aside, into `replaced-N`")
    parser.add_argument(
        "--go-on", action="store_true", help="feed its sinks at once: the plant it is of feeds them no more"
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 3 where the file is no whole backup or a record is there already."""
    from plantctl.history.upkeep.backup import FEEDS, BackupRefused, plant_in, restore
    from plantctl.log.recording import HELD_NAME

    try:
        state = folder_of(arguments.plant or plant_in(arguments.backup), arguments.state)
        with held(state, "restore"), writing_to(state):
            found = restore(arguments.backup, state, arguments.overwrite, go_on=arguments.go_on)
    except PlantHeld as error:
        return fail(HELD, str(error))
    except BackupRefused as error:
        return fail(UNKNOWN_INPUT, f"{error}; nothing is changed")
    print(f"{state}: {found.files} files, {found.bytes} bytes of plant {found.plant}")
    if found.waits:
        held_by = state / FEEDS / HELD_NAME
        print(f"its sinks wait: the plant it is of may still feed them; when it does no more, remove {held_by}")
    return DONE
