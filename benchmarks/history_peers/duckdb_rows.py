"""Rows in DuckDB, each insert a transaction: once a second, all of it in one statement from numpy's columns.

After that a copy is made, sorted by tag and time: some 1.7 times as large, and two to four times as quick to ask.
`bytes` is the smaller of the two, and the copy is asked.
"""

import time

import numpy as np

from benchmarks.history_peers import wanted


class DuckdbRows:
    """Rows of tag, time, value and quality of what changed."""

    label = "duckdb rows, an insert a second"
    every = text = False

    def __init__(self, folder, tags):
        duckdb = wanted("duckdb")
        self.folder = folder
        self.base = duckdb.connect(str(folder / "rows.db"))
        self.base.execute("create table r (tag integer, ts bigint, value double, quality usmallint)")
        self.parts = []
        self.took_ms = []

    def scan(self, utc_ns, which, values, second):
        self.parts.append((which, np.full(len(which), utc_ns), values))
        if second:
            self._insert()

    def _insert(self):
        tag, ts, value = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        self.parts = []
        begin = time.perf_counter()
        batch = {  # noqa: F841, found by its name
            "tag": tag.astype(np.int32),
            "ts": ts,
            "value": value,
            "quality": np.zeros(len(tag), np.uint16),
        }
        self.base.execute("insert into r select * from batch")
        self.took_ms.append((time.perf_counter() - begin) * 1e3)

    def finish(self):
        if self.parts:
            self._insert()
        self.base.execute("checkpoint")

    def settle(self):
        self.base.execute(f"attach '{self.folder / 'sorted.db'}' as kept")
        self.base.execute("create table kept.r as select * from r order by tag, ts")
        self.base.execute("checkpoint kept")

    def bytes(self):
        as_inserted, by_tag = ((self.folder / name).stat().st_size for name in ("rows.db", "sorted.db"))
        return {"bytes": min(as_inserted, by_tag), "sorted": by_tag}

    def query(self, tag):
        return self.base.execute("select ts, value, quality from kept.r where tag = ? order by ts", [tag]).fetchnumpy()

    def points(self, answer):
        return answer["ts"], answer["value"]

    def other_queries(self):
        return {}

    def cpu_s(self):
        return 0.0

    def close(self):
        self.base.close()
