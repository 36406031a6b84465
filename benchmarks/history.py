"""What keeping history costs, and how quickly it answers; beside rows in SQLite in the same run.

`python benchmarks/history.py [SECONDS]` records plants of 10,000 tags at 1 Hz and of 1,000 tags at 10 Hz for so many
seconds of plant time (default 300 and 120) on the very path of the recorder: ring, log with one fdatasync a second,
sealed files. 40 % of the tags are noisy measurements of two decimals, 30 % move slowly, 30 % rest. The peer stores what
changed as rows (tag, time, value, quality), WAL and synchronous=FULL, one transaction a second: with a primary key, and
appended with an index made afterwards. CPU is that of the process; figures of one run are to be compared with each
other. What came back is checked.

A sample is one tag in one scan, whether it moved or not: what performance.md calls a point; here a point is a sample
that differs from the one before. `durable` is the way from the scan's columns over the ring into the log and its
fdatasync, behind which nothing can be lost; `sealing` is what turns that into files of chunks, later and in slices; the
figures without such a word are of both. At the end everything is sealed, in chunks shorter than a plant's would be that
runs on. A query reads all points of one tag, each time of another one, from an object that has answered before.
"""

import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._record import record
from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.history.query import History
from plantctl.history.seal import Sealer
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames

S = 1_000_000_000
UTC_NS = 1_790_000_000 * S
PLAN = 0xB0B0_B0B0_B0B0_B0B1


class Signals:
    """The columns of a plant: noisy, slow and resting tags in turn."""

    def __init__(self, tags, hertz, with_source):
        self.tags, self.hertz = tags, hertz
        self.inputs = tags if with_source else 0
        self.chance = np.random.default_rng(1)
        self.kind = np.arange(tags) % 10
        self.noisy = np.flatnonzero(self.kind < 4)
        self.slow = np.flatnonzero((self.kind >= 4) & (self.kind < 7))
        self.base = self.chance.uniform(10, 90, tags)
        self.period_s = self.chance.uniform(300, 3000, tags)
        self.value = np.round(self.base, 2)
        self.quality = np.zeros(tags, np.uint16)
        self.receive_ns = np.zeros(tags, np.int64)
        self.source_ns = np.zeros(tags, np.int64)

    def move(self, scan):
        """The next scan; returns which tags changed."""
        before = self.value.copy()
        t = scan / self.hertz
        self.value[self.noisy] = np.round(
            self.base[self.noisy] + 0.05 * self.chance.standard_normal(len(self.noisy)), 2
        )
        turn = 2 * np.pi * t / self.period_s[self.slow]
        self.value[self.slow] = np.round(self.base[self.slow] + 5 * np.sin(turn), 2)
        changed = np.flatnonzero(before.view(np.int64) != self.value.view(np.int64))
        if self.inputs:
            jitter_ms = self.chance.integers(-20, 20, len(changed))
            self.source_ns[changed] = UTC_NS + scan * S // self.hertz + jitter_ms * 1_000_000
        return changed


class Spent:
    """Time that went by, and CPU, in blocks of `with`."""

    def __init__(self):
        self.wall_s = self.cpu_s = 0.0

    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time()

    def __exit__(self, *error):
        self.wall_s += time.perf_counter() - self.begin[0]
        self.cpu_s += time.process_time() - self.begin[1]


def disk_sync_ms(folder):
    """What a fdatasync of 80 kB costs here: median and p99."""
    file = os.open(folder / "sync", os.O_WRONLY | os.O_CREAT)
    took = []
    for _ in range(200):
        os.write(file, bytes(80_000))
        begin = time.perf_counter()
        os.fdatasync(file)
        took.append((time.perf_counter() - begin) * 1e3)
    os.close(file)
    return np.quantile(took, (0.5, 0.99)).round(3).tolist()


