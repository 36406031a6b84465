"""The tables of an export: one tag of one lot, a row a point or a row a span, a part of the lot at a time.

Rules of the file: only reads the record; one part of one tag of one lot is in memory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from plantctl.history.export.lots import Lot
from plantctl.history.files.buckets import Buckets
from plantctl.history.reading.names import NamedPoint
from plantctl.history.reading.query import BUCKETS_MAX, History, Series
from plantctl.history.reading.table import Column, Holds, Table, interpolation, quality_columns


def lot_tables(history: History, point: NamedPoint, lot: Lot, every_ns: int, page: int) -> Iterator[tuple[Table, int]]:
    """Tables of a part of the lot each, and how many points each of them tells of.

    `every_ns`: 0 for a row a point, `page` of them at a time; else a row a span so long.
    """
    if every_ns:
        for begin_ns in range(lot.start_ns, lot.end_ns, every_ns * BUCKETS_MAX):
            end_ns = min(lot.end_ns, begin_ns + every_ns * BUCKETS_MAX)
            spans = history.spans(point.name, np.arange(begin_ns, end_ns, every_ns, dtype=np.int64), every_ns, True)
            yield _spans_table(point, lot, spans, every_ns), int(np.where(spans.told, spans.count, 0).sum())
        return
    token, first = "", True
    while token or first:
        found = history.page(point.name, lot.start_ns, lot.end_ns, page, token)
        inside = int((found.series.utc_ns >= lot.start_ns).sum())
        yield _points_table(point, lot, found.series), inside
        token, first = found.token, False


def _front(point: NamedPoint, lot: Lot, utc_ns: Any) -> tuple[Column, ...]:
    none = np.zeros(len(utc_ns), np.int64)
    return (
        Column("tag", Holds.WORDS, none, words=(point.name,)),
        Column("unit", Holds.WORDS, none, words=(point.unit,)),
        Column("since_zero", Holds.NUMBER, (utc_ns - lot.zero_ns) / 1e9, "s"),
        Column("utc", Holds.UTC, utc_ns),
    )


def _points_table(point: NamedPoint, lot: Lot, series: Series) -> Table:
    return Table(
        (
            *_front(point, lot, series.utc_ns),
            Column("until", Holds.UTC, series.until_ns),
            Column("value", Holds.NUMBER, series.value, off_by=series.off_by),
            *quality_columns(series.quality, None),
            Column("source", Holds.UTC, series.source_ns, there=series.source_ns != 0),
            *interpolation([series], always=True),
        )
    )


def _spans_table(point: NamedPoint, lot: Lot, spans: Buckets, every_ns: int) -> Table:
    def number(name: str, data: Any) -> Column:
        return Column(name, Holds.NUMBER, data, there=spans.told & ~np.isnan(data))

    return Table(
        (
            *_front(point, lot, spans.begin_ns),
            number("mean", spans.mean),
            number("min", spans.low),
            number("max", spans.high),
            Column("count", Holds.COUNT, np.where(spans.told, spans.count, 0)),
            Column("good", Holds.NUMBER, spans.known_ns / every_ns),
            *quality_columns(spans.quality, spans.told),
        )
    )
