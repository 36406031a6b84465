"""Rows in SQLite: tag, time, value, quality of what changed; WAL, synchronous=FULL, one transaction a second."""

import sqlite3
import time


class SqliteRows:
    """With a primary key of tag and time, or appended and indexed afterwards."""

    every = text = False

    def __init__(self, folder, tags, key):
        self.label = "sqlite rows, primary key" if key else "sqlite rows, appended, index afterwards"
        self.path = folder / "rows.db"
        self.base = sqlite3.connect(self.path, isolation_level=None)
        self.base.execute("pragma journal_mode = wal")
        self.base.execute("pragma synchronous = full")
        self.key = key
        tail = ", primary key (tag, ts)) without rowid" if key else ")"
        self.base.execute(f"create table r (tag integer, ts integer, value real, quality integer{tail}")
        self.base.execute("begin")
        self.took_ms = []

    def scan(self, utc_ns, which, values, second):
        rows = zip(which.tolist(), [utc_ns] * len(which), values.tolist(), [0] * len(which), strict=True)
        self.base.executemany("insert into r values (?, ?, ?, ?)", rows)
        if second:
            begin = time.perf_counter()
            self.base.execute("commit")
            self.took_ms.append((time.perf_counter() - begin) * 1e3)
            self.base.execute("begin")

    def finish(self):
        self.base.execute("commit")
        if not self.key:
            self.base.execute("create index i on r (tag, ts)")
        self.base.execute("pragma wal_checkpoint(truncate)")

    def settle(self):
        """Nothing is left to do."""

    def bytes(self):
        return {"bytes": self.path.stat().st_size}

    def query(self, tag):
        return self.base.execute("select ts, value, quality from r where tag = ? order by ts", (tag,)).fetchall()

    def points(self, answer):
        return [row[0] for row in answer], [row[1] for row in answer]

    def other_queries(self):
        return {}

    def cpu_s(self):
        return 0.0

    def close(self):
        self.base.close()
