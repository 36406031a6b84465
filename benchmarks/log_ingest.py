"""What it costs to write a scan down: encode, append, drain, commit; beside rows in SQLite in the same run.

`python benchmarks/log_ingest.py [SCANS]` prints for plans of 40, 60 and 600 rows, half of them inputs, once with every
row changing in every scan and once with one in ten: the time from the image to the ring (in the scan), from the ring to
the file (in the recorder), of one commit a second with its fdatasync, bytes a row, and the share of a 100 ms tick. The
peer stores (tag, time, value, quality) in SQLite with WAL and synchronous=FULL, one transaction a second. Then reading:
one tag over all of it from both. CPU time (commits: elapsed), medians; good for comparing within one run only.
"""

import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.log.files import log_names
from plantctl.log.reader import tag_history
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames

SCAN_NS = 100_000_000
UTC_NS = 1_790_000_000_000_000_000
DRAIN_SCANS = 1  # as the app does


class Signals:
    """The columns of a plan whose rows change like noisy measurements."""

    def __init__(self, rows, share):
        self.rows = rows
        self.inputs = rows // 2
        self.share = share
        self.chance = np.random.default_rng(1)
        self.value = np.zeros(rows)
        self.quality = np.zeros(rows, np.uint16)
        self.receive_ns = np.zeros(rows, np.int64)
        self.source_ns = np.zeros(rows, np.int64)

    def move(self, mono_ns):
        """Changes the rows; returns which."""
        which = np.flatnonzero(self.chance.random(self.rows) < self.share)
        self.value[which] = np.round(self.chance.normal(size=len(which)), 2)
        fresh = which[which < self.inputs]
        self.receive_ns[fresh] = mono_ns
        self.source_ns[fresh] = mono_ns + UTC_NS
        return which


def log(folder, rows, share, scans):
    signals = Signals(rows, share)
    recorder = Recorder(FolderStorage(folder), "bench", {0xB0B0_B0B0_B0B0_B0B1: "plan"})
    first = recorder.open(UTC_NS) + 1
    buffer = bytearray(ring_bytes(rows, 10.0, signals.inputs))
    ring = RingWriter(buffer, 0xB0B0_B0B0_B0B0_B0B1, first)
    reader = RingReader(buffer, after=first - 1)
    columns = (signals.value, signals.quality, signals.receive_ns, signals.source_ns)
    every = range(rows)
    inputs, others = every[: signals.inputs], every[signals.inputs :]
    frames = ImageFrames(ring, *columns, inputs, others, every, 2, compiled=True)
    frames.start(0, 0, UTC_NS)
    into_ring, into_file, commits, written = [], [], [], 0
    for scan in range(1, scans + 1):
        mono_ns = scan * SCAN_NS
        signals.move(mono_ns)
        begin = time.thread_time_ns()
        written += frames.scan(scan, mono_ns, UTC_NS + mono_ns, (0.1, 0.0))
        into_ring.append(time.thread_time_ns() - begin)
        if scan % DRAIN_SCANS == 0:
            begin = time.thread_time_ns()
            recorder.drain(reader, mono_ns, UTC_NS + mono_ns)
            into_file.append((time.thread_time_ns() - begin) / DRAIN_SCANS)
        if scan % 10 == 0:
            begin = time.perf_counter_ns()
            recorder.commit(mono_ns, UTC_NS + mono_ns)
            commits.append(time.perf_counter_ns() - begin)
    recorder.close(mono_ns, UTC_NS + mono_ns)
    size = sum((folder / name).stat().st_size for name in log_names(recorder._storage.names()))
    return median(into_ring) / 1e3, median(into_file) / 1e3, median(commits) / 1e3, size / max(written, 1)


def sqlite_rows(path, rows, share, scans):
    signals = Signals(rows, share)
    base = sqlite3.connect(path, isolation_level=None)
    base.execute("pragma journal_mode = wal")
    base.execute("pragma synchronous = full")
    base.execute(
        "create table r (tag integer, ts integer, value real, quality integer, primary key (tag, ts)) without rowid"
    )
    insert, commits, written = [], [], 0
    base.execute("begin")
    for scan in range(1, scans + 1):
        mono_ns = scan * SCAN_NS
        which = signals.move(mono_ns)
        begin = time.thread_time_ns()
        values, qualities = signals.value[which].tolist(), signals.quality[which].tolist()
        base.executemany(
            "insert or replace into r values (?, ?, ?, ?)",
            [(t, UTC_NS + mono_ns, v, q) for t, v, q in zip(which.tolist(), values, qualities, strict=True)],
        )
        insert.append(time.thread_time_ns() - begin)
        written += len(which)
        if scan % 10 == 0:
            begin = time.perf_counter_ns()
            base.execute("commit")
            commits.append(time.perf_counter_ns() - begin)
            base.execute("begin")
    base.execute("commit")
    base.execute("pragma wal_checkpoint(truncate)")
    begin = time.perf_counter()
    count = len(base.execute("select ts, value, quality from r where tag = 1").fetchall())
    query = (time.perf_counter() - begin) * 1e3
    base.close()
    return median(insert) / 1e3, median(commits) / 1e3, path.stat().st_size / max(written, 1), query, count


def main():
    scans = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{scans} scans of 100 ms; us a scan, medians; share = of a 100 ms tick")
    print("              |            ours                                       | sqlite")
    print(
        "rows changing |  ring  file   share  commit  bytes/row  rows/s  read ms | insert  commit  bytes/row  read ms"
    )
    for rows in (40, 60, 600):
        for share in (1.0, 0.1):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                ring, file, commit, size = log(folder / "log", rows, share, scans)
                begin = time.perf_counter()
                found = len(list(tag_history(folder / "log", 1, 0, 1 << 62)))
                read = (time.perf_counter() - begin) * 1e3
                insert, base_commit, base_size, query, count = sqlite_rows(folder / "rows.db", rows, share, scans)
                assert found == count + 1, "the log holds what SQLite holds, and the row at the start"
                ours = f"{ring:5.1f} {file:5.1f} {(ring + file) / 1e5:7.3%} {commit:7.0f} {size:10.1f}"
                speed = rows * share / (ring + file)
                peer = f"{insert:6.0f} {base_commit:7.0f} {base_size:10.1f} {query:8.1f}"
                print(f"{rows:4} {share:8.0%} | {ours} {speed:6.1f}M {read:8.1f} | {peer}")


if __name__ == "__main__":
    main()
