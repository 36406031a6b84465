"""The ways in which a plant's past can be asked for, each told in the same words: `Point`, `Span`, `Figure`.

A way has `offers` (kinds of question), `step_ns` (how finely it tells times) and `ask(question)`; those over a network
are in `answering_servers`. Tables are read by other people's libraries: `csv`, pyarrow, polars, pandas.
"""

import contextlib
import csv
import io
import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np

import plantctl.history
from plantctl.cli.main import main
from plantctl.core.quality import NOT_YET, describe
from plantctl.history.reading.query import History
from plantctl.log.storage import ReadOnlyFolder
from tests.plain_history import NOT_TOLD, Figure, Point, Span

US = 1_000
KINDS = ("raw", "at", "last", "trend", "average", "total")


def opened(place):
    return History(ReadOnlyFolder(place / "log"), ReadOnlyFolder(place / "history"))


def ns_of(text):
    """A time as files tell it."""
    if not text:
        return 0
    whole, _, part = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 1_000_000_000 + int(part.ljust(9, "0") or 0)


def utc_of(utc_ns):
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc_ns // 1000)).isoformat()


# ------------------------------------------------------------------------------------------------ tables


def from_table(kind, columns, width_ns=None):
    """What a table tells, `columns` by name: lists, None where nothing is there, times in ns."""

    def get(name):
        return columns[name] if name in columns else next(c for n, c in columns.items() if n.startswith(name + " ["))

    if kind in ("raw", "at", "last"):
        rows = zip(get("utc"), get("until"), get("value"), get("quality_word"), get("source"), strict=True)
        return [Point(t, u if kind == "raw" else None, _nan(v), q, s or 0) for t, u, v, q, s in rows]
    if kind in ("average", "total"):
        (value,), (good,), (count,), (quality,) = (get(n) for n in ("value", "good", "count", "quality_word"))
        return Figure(_none(value), good, count, quality)
    names = ("utc", "min", "max", "mean", "first", "last", "count", "good" if kind == "spans" else "known")
    return [Span(*map(_none, row)) for row in zip(*map(get, names), get("quality_word"), strict=True)]


def _nan(value):
    return math.nan if value is None else value


def _none(value):
    return None if isinstance(value, float) and math.isnan(value) else value


