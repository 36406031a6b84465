"""What was recorded as a table for a person, as CSV or as JSON: the work of `plantctl history`."""

import argparse
import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence

from plantctl.cli.exit_code import DONE, UNKNOWN_INPUT, USAGE, fail
from plantctl.cli.history_file import json_columns, show_figures, write_file
from plantctl.cli.recorded import Span, SpanUnclear, damage_told, exact_utc_text, history_of, span_of, time_ns, utc_text
from plantctl.core.quality import describe
from plantctl.history.reading.arrow import LibraryMissing
from plantctl.history.reading.names import UnknownTag
from plantctl.history.reading.query import BUCKETS_MAX, History, NothingAsked
from plantctl.history.reading.totals import NotARate

Row = tuple[str, ...]
Words = Callable[[int], str]
RAW_HEAD = ("tag", "utc", "value", "quality", "source_utc")
NOTHING = "nothing recorded"
SPANS_HEAD = ("tag", "utc", "min", "max", "mean", "count", "quality", "known")


def show(arguments: argparse.Namespace) -> int:
    """Print what was asked for; the exit code."""
    history = history_of(arguments)
    try:
        if arguments.points is not None and not 1 <= arguments.points <= BUCKETS_MAX:
            return fail(USAGE, f"--points: 1 to {BUCKETS_MAX}, not {arguments.points}")
        for tag in arguments.tags:
            history.names.point(tag)
        if arguments.out is not None:
            return write_file(arguments, history)
        if arguments.average or arguments.total:
            return show_figures(arguments, history)
        if arguments.json:
            return _json(arguments, history)
        rows = list(_rows(arguments, history))
    except UnknownTag as error:
        return fail(UNKNOWN_INPUT, str(error))
    except (SpanUnclear, NothingAsked, NotARate, LibraryMissing) as error:
        return fail(USAGE, str(error))
    head = SPANS_HEAD if arguments.points else RAW_HEAD
    if arguments.csv:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(head)
        out.writerows(rows)
    else:
        _print(rows, arguments, history)
    if not rows:
        span = f"at {arguments.at}" if arguments.at else f"in the last {arguments.last or arguments.usual}"
        return fail(DONE, f"no value of {', '.join(f'`{tag}`' for tag in arguments.tags)} {span}")
    if damage := damage_told(history):
        return fail(DONE, damage)
    return DONE


def _json(arguments: argparse.Namespace, history: History) -> int:
    """The answer as programs get it over HTTP."""
    json.dump(json_columns(arguments, history), sys.stdout, allow_nan=False)
    print()
    return DONE


def _rows(arguments: argparse.Namespace, history: History) -> Iterator[Row]:
    """The rows of the table, tag by tag; times are cut for people, and exact in CSV."""
    utc = exact_utc_text if arguments.csv else utc_text
    if arguments.at:
        moment_ns = time_ns("--at", arguments.at)
        for tag in arguments.tags:
            (state,) = history.at(tag, [moment_ns])
            if state is not None:
                yield _raw_row(utc, tag, *state)
        return
    span = span_of(arguments, history)
    for tag in arguments.tags:
        if arguments.points:
            yield from _newest(_span_rows(utc, history, tag, span, arguments.points), arguments.limit)
        else:
            series = history.raw(tag, *span)
            columns_ = (series.utc_ns, series.value, series.quality, series.source_ns)
            found = [_raw_row(utc, tag, *row) for row in zip(*(c.tolist() for c in columns_), strict=True)]
            yield from _newest(found, arguments.limit)
            if series.truncated:
                fail(DONE, f"`{tag}` has more points than fit; the oldest are shown: ask for less time or for --points")


def _newest(rows: Sequence[Row], limit: int) -> Sequence[Row]:
    return rows[-limit:] if limit > 0 else rows


def _raw_row(utc: Words, tag: str, utc_ns: int, value: float, quality: int, source_ns: int) -> Row:
    return tag, utc(utc_ns), repr(value), describe(quality), utc(source_ns) if source_ns else ""


def _span_rows(utc: Words, history: History, tag: str, span: Span, points: int) -> list[Row]:
    trend = history.trend(tag, span.start_ns, span.end_ns, points)
    b = trend.buckets
    found = []
    for k in range(len(b)):
        numbers = [float(c[k]) for c in (b.low, b.high, b.mean)]
        found.append(
            (
                tag,
                utc(int(b.begin_ns[k])),
                *("" if math.isnan(n) else repr(n) for n in numbers),
                str(int(b.count[k])),
                describe(int(b.quality[k])) if b.told[k] else NOTHING,
                repr(float(b.known_ns[k] / trend.width_ns)),
            )
        )
    return found


def _print(rows: Sequence[Row], arguments: argparse.Namespace, history: History) -> None:
    """The rows for a person: with several tags each line says which."""
    width = max(map(len, arguments.tags)) if len(arguments.tags) > 1 else 0
    for tag, utc, *rest in rows:
        unit = history.names.point(tag).unit
        before = f"{tag:<{width}}  " if width else ""
        if arguments.points:
            low, high, mean, count, quality, known = rest
            if not low:
                said = quality if quality == NOTHING else f"no number  {count} points  {quality}"
                print(f"{before}{utc}  {said}")
                continue
            numbers = "  ".join(
                f"{name} {float(n or 'nan'):.6g}" for name, n in (("min", low), ("mean", mean), ("max", high))
            )
            gap = "" if float(known) > 0.9995 else f"  known {float(known):.1%}"
            print(f"{before}{utc}  {numbers} {unit}  {count} points  {quality}{gap}")
        else:
            value, quality, source = rest
            print(f"{before}{utc}  {float(value):>14.6g} {unit}  {quality}{f'  source {source}' if source else ''}")
