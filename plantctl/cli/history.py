"""`plantctl history TAG --last 10m`: the recorded values of a tag, read from the log."""

import argparse
import csv
import sys
from datetime import UTC, datetime
from pathlib import Path

from plantctl.app.control_client import NotRunning
from plantctl.app.state_folder import LOG_NAME
from plantctl.cli.exit_code import CONNECTION, DONE, UNKNOWN_INPUT, USAGE, fail
from plantctl.cli.running import add_plant_argument
from plantctl.core.errors import LogDamaged
from plantctl.core.quality import describe
from plantctl.core.units import UnitError, parse_duration_ns


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
    try:
        folder = arguments.log or log_folder(arguments)
    except NotRunning as error:
        return fail(CONNECTION, str(error))
    if not folder.is_dir():
        return fail(UNKNOWN_INPUT, f"there is no log in {folder}")
    storage = ReadOnlyFolder(folder)
    found = runs(storage)
    if not found:
        return fail(UNKNOWN_INPUT, f"the log in {folder} holds no run yet")
    newest = found[-1]
    try:
        ids = ids_of(plan_text(storage, newest.plan_hash))
    except (LogDamaged, OSError) as error:
        return fail(UNKNOWN_INPUT, str(error))
    if arguments.tag not in ids:
        return fail(UNKNOWN_INPUT, f"`{arguments.tag}` is not in this log")
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
    for row in rows:
        source = f"  source {utc_text(row.source_ns)}" if row.source_ns else ""
        print(f"{utc_text(row.utc_ns)}  {row.value:>14.6g}  {describe(row.quality)}{source}")
    if not rows:
        return fail(DONE, f"no value of `{arguments.tag}` in the last {arguments.last}")
    return DONE


def _minutes(text: str) -> bool:
    """Whether a span is written with the `m` that people use for minutes."""
    return text.endswith("m") and text[:-1].replace(".", "").strip().isdigit()


def log_folder(arguments: argparse.Namespace) -> Path:
    """The log of the plant that is meant, whether it runs or not. Raises `NotRunning` where that is not clear."""
    from plantctl.app.state_folder import folder_of

    if arguments.plant:
        return folder_of(arguments.plant, arguments.state) / LOG_NAME
    root = folder_of("x", arguments.state).parent
    found = sorted(root.glob(f"*/{LOG_NAME}"))
    if len(found) != 1:
        names = ", ".join(p.parent.name for p in found) or "none"
        raise NotRunning(f"name the plant with --plant; there are logs of: {names}")
    return found[0]


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
