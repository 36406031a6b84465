"""`plantctl trend TAG... --last 10m`: what was recorded, drawn in the terminal, one plot a tag below the other."""

import argparse
import shutil

from plantctl.cli.exit_code import DONE, UNKNOWN_INPUT, USAGE, fail
from plantctl.cli.recorded import Span, SpanUnclear, check_span, damage_told, history_of, span_of
from plantctl.cli.recorded import add_arguments as add_common

WIDTH_LEAST, HEIGHT_LEAST = 40, 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_common(parser)
    parser.add_argument("--width", type=int, metavar="N", help="characters in a line (default: the terminal's)")
    parser.add_argument("--height", type=int, metavar="N", help="lines a plot (default: what fits into the terminal)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    try:
        check_span(arguments)
    except SpanUnclear as error:
        return fail(USAGE, str(error))
    from plantctl.cli.plot import buckets_for, plot
    from plantctl.history.reading.names import UnknownTag

    size = shutil.get_terminal_size((100, 30))
    width = max(WIDTH_LEAST, arguments.width or size.columns)
    height = max(HEIGHT_LEAST, arguments.height or min(20, (size.lines - 1) // len(arguments.tags)))
    history = history_of(arguments)
    try:
        points = [history.names.point(tag) for tag in arguments.tags]
        span = span_of(arguments, history)
        extent = history.extent_ns()
        if extent is not None and not arguments.since:  # what is older than the record needs no room
            span = Span(min(max(span.start_ns, extent[0]), span.end_ns - 1), span.end_ns)
        for number, point in enumerate(points):
            trend = history.trend(point.name, span.start_ns, span.end_ns, buckets_for(width))
            print(*([""] if number else []), *plot(trend, width, height, point.text), sep="\n")
    except UnknownTag as error:
        return fail(UNKNOWN_INPUT, str(error))
    except SpanUnclear as error:
        return fail(USAGE, str(error))
    if damage := damage_told(history):
        return fail(DONE, damage)
    return DONE
