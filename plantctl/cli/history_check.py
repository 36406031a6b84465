"""`plantctl history check [PLANT]`: reads every file of a record and every check sum; `--repair` mends what can be."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from plantctl.app.kept_inspection import inspect_kept
from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME, folder_of, held, holder_of
from plantctl.cli.exit_code import DONE, FINDINGS, HELD, USAGE, fail
from plantctl.cli.recorded import log_folder, log_in, utc_text
from plantctl.core.errors import PlantctlError
from plantctl.history.reading.names import Names
from plantctl.history.upkeep.inspection import Damage, Inspection, inspect
from plantctl.history.upkeep.repair import repair, repair_plans
from plantctl.log.storage import ReadOnlyFolder


def check(arguments: argparse.Namespace) -> int:
    """Look, and mend where that is asked; the exit code: 1 where anything is damaged."""
    where = arguments.tags[1:]
    if len(where) > 1:
        return fail(USAGE, "check looks at one plant: plantctl history check PLANT")
    if where and not arguments.log:
        named = Path(where[0])
        arguments.log = named if named.is_dir() else folder_of(where[0], arguments.state)
    log = log_in(arguments.log) if arguments.log else log_folder(arguments)
    state = log.parent
    holder = holder_of(state) if log.name == LOG_NAME else ""
    if arguments.repair and holder:
        return fail(HELD, f"the plant in {state} is held by {holder}; end it, then repair")
    if arguments.repair:
        with held(state, "history check --repair"):
            return _checked(arguments, log, state / HISTORY_NAME, False)
    return _checked(arguments, log, state / HISTORY_NAME, bool(holder))


def _checked(arguments: argparse.Namespace, log: Path, history: Path, running: bool) -> int:
    folder = ReadOnlyFolder(log)
    found = _looked(log, history, running)
    names = _names(folder)
    became: dict[str, str] = {}
    if arguments.repair and found.damages:
        became = repair(folder, history, found.damaged_files) | repair_plans(log, history, found.damaged_files)
        again = _looked(log, history, False)
    else:
        again = found
    if arguments.json:
        print(json.dumps(_told(found, names, became), indent=1))
    else:
        _print(found, names, became)
    return FINDINGS if again.damages else DONE


def _looked(log: Path, history: Path, running: bool) -> Inspection:
    found = inspect(ReadOnlyFolder(log), ReadOnlyFolder(history), running)
    if log.name == LOG_NAME:
        inspect_kept(log.parent, found)
    return found


def _names(log: ReadOnlyFolder) -> dict[int, str]:
    """The points by id, as far as the texts beside the log can be read."""
    try:
        return {point.id: name for name, point in Names(log).all().items()}
    except (OSError, PlantctlError):
        return {}


def _told(found: Inspection, names: dict[int, str], became: dict[str, str]) -> dict[str, object]:
    damages = [
        {**asdict(d), "cost": d.cost.name.lower(), "tags": [names.get(tag, f"#{tag}") for tag in d.tags]}
        for d in found.damages
    ]
    return {"files": found.files, "bytes": found.bytes, "damages": damages, "repaired": became}


def _print(found: Inspection, names: dict[int, str], became: dict[str, str]) -> None:
    for name in found.damaged_files:
        print(name)
        for damage in (d for d in found.damages if d.file == name):
            print(f"  {_line(damage, names)}")
        if name in became:
            print(f"  {became[name]}")
    count = len(found.damaged_files)
    print(f"{found.files} files, {found.bytes} bytes: {f'{count} damaged' if count else 'all sound'}")


def _line(damage: Damage, names: dict[int, str]) -> str:
    """One damage in words: what, whom it costs what, when."""
    tags = ", ".join(names.get(tag, f"#{tag}") for tag in damage.tags)
    when = f", {utc_text(damage.begin_ns)} to {utc_text(damage.end_ns)}" if damage.begin_ns else ""
    return f"{damage.what}{': ' + tags if tags else ''}{when}; costs {damage.cost.value}"
