"""`plantctl history TAG... --last 10m`: what was recorded of tags, as points, at one moment, or in spans.

`plantctl history check [PLANT]` looks for damage in the record instead (`history_check`), `plantctl history import
FILE.csv` brings values that came after their time (`history_import`).
"""

import argparse
from pathlib import Path

from plantctl.cli.exit_code import USAGE, fail
from plantctl.cli.recorded import SpanUnclear, check_span
from plantctl.cli.recorded import add_arguments as add_common

ENDINGS = (".csv", ".json", ".parquet", ".arrow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_common(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--raw", action="store_true", help="every recorded point (the default)")
    how.add_argument("--at", metavar="UTC", help="only what was in force at this time")
    how.add_argument(
        "--points", type=int, metavar="N", help="N spans with the smallest, largest and mean value of each"
    )
    how.add_argument("--average", action="store_true", help="the mean over the good time of the span")
    how.add_argument("--total", action="store_true", help="what a rate came to in the good time of the span")
    parser.add_argument("--unit", default="", metavar="UNIT", help="the unit of --total (default: L of L/h and so on)")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--csv", action="store_true", help="as CSV, times to the ns")
    shape.add_argument("--json", action="store_true", help="as JSON, columns by tag")
    shape.add_argument(
        "--out", type=Path, metavar="FILE", help="into FILE.csv, .json, .parquet or .arrow (a stream), with units"
    )
    parser.add_argument("--manifest", action="store_true", help="with --out: FILE.manifest.json beside it")
    parser.add_argument("--repair", action="store_true", help="with check: mend what the log still holds")
    parser.epilog = (
        "times are UTC. The table for people cuts them to the ms; CSV, JSON and files have them to the ns: what is\n"
        "read there is the point's own time, and --at, --since and --until take it back.\n"
        "plantctl history check [PLANT] reads every file of the record and every check sum instead, and says which\n"
        "tags and times are affected; exit code 1: something is damaged. PLANT is a plant's name or its state folder.\n"
        "plantctl history import FILE.csv brings values that came after their time to the running plant's record:\n"
        "columns time,tag,value,quality; exit code 1: lines are wrong, and nothing was taken."
    )
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="only the newest N rows of each tag")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    if arguments.tags[0] == "check":
        from plantctl.cli.history_check import check

        return check(arguments)
    if arguments.tags[0] == "import":
        from plantctl.cli.history_import import bring

        return bring(arguments)
    if arguments.manifest and arguments.out is None:
        return fail(USAGE, "--manifest describes a file: it needs --out")
    if arguments.repair:
        return fail(USAGE, "--repair belongs to plantctl history check")
    try:
        check_span(arguments)
        if arguments.out is not None and arguments.out.suffix not in ENDINGS:
            return fail(USAGE, f"--out: a file that ends in {', '.join(ENDINGS)}, not {arguments.out.name}")
    except SpanUnclear as error:
        return fail(USAGE, str(error))
    from plantctl.cli.history_table import show

    return show(arguments)
