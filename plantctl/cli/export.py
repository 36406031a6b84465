"""`plantctl export OUT TAG... --while CONDITION`: what was recorded, lot by lot, with a manifest of what it is."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plantctl.cli.exit_code import DONE, UNKNOWN_INPUT, USAGE, fail, writing_to
from plantctl.cli.recorded import (
    Span,
    SpanUnclear,
    check_span,
    damage_told,
    duration_ns,
    history_of,
    span_of,
    time_ns,
    utc_text,
)
from plantctl.cli.recorded import add_arguments as add_common

if TYPE_CHECKING:  # --help needs no numpy
    from plantctl.history.export.lots import Lot
    from plantctl.history.reading.query import History

EXAMPLES = """
examples: plantctl export runs.zip 40-FI-4013 40-AI-4212 --while '{40-XI-4216} == 1 for 10 min' --last 7d
          plantctl export trips 40-II-4010 40-FI-4013 --around 'trip E1-*' --before 10min --after 30min
          plantctl export lots 40-JI-4200 --lots lots.csv --every 10s --form parquet

A condition is one of the plant's text; what is not known (a gap, bad quality) is not true. An event is named by
KIND [TARGET [NEW]], each with * and ?. FILE.csv has a head `name,start,end` and times as 2026-11-22T13:00:00Z. The
result is whole or not there: one table a lot, lots.csv, manifest.json with units, quality, plans and check sums.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument(
        "out", metavar="OUT", help="a folder, or OUT.zip, that is not there yet; `-`: only list the lots"
    )
    add_common(parser, "1d")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--lots", type=Path, metavar="FILE.csv", help="lots as they are written there")
    which.add_argument("--while", dest="condition", metavar="CONDITION", help="each stretch in which this is true")
    which.add_argument("--around", metavar="EVENT", help="each such event, or each time that a condition becomes true")
    parser.add_argument("--before", metavar="TIME", help="so much time before each lot as well")
    parser.add_argument("--after", metavar="TIME", help="so much time after each lot as well")
    parser.add_argument("--through", metavar="TIME", help="a gap up to so long does not end a stretch (default: 0 s)")
    parser.add_argument("--every", metavar="TIME", help="spans so long with mean, min, max of good values, not points")
    parser.add_argument("--form", choices=("csv", "parquet"), default="csv", help="of the tables (default: csv)")
    parser.epilog = EXAMPLES


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    try:
        check_span(arguments)
        lengths = {name: _length_ns(arguments, name) for name in ("before", "after", "through", "every")}
        if arguments.around and not (lengths["before"] or lengths["after"]):
            return fail(USAGE, "--around: name the time --before or --after it")
    except SpanUnclear as error:
        return fail(USAGE, str(error))
    from plantctl.history.export.by_lots import ExportRefused
    from plantctl.history.export.lots import LotsRefused
    from plantctl.history.reading.arrow import LibraryMissing
    from plantctl.history.reading.names import UnknownTag
    from plantctl.plan.expression import ExpressionRefused

    history = history_of(arguments)
    try:
        lots, asked = _lots(arguments, history, lengths)
        if arguments.out == "-":
            return _listed(lots)
        return _export(arguments, history, lots, asked, lengths["every"])
    except UnknownTag as error:
        return fail(UNKNOWN_INPUT, str(error))
    except (ExpressionRefused, SpanUnclear, LotsRefused, ExportRefused, LibraryMissing, OSError) as error:
        return fail(USAGE, str(error))


def _length_ns(arguments: argparse.Namespace, name: str) -> int:
    text = getattr(arguments, name)
    if text is None or text in ("0", "0s", "0 s"):
        return 0
    try:
        return duration_ns(text)
    except SpanUnclear as error:
        raise SpanUnclear(str(error).replace("--last", f"--{name}")) from error


def _lots(arguments: argparse.Namespace, history: "History", lengths: dict[str, int]) -> tuple[list["Lot"], str]:
    """The lots that are meant, and how they were asked for."""
    from plantctl.history.export.lot_list import lots_written
    from plantctl.history.export.lots import (
        LotsRefused,
        condition_of,
        few_enough,
        lots_around,
        lots_from,
        lots_while,
        widened,
    )

    if arguments.lots:
        try:
            text = arguments.lots.read_text("utf-8-sig")
        except UnicodeDecodeError as error:
            raise LotsRefused(f"{arguments.lots} is no text in UTF-8: {error}") from None
        found = few_enough(lots_written(text, str(arguments.lots), arguments.lots.name, time_ns))
        return widened(found, lengths["before"], lengths["after"]), f"as written in {arguments.lots.name}"
    text = arguments.condition or arguments.around
    for tag in arguments.tags:
        history.names.point(tag)
    span = span_of(arguments, history)
    extent = history.extent_ns()
    if extent is not None and not arguments.since:  # what is older than the record needs no look
        span = Span(min(max(span.start_ns, extent[0]), span.end_ns - 1), span.end_ns)
    asked = (
        f"{'while' if arguments.condition else 'around'} {text}, {utc_text(span.start_ns)} to {utc_text(span.end_ns)}"
    )
    if arguments.condition or "{" in text:
        each = lots_while if arguments.condition else lots_from
        lots = each(history, condition_of(history, text), *span, lengths["through"])
    else:
        lots = lots_around(history, text, *span)
    return widened(few_enough(lots), lengths["before"], lengths["after"]), asked


def _listed(lots: list["Lot"]) -> int:
    """The lots for a person."""
    for lot in lots:
        length_s = (lot.end_ns - lot.start_ns) / 1e9
        ended = f"  ended: {lot.ended}" if lot.ended else ""
        print(f"{lot.name}  {utc_text(lot.start_ns)} to {utc_text(lot.end_ns)}  {length_s:.1f} s  {lot.why}{ended}")
    return DONE


def _export(arguments: argparse.Namespace, history: "History", lots: list["Lot"], asked: str, every_ns: int) -> int:
    from plantctl.core.clock import RealClock
    from plantctl.history.export.by_lots import export
    from plantctl.history.export.manifest import Wanted

    tags = list(dict.fromkeys(arguments.tags))
    command = shlex.join(["plantctl", *sys.argv[1:]])
    wanted = Wanted(tags, lots, every_ns, arguments.form, asked, command, RealClock().utc_ns())
    with writing_to(Path(arguments.out)):
        told = export(history, history.names.plant(), wanted, Path(arguments.out))
    changed = sum(lot["plan_changed"] for lot in told.lots)
    note = f", {changed} with a change of the plan in it" if changed else ""
    print(f"{arguments.out}: {len(told.lots)} lots{note}, {told.rows} rows, {told.bytes} bytes")
    if damage := damage_told(history):
        return fail(DONE, damage)
    return DONE
