"""Finds what a plant recorded, for the verbs that look back, and the span that is meant."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME, folder_of, state_root
from plantctl.cli.running import add_plant_argument
from plantctl.core.errors import PlantctlError
from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.log.place import records_beside

if TYPE_CHECKING:  # --help needs no numpy
    from plantctl.history.reading.query import History


# Of a log that was never sealed: 26 bytes each, for as long as the verb runs.
ROWS_MAX = 40_000_000


class LogMissing(PlantctlError):
    """There is no log where one was looked for; the message says where."""


class SpanUnclear(PlantctlError):
    """A span or a time that cannot be read; the message says what it should look like."""


class Span(NamedTuple):
    """From start to end, UTC ns, the end left out."""

    start_ns: int
    end_ns: int


def add_arguments(parser: argparse.ArgumentParser, last: str = "10min") -> None:
    """What the verbs have in common: tags, span, place."""
    parser.add_argument("tags", nargs="+", metavar="TAG", help="tags or points")
    parser.add_argument("--last", metavar="TIME", help=f"how far back from the end of the record ({last})")
    parser.add_argument("--since", metavar="UTC", help="from this time on instead, as in 2026-11-22T13:00:00Z")
    parser.add_argument("--until", metavar="UTC", help="up to this time (default: the end of the record)")
    parser.add_argument(
        "--from", dest="log", type=Path, metavar="DIR", help="a state or log folder (default: the plant's)"
    )
    add_plant_argument(parser)
    parser.set_defaults(usual=last)


def history_of(arguments: argparse.Namespace) -> "History":
    """The history of the plant that is meant. Raises `LogMissing` where that is not clear."""
    from plantctl.history.reading.query import History
    from plantctl.log.storage import ReadOnlyFolder

    log = log_in(arguments.log) if arguments.log else log_folder(arguments)
    return History(ReadOnlyFolder(log), ReadOnlyFolder(log.parent / HISTORY_NAME), ROWS_MAX)


def check_span(arguments: argparse.Namespace) -> None:
    """Raises `SpanUnclear` where what was written of a span cannot be read."""
    if arguments.last and arguments.since:
        raise SpanUnclear("--last and --since: give one of them")
    duration_ns(arguments.last or arguments.usual)
    for name in ("since", "until", "at"):
        if getattr(arguments, name, None):
            time_ns(f"--{name}", getattr(arguments, name))


def span_of(arguments: argparse.Namespace, history: "History") -> Span:
    """The span that is meant. Raises `SpanUnclear`, and `LogMissing` where nothing was recorded yet."""
    last_ns = duration_ns(arguments.last or arguments.usual)
    newest_ns = history.newest_ns()
    if newest_ns is None:
        raise LogMissing("nothing is recorded yet")
    end_ns = time_ns("--until", arguments.until) if arguments.until else newest_ns + 1
    start_ns = time_ns("--since", arguments.since) if arguments.since else end_ns - last_ns
    if start_ns >= end_ns:
        raise SpanUnclear(f"the span ends at {utc_text(end_ns)}, before it begins at {utc_text(start_ns)}")
    return Span(start_ns, end_ns)


def duration_ns(text: str) -> int:
    """A span as people write it: `10min`, `10m`, `90s`, `7d`. Raises `SpanUnclear`."""
    minutes = text.endswith("m") and text[:-1].replace(".", "").strip().isdigit()
    try:
        found = parse_duration_ns(text.replace("m", "min") if minutes else text)
    except UnitError as error:
        raise SpanUnclear(f"--last: {error}") from error
    if found <= 0:
        raise SpanUnclear(f"--last: {text} is no time to look back")
    return found


def time_ns(what: str, text: str) -> int:
    """A UTC time as people write it; one without a zone is refused rather than guessed. Raises `SpanUnclear`."""
    from plantctl.history.reading.moments import time_in

    try:
        return time_in(text)
    except ValueError as error:
        raise SpanUnclear(f"{what}: {error}") from None


def utc_text(utc_ns: int) -> str:
    """A UTC time for people, cut to the millisecond, as in 2026-11-22T13:00:00.123Z."""
    from plantctl.history.reading.moments import moment_text

    return moment_text(utc_ns, 3)


def exact_utc_text(utc_ns: int) -> str:
    """A UTC time for programs, to the ns, as in 2026-11-22T13:00:00.123456789Z."""
    from plantctl.history.reading.moments import moment_text

    return moment_text(utc_ns, 9)


def log_folder(arguments: argparse.Namespace) -> Path:
    """The log of the plant that is meant, whether it runs or not. Raises `LogMissing` where that is not clear."""
    if arguments.plant:
        return log_in(folder_of(arguments.plant, arguments.state))
    root = state_root(arguments.state)
    found = sorted(root.glob(f"*/{LOG_NAME}"))
    if not found:
        raise LogMissing(f"there is no log in {root}: nothing has run there; name the place with --state or --from")
    if len(found) > 1:
        names = ", ".join(p.parent.name for p in found)
        raise LogMissing(f"there are logs of several plants in {root}: {names}; name one with --plant")
    return found[0]


def log_in(folder: Path) -> Path:
    """The log at `folder`: the folder of a log, or a plant's state folder. Raises `LogMissing`."""
    log = folder / LOG_NAME if (folder / LOG_NAME).is_dir() else folder
    if not log.is_dir():
        raise LogMissing(f"there is no log in {folder}{records_beside(folder)}")
    return log


def damage_told(history: "History") -> str:
    """What is to be said of damage that an answer met; empty where it met none."""
    said = [f"{history.left_out} damaged pieces of the record were left out"] if history.left_out else []
    if harmless := history.damaged - history.left_out:
        said.append(f"{harmless} damaged pieces cost nothing here; `plantctl history check --repair` mends them")
    return "; ".join(said)
