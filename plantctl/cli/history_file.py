"""What was recorded as a file with units, or as one figure a tag: `plantctl history --out`, `--average`, `--total`."""

import argparse
import csv
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from plantctl import __version__
from plantctl.cli.exit_code import DONE, fail, writing_to
from plantctl.cli.recorded import damage_told, span_of, time_ns, utc_text
from plantctl.core.quality import describe
from plantctl.history.reading.arrow import arrow_bytes, parquet_bytes
from plantctl.history.reading.columns import Aggregate, columns, series_columns
from plantctl.history.reading.query import POINTS_MAX, History, Series
from plantctl.history.reading.table import Table, csv_text, figures_table, points_table, spans_table
from plantctl.history.reading.totals import Average, Total

FIGURES_HEAD = ("tag", "value", "unit", "good", "count", "quality")


def write_file(arguments: argparse.Namespace, history: History) -> int:
    """Write what was asked for into a file, by its ending; it gets its name once it is whole."""
    path: Path = arguments.out
    table = None
    if path.suffix == ".json" and not (arguments.average or arguments.total):
        data = json.dumps(json_columns(arguments, history), allow_nan=False).encode()
    elif path.suffix == ".json":
        data = json.dumps(_figures_json(figures_of(arguments, history)), allow_nan=False).encode()
    else:
        table = _table(arguments, history)
        make = {".csv": lambda t: csv_text(t).encode(), ".parquet": parquet_bytes, ".arrow": arrow_bytes}[path.suffix]
        data = make(table)
    _put(path, data)
    if arguments.manifest:
        told = _manifest(arguments, history, data, None if table is None else len(table))
        _put(path.with_name(path.name + ".manifest.json"), json.dumps(told, indent=1).encode() + b"\n")
    print(f"{path}: {f'{len(table)} rows, ' if table is not None else ''}{len(data)} bytes")
    if damage := damage_told(history):
        return fail(DONE, damage)
    return DONE


def _put(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with writing_to(path):
            part.write_bytes(data)
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _manifest(arguments: argparse.Namespace, history: History, data: bytes, rows: int | None) -> dict[str, Any]:
    """What the file holds, for whoever is given it."""
    points = [history.names.point(tag) for tag in arguments.tags]
    span = None if arguments.at else span_of(arguments, history)
    ways = ("average", "total", "points")
    return {
        "file": arguments.out.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "rows": rows,
        "made_by": f"plantctl {__version__}",
        "asked": next((way for way in ways if getattr(arguments, way)), "at" if arguments.at else "raw"),
        "points": arguments.points,
        "start": utc_text(span.start_ns if span else time_ns("--at", arguments.at)),
        "end": utc_text(span.end_ns) if span else None,
        "plans": [f"{plan_hash:016x}" for plan_hash in history.names.plans()],
        "tags": [{"name": p.name, "id": p.id, "unit": p.unit, "meaning": p.text} for p in points],
        "damaged_pieces_left_out": history.left_out,
    }


def _table(arguments: argparse.Namespace, history: History) -> Table:
    """What was asked for as a table."""
    if arguments.average or arguments.total:
        return figures_table(figures_of(arguments, history))
    if arguments.at:
        moment_ns = time_ns("--at", arguments.at)
        return points_table([(tag, history.raw(tag, moment_ns, moment_ns + 1)) for tag in arguments.tags])
    span = span_of(arguments, history)
    if arguments.points:
        return spans_table([(tag, history.trend(tag, *span, arguments.points)) for tag in arguments.tags])
    return points_table([(tag, every_point(history, tag, *span)) for tag in arguments.tags])


def every_point(history: History, tag: str, start_ns: int, end_ns: int) -> Series:
    """All points of a span, said on standard error where there are more than fit into memory."""
    series = history.raw(tag, start_ns, end_ns, 20 * POINTS_MAX)
    if series.truncated:
        fail(DONE, f"`{tag}` has more points than fit; the oldest are written: ask for less time or for --points")
    return series


def figures_of(arguments: argparse.Namespace, history: History) -> list[tuple[str, Average | Total]]:
    """The average or the total of every tag."""
    span = span_of(arguments, history)
    if arguments.average:
        return [(tag, history.average(tag, *span)) for tag in arguments.tags]
    return [(tag, history.total(tag, *span, arguments.unit)) for tag in arguments.tags]


def show_figures(arguments: argparse.Namespace, history: History) -> int:
    """Averages or totals as lines for a person, as CSV or as JSON."""
    found = figures_of(arguments, history)
    if arguments.json:
        json.dump(_figures_json(found), sys.stdout, allow_nan=False)
        print()
        return DONE
    rows = [
        (tag, repr(each.value), each.unit, f"{each.good:.6f}", str(each.count), describe(each.quality))
        for tag, each in found
    ]
    if arguments.csv:
        out = csv.writer(sys.stdout, lineterminator="\n")
        out.writerow(FIGURES_HEAD)
        out.writerows(rows)
        return DONE
    width = max(map(len, arguments.tags))
    for tag, each in found:
        value = "nothing good" if not each.good else f"{each.value:.6g} {each.unit}"
        print(f"{tag:<{width}}  {value:>20}  good {each.good:.1%}  {each.count} points  {describe(each.quality)}")
    return DONE


def _figures_json(found: list[tuple[str, Average | Total]]) -> dict[str, dict[str, Any]]:
    return {
        tag: {
            "value": each.value if each.good else None if isinstance(each, Average) else 0.0,
            "unit": each.unit,
            "good": each.good,
            "count": each.count,
            "quality": each.quality,
        }
        for tag, each in found
    }


def json_columns(arguments: argparse.Namespace, history: History) -> dict[str, dict[str, Any]]:
    """The columns by tag."""
    if arguments.at:
        moment_ns = time_ns("--at", arguments.at)
        return {tag: series_columns(history.raw(tag, moment_ns, moment_ns + 1)) for tag in arguments.tags}
    span = span_of(arguments, history)
    points, aggregate = arguments.points, Aggregate.MINMAX
    if points is None:
        points, aggregate = arguments.limit or 1_000_000, Aggregate.RAW
    return columns(history, arguments.tags, *span, points, aggregate)
