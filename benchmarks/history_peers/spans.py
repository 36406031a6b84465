"""Other ways of keeping what `history_spans.py` asks about: one holder a class, each asked in its quickest way.

    keep(tag, utc_ns, value)                the samples of a tag, ascending
    keep_minutes(tag, begin_ns, low, high)  a table of minutes of it, as a user of it would keep beside
    finish()                                all that came is stored, sorted or merged, and can be asked for
    raw(tags, start_ns, end_ns)             a list of times and values, a pair a tag
    pixels(tags, start_ns, end_ns, number)  a list of smallest and largest values in `number` spans, a pair a tag
    year(tag, start_ns, end_ns, number)     the same of one tag from its table of minutes, which nobody else has to make
    forget()                                closes it and drops its files from the memory of the system
    begin()                                 opens it again

`all_that_was`: it takes tens of millions of samples in less than a minute, and so is given all that we have.

A server is running again when `begin` returns, and connected; what a library does to open its file is counted with the
first question. Every answer ends with numbers in Python: columns where the peer gives columns, else its rows.
"""

import os
import sqlite3
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.history_peers import wanted
from benchmarks.history_peers.victoria_metrics import MS, VictoriaMetrics


def drop(folder):
    """Drops the files of a folder from the memory of the system."""
    os.sync()
    for at, _, names in os.walk(folder):
        for name in names:
            file = os.open(Path(at) / name, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


class SqliteSpans:
    """Rows with a primary key of tag and time, and no others."""

    label = "sqlite"
    all_that_was = False

    def __init__(self, folder):
        self.folder = folder
        self.begin()
        columns = "tag integer, ts integer, value real, quality integer, primary key (tag, ts)"
        self.base.execute(f"create table r ({columns}) without rowid")
        minutes = "tag integer, ts integer, low real, high real, primary key (tag, ts)"
        self.base.execute(f"create table m ({minutes}) without rowid")

    def begin(self):
        self.base = sqlite3.connect(self.folder / "rows.db")

    def forget(self):
        self.base.close()
        drop(self.folder)

    def keep(self, tag, utc_ns, value):
        rows = zip([tag] * len(value), utc_ns.tolist(), value.tolist(), [0] * len(value), strict=True)
        self.base.executemany("insert into r values (?, ?, ?, ?)", rows)

    def keep_minutes(self, tag, begin_ns, low, high):
        rows = zip([tag] * len(low), begin_ns.tolist(), low.tolist(), high.tolist(), strict=True)
        self.base.executemany("insert into m values (?, ?, ?, ?)", rows)

    def finish(self):
        self.base.commit()
        self.base.execute("analyze")

    def raw(self, tags, start_ns, end_ns):
        asked = "select ts, value, quality from r where tag = ? and ts >= ? and ts < ?"
        return [self.base.execute(asked, (tag, start_ns, end_ns)).fetchall() for tag in tags]

    def pixels(self, tags, start_ns, end_ns, number):
        return [self._spans("min(value), max(value) from r", tag, start_ns, end_ns, number) for tag in tags]

    def year(self, tag, start_ns, end_ns, number):
        return self._spans("min(low), max(high) from m", tag, start_ns, end_ns, number)

    def _spans(self, what, tag, start_ns, end_ns, number):
        width_ns = (end_ns - start_ns) // number
        asked = f"select {what} where tag = ? and ts >= ? and ts < ? group by (ts - ?) / ? order by ts"
        return self.base.execute(asked, (tag, start_ns, end_ns, start_ns, width_ns)).fetchall()

    def close(self):
        self.base.close()


class DuckdbSpans:
    """Rows sorted by tag and time, which is what its zone maps want."""

    label = "duckdb"
    all_that_was = True

    def __init__(self, folder):
        self.duckdb = wanted("duckdb")
        self.folder = folder
        self.begin()
        self.base.execute("create table r (tag integer, ts bigint, value double, quality usmallint)")
        self.base.execute("create table m (tag integer, ts bigint, low double, high double)")

    def begin(self):
        self.base = self.duckdb.connect(str(self.folder / "rows.db"))

    def forget(self):
        self.base.close()
        drop(self.folder)

    def keep(self, tag, utc_ns, value):
        batch = {"tag": np.full(len(value), tag, np.int32), "ts": utc_ns, "value": value}
        batch["quality"] = np.zeros(len(value), np.uint16)
        self.base.execute("insert into r select * from batch")

    def keep_minutes(self, tag, begin_ns, low, high):
        batch = {"tag": np.full(len(low), tag, np.int32), "ts": begin_ns, "low": low, "high": high}  # noqa: F841
        self.base.execute("insert into m select * from batch")

    def finish(self):
        self.base.execute("checkpoint")

    def raw(self, tags, start_ns, end_ns):
        asked = "select tag, ts, value, quality from r where tag in ({}) and ts >= ? and ts < ? order by tag, ts"
        found = self._found(asked, tags, start_ns, end_ns)
        return _cut(found["tag"], tags, found["ts"], found["value"])

    def pixels(self, tags, start_ns, end_ns, number):
        what = f"(ts - {start_ns}) // {(end_ns - start_ns) // number}"
        asked = f"select tag, {what} as k, min(value) as low, max(value) as high from r where tag in ({{}})"
        found = self._found(f"{asked} and ts >= ? and ts < ? group by tag, k order by tag, k", tags, start_ns, end_ns)
        return _cut(found["tag"], tags, found["low"], found["high"])

    def year(self, tag, start_ns, end_ns, number):
        what = f"(ts - {start_ns}) // {(end_ns - start_ns) // number}"
        asked = f"select {what} as k, min(low) as low, max(high) as high from m where tag in ({{}})"
        found = self._found(f"{asked} and ts >= ? and ts < ? group by k order by k", [tag], start_ns, end_ns)
        return found["low"], found["high"]

    def _found(self, asked, tags, start_ns, end_ns):
        return self.base.execute(asked.format(", ".join(map(str, tags))), [start_ns, end_ns]).fetchnumpy()

    def close(self):
        self.base.close()


class ParquetSpans:
    """A file of rows and one of minutes, sorted by tag and time; row groups are chosen by their statistics."""

    label = "parquet"
    all_that_was = True
    group_rows = 1 << 16

    def __init__(self, folder):
        self.arrow, self.parquet = wanted("pyarrow"), wanted("pyarrow.parquet")
        self.folder = folder
        self.parts = {"rows": [], "minutes": []}

    def keep(self, tag, utc_ns, value):
        columns = {"tag": np.full(len(value), tag, np.int32), "ts": utc_ns, "value": value}
        self.parts["rows"].append(columns | {"quality": np.zeros(len(value), np.uint16)})

    def keep_minutes(self, tag, begin_ns, low, high):
        columns = {"tag": np.full(len(low), tag, np.int32), "ts": begin_ns, "low": low, "high": high}
        self.parts["minutes"].append(columns)

    def finish(self):
        for name, parts in self.parts.items():
            if parts:
                table = self.arrow.concat_tables([self.arrow.table(each) for each in parts])
                others = [column for column in table.column_names if column != "ts"]
                settings = {"use_dictionary": others, "column_encoding": {"ts": "DELTA_BINARY_PACKED"}}
                path = self.folder / f"{name}.parquet"
                self.parquet.write_table(table, path, compression="zstd", row_group_size=self.group_rows, **settings)
        self.parts = {}
        self.begin()

    def begin(self):
        self.files = {}

    def forget(self):
        drop(self.folder)

    def _table(self, name, tags, start_ns, end_ns):
        if name not in self.files:
            file = self.parquet.ParquetFile(self.folder / f"{name}.parquet")
            groups = [file.metadata.row_group(k) for k in range(file.num_row_groups)]
            stats = [(g.column(0).statistics, g.column(1).statistics) for g in groups]
            self.files[name] = file, np.array([(t.min, t.max, s.min, s.max) for t, s in stats])
        file, bounds = self.files[name]
        wanted_tags = np.array(tags)
        first, last, low, high = bounds.T
        some = ((first <= wanted_tags.max()) & (last >= wanted_tags.min())) & ~(
            (first == last) & ((high < start_ns) | (low >= end_ns))
        )
        table = file.read_row_groups(np.flatnonzero(some).tolist(), use_threads=True)
        columns = {column: table[column].to_numpy() for column in table.column_names}
        inside = (columns["ts"] >= start_ns) & (columns["ts"] < end_ns) & np.isin(columns["tag"], wanted_tags)
        return {name: column[inside] for name, column in columns.items()}

    def raw(self, tags, start_ns, end_ns):
        found = self._table("rows", tags, start_ns, end_ns)
        return _cut(found["tag"], tags, found["ts"], found["value"])

    def pixels(self, tags, start_ns, end_ns, number):
        width_ns = (end_ns - start_ns) // number
        pairs = self.raw(tags, start_ns, end_ns)
        return [_spans((ts - start_ns) // width_ns, value, value) for ts, value in pairs]

    def year(self, tag, start_ns, end_ns, number):
        found = self._table("minutes", [tag], start_ns, end_ns)
        width_ns = (end_ns - start_ns) // number
        return _spans((found["ts"] - start_ns) // width_ns, found["low"], found["high"])

    def close(self):
        self.files = {}


class VictoriaSpans:
    """A server; samples as series `T`, minutes as two series, since it keeps one number a time."""

    label = "VictoriaMetrics"
    all_that_was = False

    def __init__(self, folder):
        self.folder = folder
        self.begin()

    def begin(self):
        self.server = VictoriaMetrics(self.folder, 0, True)
        self.asking = self.server.asking

    def forget(self):
        self.server.close()
        drop(self.folder)

    def keep(self, tag, utc_ns, value, name="T"):
        for at in range(0, len(value), 100_000):
            part = slice(at, at + 100_000)
            metric = {"__name__": name, "tag": str(tag)}
            line = {"metric": metric, "values": value[part].tolist(), "timestamps": (utc_ns[part] // MS).tolist()}
            self.asking.ask("POST", "/api/v1/import", msgspec.json.encode(line))

    def keep_minutes(self, tag, begin_ns, low, high):
        self.keep(tag, begin_ns, low, "low")
        self.keep(tag, begin_ns, high, "high")

    def finish(self):
        for path in ("/internal/force_flush", "/internal/force_merge"):
            self.asking.ask("GET", path)
        self.server._lives_for(5.0)  # it merges behind the answer

    def raw(self, tags, start_ns, end_ns):
        match = f"T%7Btag%3D~%22{'%7C'.join(map(str, tags))}%22%7D"
        path = f"/api/v1/export?match%5B%5D={match}&start={start_ns / 1e9}&end={(end_ns - 1) / 1e9}&reduce_mem_usage=1"
        lines = [msgspec.json.decode(line, type=_Exported) for line in self.asking.ask("GET", path).splitlines()]
        blocks = {str(tag): [] for tag in tags}  # a series comes in several, in any order
        for line in sorted(lines, key=lambda line: line.timestamps[0]):
            blocks[line.metric["tag"]].append((np.array(line.timestamps) * MS, np.array(line.values)))
        return [tuple(map(np.concatenate, zip(*each, strict=True))) for each in blocks.values()]

    def pixels(self, tags, start_ns, end_ns, number):
        of = f"T%7Btag%3D~%22{'%7C'.join(map(str, tags))}%22%7D"
        low, high = (self._range(how, of, start_ns, end_ns, number) for how in ("min", "max"))
        return list(zip(low, high, strict=True))

    def year(self, tag, start_ns, end_ns, number):
        of = [f"{name}%7Btag%3D%22{tag}%22%7D" for name in ("low", "high")]
        low, high = (
            self._range(how, each, start_ns, end_ns, number)[0] for how, each in zip(("min", "max"), of, strict=True)
        )
        return low, high

    def _range(self, how, of, start_ns, end_ns, number):
        width_s = (end_ns - start_ns) // number / 1e9
        span = f"start={start_ns / 1e9 + width_s}&end={end_ns / 1e9}&step={width_s}&nocache=1"
        told = self.asking.ask("GET", f"/api/v1/query_range?query={how}_over_time({of}%5B{width_s}s%5D)&{span}")
        found = sorted(msgspec.json.decode(told, type=_Answer).data.result, key=lambda each: int(each.metric["tag"]))
        return [np.array([value for _, value in series.values], np.float64) for series in found]

    def close(self):
        self.server.close()


class _Exported(msgspec.Struct):
    metric: dict[str, str]
    values: list[float]
    timestamps: list[int]


class _Matrix(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[_Matrix]


class _Answer(msgspec.Struct):
    data: _Data


def _cut(tag, tags, *columns):
    """Columns that are sorted by tag, tag by tag."""
    begin, end = np.searchsorted(tag, tags), np.searchsorted(tag, tags, "right")
    return [tuple(c[b:e] for c in columns) for b, e in zip(begin.tolist(), end.tolist(), strict=True)]


def _spans(place, low, high):
    """The smallest and the largest of each span."""
    start = np.flatnonzero(np.concatenate(([True], place[1:] != place[:-1])))
    return np.minimum.reduceat(low, start), np.maximum.reduceat(high, start)


HOLDERS = (SqliteSpans, DuckdbSpans, ParquetSpans, VictoriaSpans)
