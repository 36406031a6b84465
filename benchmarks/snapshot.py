"""What a whole picture of a large plant costs a reader, and whether it is ever torn.

`python benchmarks/snapshot.py [SNAPSHOTS]` (100,000) has a process publish a segment of 50,000 rows (value, quality,
receive and source time: 26 bytes a row) over and over, every number of every column being that of the publication. The
reader takes snapshots, each of a publication it has not seen yet, and looks at every number of each one: a picture made
of two publications is torn. Goal: none. As a control the slot being filled is copied without asking, which must tear.

The time of `SegmentReader.take` is measured beside a plain numpy copy of the same bytes out of the same memory, taken
in turn, with a writer that publishes a thousand times a second. Goal: within 3 times, medians.
"""

import multiprocessing
import os
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._record import record
from plantctl.app.shared_memory import create, map_readable, map_writable, read_only
from plantctl.app.split.deadline import monotonic_ns, wait_until
from plantctl.core.segment import Column, Layout, SegmentReader, SegmentWriter

ROWS = 50_000
GOAL = 3.0
TIMED = 2_000
BLIND = 1_000
COLUMNS = (("v", "f8"), ("q", "u2"), ("receive_ns", "i8"), ("source_ns", "i8"))
LAYOUT = Layout("bench", tuple(Column(name, np.dtype(kind), ROWS) for name, kind in COLUMNS))
BYTES = sum(np.dtype(kind).itemsize for _, kind in COLUMNS) * ROWS
WORD = 0xFFFF  # what a quality holds of a number


def publish(descriptor, pause_ns, ended):
    """The writer: publish until told to end, with a pause after each time."""
    writer = SegmentWriter(map_writable(descriptor), LAYOUT, 1)
    writer.take_over(monotonic_ns())
    number = writer.sequence
    while not ended.is_set():
        number += 1
        for name, column in writer.live.items():
            column[:] = number & WORD if name == "q" else number
        writer.publish()
        if pause_ns:
            wait_until(monotonic_ns() + pause_ns)


class Writing:
    """A segment with its writer in another process, while the block runs; gives a reader."""

    def __init__(self, pause_ns):
        self._writable = create("bench", LAYOUT.bytes)
        self._readable = read_only(self._writable)
        self._ended = multiprocessing.Event()
        arguments = (self._writable, pause_ns, self._ended)
        self._child = multiprocessing.get_context("fork").Process(target=publish, args=arguments)

    def __enter__(self):
        self._child.start()
        reader = SegmentReader(map_readable(self._readable), LAYOUT)
        while not (reader.take() and reader.taken > 2):
            wait_until(monotonic_ns() + 1_000_000)
        return reader

    def __exit__(self, *_):
        self._ended.set()
        self._child.join(30)
        assert self._child.exitcode == 0
        os.close(self._readable)
        os.close(self._writable)


def torn(reader):
    """Whether the numbers of the snapshot are not all those of its publication."""
    number = reader.taken
    return any(not (c == (number & WORD if n == "q" else number)).all() for n, c in reader.columns.items())


def look(snapshots):
    """How many of so many snapshots were torn, beside a writer that never rests; how often it overtook a copy."""
    found = taken = 0
    with Writing(0) as reader:
        while taken < snapshots:
            last = reader.taken
            if reader.take() and reader.taken != last:
                taken += 1
                found += torn(reader)
        return found, reader.torn, blind(reader)


def blind(reader):
    """How many of some copies of whatever is being written are torn: that this test can see it."""
    found, copy = 0, np.zeros_like(reader._slots[0])
    for _ in range(BLIND):
        copy[:] = reader._slots[(reader.sequence + 1) & 1]
        v = LAYOUT.views(copy)["v"]
        found += not (v == v[0]).all() or not (LAYOUT.views(copy)["source_ns"] == v[0]).all()
    return found


def times():
    """Median ns of a snapshot, of a plain copy of the same bytes, and of a plain copy of 50,000 values alone."""
    ours, plain, values = [], [], []
    with Writing(1_000_000) as reader:
        spans = [slice(start, end) for start, end in LAYOUT.spans()]
        slot = reader._slots[0]  # the very memory that is read, without the order of the segment
        column = LAYOUT.views(slot)["v"]
        copy, copy_v = np.zeros_like(slot), np.zeros(ROWS)
        while len(ours) < TIMED:
            last = reader.taken
            while reader.sequence == last:
                wait_until(monotonic_ns() + 200_000)
            begin = time.perf_counter_ns()
            whole = reader.take()
            between = time.perf_counter_ns()
            for span in spans:
                copy[span] = slot[span]
            end = time.perf_counter_ns()
            copy_v[:] = column
            last_ns = time.perf_counter_ns()
            if whole:
                ours.append(between - begin)
                plain.append(end - between)
                values.append(last_ns - end)
    return median(ours), median(plain), median(values)


def main():
    snapshots = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    ours_ns, plain_ns, values_ns = times()
    found, overtaken, blindly = look(snapshots)
    ratio = round(ours_ns / plain_ns, 2)
    reached = {"time": ratio <= GOAL, "torn": found == 0 < blindly}
    said = {"rows": ROWS, "bytes": BYTES, "snapshot_us": ours_ns / 1e3, "plain_copy_us": plain_ns / 1e3}
    said |= {"plain_copy_of_values_us": values_ns / 1e3, "ratio": ratio, "snapshots": snapshots}
    said |= {"torn": found, "copies_overtaken": overtaken, "torn_of_1000_blind_copies": blindly}
    record("snapshot", {**said, "reached": reached})
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