def csv_columns(text):
    """A CSV as columns."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    found = {}
    for name, column in zip(rows[0], zip(*rows[1:], strict=True) if rows[1:] else [()] * len(rows[0]), strict=True):
        if name in ("utc", "until", "source"):
            found[name] = [ns_of(cell) for cell in column]
        elif name in ("count", "quality_word"):
            found[name] = [int(cell) if cell else None for cell in column]
        elif name in ("tag", "quality", "unit"):
            found[name] = list(column)
        else:
            found[name] = [float(cell) if cell else None for cell in column]
    return found


def arrow_columns(table):
    """A pyarrow table as columns."""
    import pyarrow as pa

    times = {name for name in table.column_names if pa.types.is_timestamp(table.schema.field(name).type)}
    return {
        name: (table[name].cast(pa.int64()) if name in times else table[name]).to_pylist()
        for name in table.column_names
    }


def polars_columns(frame):
    import polars as pl

    return {
        name: frame[name].cast(pl.Int64).to_list() if isinstance(kind, pl.Datetime) else frame[name].to_list()
        for name, kind in frame.schema.items()
    }


def pandas_columns(frame):
    found = {}
    for name in frame.columns:
        column = frame[name]
        if str(column.dtype).startswith("datetime64"):
            numbers = column.astype("int64").tolist()
            found[name] = [None if gone else n for n, gone in zip(numbers, column.isna().tolist(), strict=True)]
        else:
            found[name] = column.astype(object).where(column.notna(), None).tolist()
    return found


def file_columns(path):
    """What a file of `plantctl history --out` holds."""
    if path.suffix == ".csv":
        return csv_columns(path.read_bytes().decode())
    import pyarrow as pa
    import pyarrow.parquet

    if path.suffix == ".parquet":
        return arrow_columns(pa.parquet.read_table(path, use_threads=False))
    return arrow_columns(pa.ipc.open_stream(path.read_bytes()).read_all())


# ------------------------------------------------------------------------------------------------ JSON


def from_json(kind, told):
    """What the JSON of HTTP tells of a tag, and that of the verb, which has a row of None where a gap begins."""
    if kind in ("average", "total"):
        return Figure(told["value"], told["good"], told["count"], told["quality"])
    times = [int(t) for t in told["t"]]
    if kind == "trend":
        return _spans_json(told, times)
    until = [int(t) for t in told["until"]] if "until" in told else [None] * len(times)
    found = []
    for t, u, v, q, s in zip(times, until, told["value"], told["quality"], told["source"], strict=True):
        if q is None:
            found[-1] = found[-1]._replace(until_ns=t)
        else:
            found.append(Point(t, u, _nan(v), q, int(s)))
    return found


def _spans_json(told, times):
    names = ("min", "max", "mean", "first", "last", "count", "known", "quality")
    found = []
    for t, *row in zip(times, *(told[name] for name in names), strict=True):
        span = Span(t, *row)
        # HTTP has a word of quality also for what nothing is told of: not yet.
        nothing = span.known == 0 and span.count == 0 and span.low is None and span.quality in (None, NOT_YET)
        found.append(span._replace(quality=None) if nothing else span)
    return found


# ------------------------------------------------------------------------------------------------ Python


class Questions:
    """`plantctl.history.reading.query.History`."""

    name, offers, step_ns = "query", (*KINDS, "spans"), 1

    def __init__(self, place):
        self.history = opened(place)

    def ask(self, question):
        h, kind, tag, given = self.history, question.kind, question.tag, question.arguments
        if kind == "raw":
            return self.points(h.raw(tag, *given))
        if kind in ("at", "last"):
            state = h.at(tag, [given[0]])[0] if kind == "at" else h.last(tag, *given)
            return [] if state is None else [Point(state[0], None, *state[1:])]
        if kind in ("average", "total"):
            found = getattr(h, kind)(tag, *given)
            return Figure(_none(found.value), found.good, found.count, found.quality)
        if kind == "trend":
            found = h.trend(tag, *given)
            return self.buckets(found.buckets, found.width_ns)
        start_ns, end_ns, width_ns = given
        return self.buckets(h.spans(tag, np.arange(start_ns, end_ns, width_ns), width_ns, good=True), width_ns)

    @staticmethod
    def points(series):
        columns = (series.utc_ns, series.until_ns, series.value, series.quality, series.source_ns)
        return [Point(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]

    @staticmethod
    def buckets(found, width_ns):
        columns = (found.begin_ns, found.low, found.high, found.mean, found.first, found.last, found.count)
        made = []
        for told, quality, known_ns, *row in zip(
            *(c.tolist() for c in (found.told, found.quality, found.known_ns, *columns)), strict=True
        ):
            span = Span(*map(_none, row), known_ns / width_ns, quality)
            made.append(span if told else Span(row[0], *[None] * 5, 0, 0.0, None))
        return made


class Pages(Questions):
    """The same, page by page."""

    name, offers = "pages", ("raw",)

    def __init__(self, place, limit=777):
        super().__init__(place)
        self.limit = limit

    def ask(self, question):
        found, token, asked = [], "", False
        while token or not asked:
            page = self.history.page(question.tag, *question.arguments, limit=self.limit, token=token)
            found += self.points(page.series)
            token, asked = page.token, True
        return found


class Frames:
    """`plantctl.history.read` to polars, pandas or arrow."""

    offers, step_ns = ("raw", "spans"), 1

    def __init__(self, place, to):
        self.place, self.to, self.name = place, to, f"read, {to}"
        self.columns = {"polars": polars_columns, "pandas": pandas_columns, "arrow": arrow_columns}[to]

    def ask(self, question):
        given = question.arguments
        if question.kind == "raw":
            return from_table("raw", self.columns(plantctl.history.read(self.place, question.tag, *given, to=self.to)))
        agg = ["min", "max", "mean", "first", "last", "count"]
        frame = plantctl.history.read(self.place, question.tag, *given, agg, to=self.to)
        return from_table("spans", self.columns(frame))


# ------------------------------------------------------------------------------------------------ the verbs


class Verb:
    """`plantctl history`: `form` is `--json`, `--csv`, or the ending of a file."""

    offers = ("raw", "at", "trend", "average", "total")

    def __init__(self, place, form, folder=None):
        self.place, self.form, self.folder = place, form, folder
        self.name = f"plantctl history {form}"
        self.step_ns = 1

    def ask(self, question):
        words = ["history", question.tag, "--from", str(self.place)]
        if question.kind == "at":
            words += ["--at", utc_of(question.arguments[0])]
        else:
            words += ["--since", utc_of(question.arguments[0]), "--until", utc_of(question.arguments[1])]
        if question.kind == "trend":
            words += ["--points", str(question.arguments[2])]
        elif question.kind in ("average", "total"):
            words.append(f"--{question.kind}")
        if not self.form.startswith("--"):
            path = self.folder / f"found{self.form}"
            said(*words, "--out", str(path))
            if self.form == ".json":
                return from_json(question.kind, json.loads(path.read_text())[question.tag])
            return from_table(question.kind, file_columns(path))
        out = said(*words, self.form)
        if self.form == "--json":
            return from_json(question.kind, json.loads(out)[question.tag])
        return self._csv(question.kind, list(csv.DictReader(io.StringIO(out))))

    @staticmethod
    def _csv(kind, rows):
        if kind in ("average", "total"):
            (row,) = rows
            good = float(row["good"])
            value = float(row["value"])
            return Figure(_none(value), good, int(row["count"]), _Word(row["quality"]))
        if kind == "trend":
            return [
                Span(
                    ns_of(r["utc"]),
                    *(float(r[n]) if r[n] else None for n in ("min", "max", "mean")),
                    NOT_TOLD,
                    NOT_TOLD,
                    int(r["count"]),
                    float(r["known"]),
                    _Word(r["quality"]) if r["quality"] != "nothing recorded" else None,
                )
                for r in rows
            ]
        return [
            Point(ns_of(r["utc"]), None, float(r["value"]), _Word(r["quality"]), ns_of(r["source_utc"])) for r in rows
        ]


class _Word(str):
    """A quality in words, equal to every number that is told so."""

    __slots__ = ()

    def __eq__(self, other):
        return str(self) == (describe(other) if isinstance(other, int) else other)

    __hash__ = str.__hash__


def said(*words):
    """What a verb prints."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(words))
    assert code == 0, (words, code, err.getvalue())
    return out.getvalue()
