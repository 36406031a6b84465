"""History as one table: a row a point or a span, tag after tag, in columns that say their unit. And that table as CSV.

    points    tag, [unit,] utc, until, value, quality, quality_word, source[, interpolation]
    spans     tag, [unit,] utc, min, max, mean, first, last, count, known, quality, quality_word
    figures   tag, [unit,] value, good, count, quality, quality_word: averages and totals, a row a tag

The unit stands in the head, `value [L/h]`; where the tags have different ones, in a column of its own. `utc` is where
a point or a span begins, `until` up to when the point was in force: earlier than the next point means a gap. `known` is
the share of the span for which a value was known. Quality is told in words, and as the word of `core.quality`. What is
not there (a span of which nothing is told, a device time that none gave) is null, in CSV an empty cell. Where a tag was
thinned by lines, `interpolation` says `line` for a point from which it went straight to the next one, else `step`;
`off_by` of a column is how far off a thinned value may be, in its unit.

Rules of the file: pure; times are whole ns of UTC from end to end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.quality import describe
from plantctl.history.files.numbers import F8, I8
from plantctl.history.reading.query import Series, Trend
from plantctl.history.reading.totals import Average, Total

# So many rows of CSV are a millisecond of work.
PIECE_ROWS: Final = 500
_QUOTED: Final = frozenset(',"\r\n')


class Holds(Enum):
    """What a column holds."""

    WORDS = "words"  # `data` are places in `words`
    UTC = "utc"  # ns
    NUMBER = "number"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `there` is where it has anything; None: everywhere."""

    name: str
    holds: Holds
    data: npt.NDArray[Any]
    unit: str = ""
    words: tuple[str, ...] = ()
    there: npt.NDArray[np.bool_] | None = None
    off_by: float = 0.0

    @property
    def head(self) -> str:
        """The name with its unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one length."""

    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].data)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def points_table(found: Sequence[tuple[str, Series]]) -> Table:
    """The points of tags, each under the name it was asked by."""
    series = [each for _, each in found]
    unit, front = _front([(name, each.unit, len(each.utc_ns)) for name, each in found])
    source_ns = _joined([each.source_ns for each in series], np.int64)
    off_by = max((each.off_by for each in series), default=0.0)
    return Table(
        (
            *front,
            Column("utc", Holds.UTC, _joined([each.utc_ns for each in series], np.int64)),
            Column("until", Holds.UTC, _joined([each.until_ns for each in series], np.int64)),
            Column("value", Holds.NUMBER, _joined([each.value for each in series], np.float64), unit, off_by=off_by),
            *quality_columns(_joined([each.quality for each in series], np.uint16), None),
            Column("source", Holds.UTC, source_ns, there=source_ns != 0),
            *interpolation(series),
        )
    )


def interpolation(series: Sequence[Series], always: bool = False) -> tuple[Column, ...]:
    """How the points are to be joined; left out where each value holds until the next, but for `always`."""
    if not always and all(each.line is None for each in series):
        return ()
    lines = [np.zeros(len(each.utc_ns), np.int64) if each.line is None else each.line for each in series]
    return (Column("interpolation", Holds.WORDS, _joined(lines, np.int64), words=("step", "line")),)


def spans_table(found: Sequence[tuple[str, Trend]]) -> Table:
    """The spans of tags, each under the name it was asked by."""
    trends = [each for _, each in found]
    unit, front = _front([(name, each.unit, len(each.buckets)) for name, each in found])
    told = _joined([each.buckets.told for each in trends], np.bool_)

    def number(name: str, columns: list[F8]) -> Column:
        data = _joined(columns, np.float64)
        return Column(name, Holds.NUMBER, data, unit, there=told & ~np.isnan(data))

    known = [each.buckets.known_ns * each.buckets.told / each.width_ns for each in trends]
    counts = [np.where(each.buckets.told, each.buckets.count, 0) for each in trends]
    return Table(
        (
            *front,
            Column("utc", Holds.UTC, _joined([each.buckets.begin_ns for each in trends], np.int64)),
            number("min", [each.buckets.low for each in trends]),
            number("max", [each.buckets.high for each in trends]),
            number("mean", [each.buckets.mean for each in trends]),
            number("first", [each.buckets.first for each in trends]),
            number("last", [each.buckets.last for each in trends]),
            Column("count", Holds.COUNT, _joined(counts, np.int64)),
            Column("known", Holds.NUMBER, _joined(known, np.float64)),
            *quality_columns(_joined([each.buckets.quality for each in trends], np.uint16), told),
        )
    )