class Ours:
    """Ring, log and sealed files, moved as the recorder moves them."""

    def __init__(self, folder, signals):
        names = "".join(f"{tag}\tT-{tag}\tm3/h\t\n" for tag in range(signals.tags))
        self.folder = folder
        self.recorder = Recorder(FolderStorage(folder / "log"), "bench", {PLAN: f"plant bench\n\npoints:\n{names}"})
        first = self.recorder.open(UTC_NS) + 1
        self.sealer = Sealer(FolderStorage(folder / "log"), FolderStorage(folder / "history"))
        buffer = bytearray(ring_bytes(signals.tags, signals.hertz, signals.inputs))
        self.ring = RingWriter(buffer, PLAN, first)
        self.reader = RingReader(buffer, after=first - 1)
        columns = (signals.value, signals.quality, signals.receive_ns, signals.source_ns)
        every = range(signals.tags)
        inputs, others = every[: signals.inputs], every[signals.inputs :]
        self.frames = ImageFrames(self.ring, *columns, inputs, others, every, 1, compiled=True)
        self.frames.start(0, 0, UTC_NS)
        self.commits_ms = []
        self.turns_ms = []
        self.points = 0
        self.durable, self.sealing = Spent(), Spent()

    def scan(self, number, mono_ns, second):
        with self.durable:
            self.append(number, mono_ns, second)
        with self.sealing:
            self.seal(mono_ns)

    def append(self, number, mono_ns, second):
        """From the columns of the scan to what a loss of power leaves."""
        self.points += self.frames.scan(number, mono_ns, UTC_NS + mono_ns, [1.0])
        if second:
            self.frames.time(number, mono_ns, UTC_NS + mono_ns)
        self.recorder.drain(self.reader, mono_ns, UTC_NS + mono_ns)
        if second:
            begin = time.perf_counter()
            self.recorder.commit(mono_ns, UTC_NS + mono_ns)
            self.commits_ms.append((time.perf_counter() - begin) * 1e3)

    def seal(self, mono_ns):
        more = True
        while more:
            begin = time.perf_counter()
            more = self.sealer.turn(self.recorder.durable_sequence, mono_ns)
            self.turns_ms.append((time.perf_counter() - begin) * 1e3)

    def finish(self, mono_ns):
        """The rest is sealed too, so that all bytes are counted."""
        with self.durable:
            self.recorder.close(mono_ns, UTC_NS + mono_ns)
        with self.sealing:
            self.sealer.finish_early(self.recorder.durable_sequence, mono_ns)
        assert self.sealer.status.sealed_sequence == self.recorder.durable_sequence


class Rows:
    """Rows in SQLite."""

    def __init__(self, folder, key):
        self.path = folder / f"rows-{key}.db"
        self.base = sqlite3.connect(self.path, isolation_level=None)
        self.base.execute("pragma journal_mode = wal")
        self.base.execute("pragma synchronous = full")
        self.key = key
        tail = ", primary key (tag, ts)) without rowid" if key else ")"
        self.base.execute(f"create table r (tag integer, ts integer, value real, quality integer{tail}")
        self.base.execute("begin")
        self.commits_ms = []

    def scan(self, utc_ns, which, values, second):
        rows = zip(which.tolist(), [utc_ns] * len(which), values.tolist(), [0] * len(which), strict=True)
        self.base.executemany("insert into r values (?, ?, ?, ?)", rows)
        if second:
            begin = time.perf_counter()
            self.base.execute("commit")
            self.commits_ms.append((time.perf_counter() - begin) * 1e3)
            self.base.execute("begin")

    def finish(self):
        self.base.execute("commit")
        if not self.key:
            self.base.execute("create index i on r (tag, ts)")
        self.base.execute("pragma wal_checkpoint(truncate)")

    def query(self, tag):
        return self.base.execute("select ts, value, quality from r where tag = ? order by ts", (tag,)).fetchall()


def timed(call, repeats):
    """The median time in ms of a call, and what it gave last."""
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        found = call()
        took.append((time.perf_counter() - begin) * 1e3)
    return round(float(np.median(took)), 4), found


def rate(samples, points, wall_s, cpu_s, size):
    return {
        "samples_s": round(samples / wall_s),
        "points_s": round(points / wall_s),
        "cpu_us_sample": round(cpu_s / samples * 1e6, 4),
        "cpu_us_point": round(cpu_s / points * 1e6, 4),
        "bytes_sample": round(size / samples, 3),
        "bytes_point": round(size / points, 3),
    }


def commits(took):
    p50, p99 = np.quantile(took, (0.5, 0.99))
    return {"commit_ms_p50": round(float(p50), 3), "commit_ms_p99": round(float(p99), 3)}


