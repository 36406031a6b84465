"""Files of Parquet, one for each minute of what changed, sorted by tag; then merged into one, as a nightly job would.

Zstd, times as differences, the rest with dictionaries: the smallest of what was tried (BYTE_STREAM_SPLIT for the values
takes twice as much here). Nothing of a minute is on the disk before its file is. A query reads the row groups that hold
the tag by their statistics, which are read once.
"""

import os
import time

import numpy as np

from benchmarks.history_peers import wanted

FILE_S = 60
GROUP_ROWS = 1 << 14


class ParquetFiles:
    """Rows of tag, time, value and quality."""

    label = "parquet files, one a minute, merged afterwards"
    every = text = False

    def __init__(self, folder, tags):
        self.arrow, self.parquet = wanted("pyarrow"), wanted("pyarrow.parquet")
        self.folder = folder
        self.parts = []
        self.seconds = self.files = 0
        self.took_ms = []

    def scan(self, utc_ns, which, values, second):
        self.parts.append((which, np.full(len(which), utc_ns), values))
        self.seconds += second
        if second and self.seconds % FILE_S == 0:
            self._write()

    def _write(self):
        begin = time.perf_counter()
        tag, ts, value = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        order = np.argsort(tag, kind="stable")
        columns = {"tag": tag[order].astype(np.int32), "ts": ts[order], "value": value[order]}
        columns["quality"] = np.zeros(len(tag), np.uint16)
        self._keep(self.arrow.table(columns), f"minute-{self.files:06d}.parquet")
        self.parts, self.files = [], self.files + 1
        self.took_ms.append((time.perf_counter() - begin) * 1e3)

    def _keep(self, table, name):
        with (self.folder / name).open("wb") as file:
            self.parquet.write_table(
                table,
                file,
                compression="zstd",
                row_group_size=GROUP_ROWS,
                use_dictionary=["tag", "value", "quality"],
                column_encoding={"ts": "DELTA_BINARY_PACKED"},
            )
            file.flush()
            os.fdatasync(file.fileno())

    def finish(self):
        if self.parts:
            self._write()

    def settle(self):
        minutes = [self.parquet.read_table(path) for path in sorted(self.folder.glob("minute-*"))]
        self._keep(
            self.arrow.concat_tables(minutes).sort_by([("tag", "ascending"), ("ts", "ascending")]), "all.parquet"
        )
        self.file = self.parquet.ParquetFile(self.folder / "all.parquet")
        groups = [self.file.metadata.row_group(k).column(0).statistics for k in range(self.file.num_row_groups)]
        self.first, self.last = np.array([g.min for g in groups]), np.array([g.max for g in groups])

    def bytes(self):
        minutes = sum(path.stat().st_size for path in self.folder.glob("minute-*"))
        return {"bytes": (self.folder / "all.parquet").stat().st_size, "unmerged": minutes}

    def query(self, tag):
        groups = np.flatnonzero((self.first <= tag) & (self.last >= tag)).tolist()
        if not groups:
            return np.zeros(0, np.int64), np.zeros(0)
        table = self.file.read_row_groups(groups, columns=["tag", "ts", "value", "quality"], use_threads=False)
        tags = table["tag"].to_numpy()
        begin, end = tags.searchsorted((tag, tag + 1))
        return table["ts"].to_numpy()[begin:end], table["value"].to_numpy()[begin:end]

    def points(self, answer):
        return answer

    def other_queries(self):
        return {}

    def cpu_s(self):
        return 0.0

    def close(self):
        self.file.close()
