"""History as a data frame of polars or pandas, for notebooks: `plantctl.history.read(...)`.

    import plantctl.history
    frame = plantctl.history.read("demo", ["40-FI-4013"], "2026-11-22T12:00Z", "2026-11-22T13:00Z", every="1min")

Times are aware, UTC, to the ns. Units stand in the names of columns, `value [L/h]`, in a column `unit` where a column
holds several, and in `frame.attrs["units"]` of pandas. polars and pandas are the user's own: imported when asked for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import index
from pathlib import Path
from typing import Any, Final

import numpy as np

from plantctl.core.errors import PlantctlError
from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.history.files.buckets import Buckets, joined
from plantctl.history.reading.arrow import LibraryMissing, arrow_table
from plantctl.history.reading.moments import moment_text, time_in, utc_ns_of, within
from plantctl.history.reading.query import BUCKETS_MAX, POINTS_MAX, History
from plantctl.history.reading.table import Column, Holds, Table, points_table, quality_columns
from plantctl.log.place import HISTORY_NAME, LOG_NAME, folder_of, records_beside
from plantctl.log.storage import ReadOnlyFolder

Moment = datetime | str | int
AGGREGATES: Final = {"mean": "mean", "min": "low", "max": "high", "first": "first", "last": "last", "count": "count"}
LIBRARIES: Final = ("polars", "pandas", "arrow")
SPANS_MAX: Final = 5_000_000


class ReadRefused(PlantctlError):
    """What was asked of `read` cannot be done as it was put; the message says what is wrong with it."""


def read(
    place: str | Path,
    tags: str | Sequence[str],
    start: Moment,
    end: Moment,
    every: str | timedelta | int | None = None,
    agg: str | Sequence[str] = "mean",
    *,
    wide: bool = False,
    to: str = "polars",
) -> Any:
    """What was recorded of some tags from `start` to `end`, the end left out, as a data frame.

    `place` is a plant's state folder, or the name of a plant of this user. Times are aware datetimes, texts with a
    zone, or ns of UTC. Without `every`, a row a point: tag, utc, until (up to when it was in force; before the next
    point: a gap), value, quality, quality_word, source. With `every` (`"1min"`, a timedelta, ns), a row a span: tag,
    utc (where it begins), a column for each of `agg` (mean, min, max, first, last, count) of good values alone, `good`
    (the share of the span that was), quality (the worst in it), quality_word; null where nothing was good. `wide` has a
    column a tag instead, a row a span: `40-FI-4013 [L/h]`, with its share and quality beside it. `to` is polars, pandas
    or arrow.

    Raises `ReadRefused`, `UnknownTag`, `NothingAsked`, and `LibraryMissing` where the library is not installed. A piece
    of the record that is damaged counts as not known.
    """
    if to not in LIBRARIES:
        raise ReadRefused(f"to: one of {', '.join(LIBRARIES)}, not `{to}`")
    history, names = _history(place), [tags] if isinstance(tags, str) else list(dict.fromkeys(tags))
    if not names or not all(isinstance(name, str) for name in names):
        raise ReadRefused("tags: name at least one, each a text")
    start_ns, end_ns = _moment_ns("start", start), _moment_ns("end", end)
    if start_ns >= end_ns:
        told = f"it begins at {moment_text(start_ns, 9)} and ends at {moment_text(end_ns, 9)}"
        raise ReadRefused(f"the span has no length: {told}")
    if every is None:
        if agg != "mean":
            raise ReadRefused("agg: without `every` there is a row a point, and nothing to put together; name `every`")
        if wide:
            raise ReadRefused("wide: points of several tags are of different times; name `every`")
        series = [(name, history.raw(name, start_ns, end_ns, 100 * POINTS_MAX)) for name in names]
        return _made(points_table(series), to)
    width_ns = _width_ns(every)
    chosen = [agg] if isinstance(agg, str) else list(dict.fromkeys(agg))
    unknown = [each for each in chosen if each not in AGGREGATES]
    if unknown or not chosen:
        raise ReadRefused(f"agg: of {', '.join(AGGREGATES)}, not `{', '.join(unknown)}`")
    if -(-(end_ns - start_ns) // width_ns) > SPANS_MAX:
        raise ReadRefused(f"every: more than {SPANS_MAX} spans")
    found = [
        (name, history.names.point(name).unit, _spans(history, name, start_ns, end_ns, width_ns)) for name in names
    ]
    return _made((_wide if wide else _long)(found, chosen, width_ns), to)


def _spans(history: History, tag: str, start_ns: int, end_ns: int, width_ns: int) -> Buckets:
    begin_ns = np.arange(start_ns, end_ns, width_ns, dtype=np.int64)
    parts = [begin_ns[at : at + BUCKETS_MAX] for at in range(0, len(begin_ns), BUCKETS_MAX)]
    return joined([history.spans(tag, part, width_ns, good=True) for part in parts])


Found = list[tuple[str, str, Buckets]]


def _long(found: Found, chosen: list[str], width_ns: int) -> Table:
    """A row a span, tag after tag."""
    every = joined([each for *_, each in found])
    rows = len(found[0][2])
    units = tuple(dict.fromkeys(unit for _, unit, _ in found))
    columns = [
        Column("tag", Holds.WORDS, np.repeat(np.arange(len(found)), rows), words=tuple(name for name, *_ in found))
    ]
    if len(units) > 1:
        places = np.repeat(np.array([units.index(unit) for _, unit, _ in found], np.int64), rows)
        columns.append(Column("unit", Holds.WORDS, places, words=units))
    columns.append(Column("utc", Holds.UTC, every.begin_ns))
    columns += [_column(every, each, each, units[0] if len(units) == 1 else "") for each in chosen]
    columns.append(Column("good", Holds.NUMBER, every.known_ns / width_ns))
    return Table((*columns, *quality_columns(every.quality, every.told)))


def _wide(found: Found, chosen: list[str], width_ns: int) -> Table:
    """A row a span, a column a tag, with the share that was good and the worst quality beside it."""
    columns = [Column("utc", Holds.UTC, found[0][2].begin_ns)]
    for name, unit, spans in found:
        columns += [_column(spans, each, name if len(chosen) == 1 else f"{name} {each}", unit) for each in chosen]
        columns.append(Column(f"{name} good", Holds.NUMBER, spans.known_ns / width_ns))
        words, _ = quality_columns(spans.quality, spans.told)
        columns.append(Column(f"{name} quality", Holds.WORDS, words.data, words=words.words, there=words.there))
    return Table(tuple(columns))


def _column(spans: Buckets, agg: str, name: str, unit: str) -> Column:
    data = getattr(spans, AGGREGATES[agg])
    if agg == "count":
        return Column(name, Holds.COUNT, np.where(spans.told, data, 0))
    return Column(name, Holds.NUMBER, data, unit, there=spans.told & ~np.isnan(data))


# ------------------------------------------------------------------------------------------------ what was asked


def _history(place: str | Path) -> History:
    folder = Path(place)
    if not folder.is_dir() and isinstance(place, str) and folder.name == place:
        folder = folder_of(place)
    log = folder / LOG_NAME if (folder / LOG_NAME).is_dir() else folder
    if not log.is_dir():
        wanted = "name a plant's state folder, or a plant of this user"
        raise ReadRefused(f"there is no record at {folder}: {wanted}{records_beside(folder)}")
    return History(ReadOnlyFolder(log), ReadOnlyFolder(log.parent / HISTORY_NAME))


def _moment_ns(what: str, moment: Moment) -> int:
    try:
        if isinstance(moment, str | datetime):
            return time_in(moment) if isinstance(moment, str) else within(utc_ns_of(moment), moment)
        return within(index(moment), moment)  # numpy's integers as well
    except ValueError as error:
        raise ReadRefused(f"{what}: {error}") from None
    except TypeError:
        forms = "an aware datetime, a text with its zone or whole ns of UTC"
        raise ReadRefused(f"{what}: {forms}, not {moment!r} ({type(moment).__name__})") from None


def _width_ns(every: str | timedelta | int) -> int:
    try:
        if isinstance(every, str):
            width_ns = parse_duration_ns(every)
        elif isinstance(every, timedelta):
            width_ns = every // timedelta(microseconds=1) * 1000
        else:
            width_ns = index(every)
    except UnitError as error:
        raise ReadRefused(f"every: {error}") from error
    except TypeError:
        raise ReadRefused(f"every: a text as 1min, a timedelta or whole ns, not {every!r}") from None
    if width_ns <= 0:
        raise ReadRefused("every: a span is longer than nothing")
    return width_ns


# ------------------------------------------------------------------------------------------------ frames


def _made(table: Table, to: str) -> Any:
    if to == "arrow":
        return arrow_table(table)
    return _polars(table) if to == "polars" else _pandas(table)


def _polars(table: Table) -> Any:
    try:
        import polars as pl
    except ImportError as error:
        raise LibraryMissing("this needs polars, which is not installed here: pip install polars") from error

    def series(column: Column) -> Any:
        if column.holds is Holds.WORDS:
            made = pl.Series(column.head, column.data, pl.UInt32)
            words = pl.Series(column.words, dtype=pl.String)
            made = (
                words.gather(made).alias(column.head).cast(pl.Categorical)
                if len(column.words)
                else made.cast(pl.String)
            )
        elif column.holds is Holds.UTC:
            made = pl.Series(column.head, column.data, pl.Int64).cast(pl.Datetime("ns", "UTC"))
        else:
            made = pl.Series(column.head, column.data)
        if column.there is None:
            return made
        return pl.select(pl.when(pl.Series(column.there)).then(made).alias(column.head)).to_series()

    return pl.DataFrame([series(column) for column in table.columns])


def _pandas(table: Table) -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise LibraryMissing("this needs pandas, which is not installed here: pip install pandas") from error

    def series(column: Column) -> Any:
        missing = np.zeros(len(column.data), np.bool_) if column.there is None else ~column.there
        if column.holds is Holds.WORDS:
            return pd.Categorical.from_codes(np.where(missing, -1, column.data), list(column.words))
        if column.holds is Holds.UTC:
            times = pd.Series(column.data.astype("datetime64[ns]")).dt.tz_localize("UTC")
            return times.mask(missing) if missing.any() else times
        if column.holds is Holds.NUMBER:
            return np.where(missing, np.nan, column.data)
        return (
            pd.array(column.data, dtype="Int64")
            if not missing.any()
            else pd.array(
                [None if gone else n for n, gone in zip(column.data.tolist(), missing.tolist(), strict=True)],
                dtype="Int64",
            )
        )

    frame = pd.DataFrame({column.head: series(column) for column in table.columns})
    frame.attrs["units"] = {column.head: column.unit for column in table.columns if column.unit}
    return frame
