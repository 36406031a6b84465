"""`plantctl history TAG --last 10m`: the recorded values of a tag, read from the log."""

import argparse
import csv
import sys
from datetime import UTC, datetime
from pathlib import Path

from plantctl.app.state_folder import LOG_NAME, folder_of, state_root
from plantctl.cli.exit_code import DONE, UNKNOWN_INPUT, USAGE, fail
from plantctl.cli.running import add_plant_argument
from plantctl.core.errors import PlantctlError
from plantctl.core.quality import describe
from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.plan.did_you_mean import meant


class LogMissing(PlantctlError):
    """There is no log where one was looked for; the message says where."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("tag", metavar="TAG", help="a tag or point")
    parser.add_argument("--last", default="10min", metavar="TIME", help="how far back from the log's end (10min)")
    parser.add_argument("--from", dest="log", type=Path, metavar="LOG", help="a log folder (default: the plant's)")
    parser.add_argument("--csv", action="store_true", help="as CSV, with the times of source and receipt")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="only the newest N rows")
    add_plant_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    from plantctl.log.reader import plan_text, runs, tag_history
    from plantctl.log.storage import ReadOnlyFolder

    try:
        span_ns = parse_duration_ns(arguments.last.replace("m", "min") if _minutes(arguments.last) else arguments.last)
    except UnitError as error:
        return fail(USAGE, f"--last: {error}")
    folder = log_in(arguments.log) if arguments.log else log_folder(arguments)
    storage = ReadOnlyFolder(folder)
    found = runs(storage)
    if not found:
        return fail(UNKNOWN_INPUT, f"the log in {folder} holds no run yet")
    newest = found[-1]
    text = plan_text(storage, newest.plan_hash)
    ids = ids_of(text)
    if arguments.tag not in ids:
        near = meant(arguments.tag, ids)
        return fail(UNKNOWN_INPUT, f"`{arguments.tag}` is not in the log in {folder}{'; ' + near if near else ''}")
    end_ns = newest.end_utc_ns + 1
    rows = list(tag_history(storage, ids[arguments.tag], end_ns - span_ns, end_ns))
    rows = rows[-arguments.limit :] if arguments.limit > 0 else rows
    if arguments.csv:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(("utc", "value", "quality", "source_utc", "receive_utc"))
        for row in rows:
            times = (utc_text(ns) if ns else "" for ns in (row.source_ns, row.receive_utc_ns))
            out.writerow((utc_text(row.utc_ns), repr(row.value), describe(row.quality), *times))
        return DONE
    unit = unit_of(text, arguments.tag)
    for row in rows:
        source = f"  source {utc_text(row.source_ns)}" if row.source_ns else ""
        print(f"{utc_text(row.utc_ns)}  {row.value:>14.6g} {unit}  {describe(row.quality)}{source}")
    if not rows:
        return fail(DONE, f"no value of `{arguments.tag}` in the last {arguments.last}")
    return DONE


def _minutes(text: str) -> bool:
    """Whether a span is written with the `m` that people use for minutes."""
    return text.endswith("m") and text[:-1].replace(".", "").strip().isdigit()


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
        raise LogMissing(f"there is no log in {folder}")
    return log


def unit_of(text: str, tag: str) -> str:
    """The unit of a tag in the plan's text that is kept beside a log; empty for numbers and enumerations."""
    for line in text.splitlines():
        cells = line.split("\t")
        if len(cells) == 4 and cells[1] == tag:
            return "" if cells[2] == "1" else cells[2]
    return ""


def ids_of(text: str) -> dict[str, int]:
    """The ids by name in the plan's text that is kept beside a log."""
    ids: dict[str, int] = {}
    for line in text.splitlines():
        cells = line.split("\t")
        if len(cells) == 4 and cells[0].isdigit():
            ids[cells[1]] = int(cells[0])
        elif line.startswith("file "):
            break
    return ids


def utc_text(utc_ns: int) -> str:
    """A UTC time to the millisecond, as in 2026-11-22T13:00:00.123Z."""
    return datetime.fromtimestamp(utc_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