def figures_table(found: Sequence[tuple[str, Average | Total]]) -> Table:
    """Averages or totals, each under the name it was asked by."""
    figures = [each for _, each in found]
    unit, front = _front([(name, each.unit, 1) for name, each in found])
    value = np.array([each.value for each in figures], np.float64)
    return Table(
        (
            *front,
            Column("value", Holds.NUMBER, value, unit, there=~np.isnan(value)),
            Column("good", Holds.NUMBER, np.array([each.good for each in figures], np.float64)),
            Column("count", Holds.COUNT, np.array([each.count for each in figures], np.int64)),
            *quality_columns(np.array([each.quality for each in figures], np.uint16), None),
        )
    )


def csv_text(table: Table) -> str:
    """The table as RFC 4180 has it: a head, CRLF, quotes where a cell needs them; times as in RFC 3339, to the ns."""
    return "".join(csv_pieces(table))


def csv_pieces(table: Table) -> Iterator[str]:
    """The same piece by piece, each of up to `PIECE_ROWS` rows."""
    yield ",".join(_cell(column.head) for column in table.columns) + "\r\n"
    for at in range(0, len(table), PIECE_ROWS):
        columns = [_rows(column, slice(at, at + PIECE_ROWS)) for column in table.columns]
        yield "".join([",".join(row) + "\r\n" for row in zip(*map(_cells, columns), strict=True)])


def _rows(column: Column, rows: slice) -> Column:
    there = None if column.there is None else column.there[rows]
    return replace(column, data=column.data[rows], there=there)


def utc_texts(utc_ns: I8) -> list[str]:
    """Times as in RFC 3339, to the ns."""
    texts: list[str] = np.char.add(np.datetime_as_string(utc_ns.astype("datetime64[ns]")), "Z").tolist()
    return texts


def _cells(column: Column) -> list[str]:
    data = column.data
    if column.holds is Holds.WORDS:
        words = [_cell(word) for word in column.words]
        cells = [words[place] for place in data.tolist()]
    elif column.holds is Holds.UTC:
        cells = utc_texts(data)
    else:
        cells = [repr(number) for number in data.tolist()]
    if column.there is None:
        return cells
    return [cell if there else "" for cell, there in zip(cells, column.there.tolist(), strict=True)]


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED & set(text) else text


def _joined(columns: Sequence[npt.NDArray[Any]], kind: type) -> npt.NDArray[Any]:
    return np.concatenate([*columns, np.zeros(0, kind)])


def _front(rows: list[tuple[str, str, int]]) -> tuple[str, list[Column]]:
    """The unit that all tags have, and the columns that say which tag, and which unit where they differ."""
    counts = [count for *_, count in rows]
    tags = Column("tag", Holds.WORDS, np.repeat(np.arange(len(rows)), counts), words=tuple(name for name, *_ in rows))
    units = [unit for _, unit, _ in rows]
    if len(set(units)) <= 1:
        return (units[0] if units else ""), [tags]
    words = tuple(dict.fromkeys(units))
    places = np.repeat(np.array([words.index(unit) for unit in units], np.int64), counts)
    return "", [tags, Column("unit", Holds.WORDS, places, words=words)]


def quality_columns(word: npt.NDArray[np.uint16], told: npt.NDArray[np.bool_] | None) -> tuple[Column, Column]:
    """The quality in words, and as its word."""
    distinct = np.flatnonzero(np.bincount(word, minlength=1 << 16))
    texts = [describe(each) for each in distinct.tolist()]
    words = tuple(dict.fromkeys(texts))
    place_of = np.zeros(1 << 16, np.int64)
    place_of[distinct] = [words.index(text) for text in texts]
    places = place_of[word]
    return (
        Column("quality", Holds.WORDS, places, words=words, there=told),
        Column("quality_word", Holds.COUNT, word.astype(np.int64), there=told),
    )