def ours(folder, tags, hertz, seconds, with_source):
    signals = Signals(tags, hertz, with_source)
    made = Ours(folder, signals)
    made.scan(0, 0, False)  # what is compiled or imported when it is first used is not counted
    made.durable, made.sealing = Spent(), Spent()
    mono_ns = 0
    for number in range(1, hertz * seconds + 1):
        mono_ns = number * S // hertz
        signals.move(number)
        made.scan(number, mono_ns, number % hertz == 0)
    made.finish(mono_ns)
    samples = tags * hertz * seconds
    size = sum(p.stat().st_size for p in (folder / "history").iterdir())
    wall_s, cpu_s = (getattr(made.durable, k) + getattr(made.sealing, k) for k in ("wall_s", "cpu_s"))
    figures = rate(samples, made.points, wall_s, cpu_s, size) | commits(made.commits_ms)
    for label, spent in (("durable", made.durable), ("sealing", made.sealing)):
        figures[f"{label}_samples_s"] = round(samples / spent.wall_s)
        figures[f"{label}_cpu_us_sample"] = round(spent.cpu_s / samples * 1e6, 4)
    figures["files"] = made.sealer.status.files
    figures["seal_turn_ms_p99"], figures["seal_turn_ms_max"] = (
        round(float(q), 3) for q in np.quantile(made.turns_ms, (0.99, 1.0))
    )
    places = ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history")
    figures["query_cold_ms"], _ = timed(lambda: History(*places).raw("T-0", 0, 1 << 62), 5)
    history = History(*places)
    found = history.raw("T-0", 0, 1 << 62)
    others = iter(noisy(tags))  # another tag each time: one that was never asked for
    figures["query_ms"], _ = timed(lambda: history.raw(f"T-{next(others)}", 0, 1 << 62), 50)
    begin_ns, end_ns = history.extent_ns()
    figures["trend_1200_ms"], _ = timed(lambda: history.trend("T-0", begin_ns, end_ns, 1200), 50)
    figures["query_points"] = len(found.utc_ns)
    return figures, found


def rows(folder, tags, hertz, seconds, key):
    signals = Signals(tags, hertz, False)
    made = Rows(folder, key)
    wall = cpu = 0.0
    points = 0
    for number in range(1, hertz * seconds + 1):
        which = signals.move(number)
        points += len(which)
        begin, begin_cpu = time.perf_counter(), time.process_time()
        made.scan(UTC_NS + number * S // hertz, which, signals.value[which], number % hertz == 0)
        wall += time.perf_counter() - begin
        cpu += time.process_time() - begin_cpu
    begin, begin_cpu = time.perf_counter(), time.process_time()
    made.finish()
    wall += time.perf_counter() - begin
    cpu += time.process_time() - begin_cpu
    figures = rate(tags * hertz * seconds, points, wall, cpu, made.path.stat().st_size) | commits(made.commits_ms)
    found = made.query(0)
    others = iter(noisy(tags))
    figures["query_ms"], _ = timed(lambda: made.query(next(others)), 50)
    return figures, found


def noisy(tags):
    """Tags that move in nearly every scan, but for the first."""
    return [tag for tag in range(1, tags) if tag % 10 < 4]


def compare(tags, hertz, seconds):
    result = {"tags": tags, "hertz": hertz, "seconds": seconds}
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), None
        result["fdatasync_80kB_ms_p50_p99"] = disk_sync_ms(folder)
        for label, with_source in (("plantctl", False), ("plantctl with source times", True)):
            place = folder / label.replace(" ", "-")
            place.mkdir()
            result[label], series = ours(place, tags, hertz, seconds, with_source)
            found = series if not with_source else found
        for label, key in (("sqlite rows, primary key", True), ("sqlite rows, appended, index afterwards", False)):
            result[label], peer = rows(folder, tags, hertz, seconds, key)
            mine = list(zip(found.utc_ns.tolist(), found.value.tolist(), strict=True))
            assert [(t, v) for t, v, _ in peer] == mine[1:], "both must have kept the same"
    return result


def main():
    seconds = [int(a) for a in sys.argv[1:2]] or [300, 120]
    runs = [compare(10_000, 1, seconds[0]), compare(1_000, 10, seconds[-1])]
    record("history", {"runs": runs})


if __name__ == "__main__":
    main()
