"""What keeping history costs, and how quickly it answers; beside its peers in the same run, with the goals it has.

`python benchmarks/history.py [SECONDS [SECONDS]]` records plants of 10,000 tags at 1 Hz and of 1,000 tags at 10 Hz for
so many seconds of plant time (default 300 and 120) on the very path of the recorder: ring, log with one fdatasync a
second, sealed files. The peers (benchmarks/history_peers, one a file, each says there how it is used) are given the
same tags, values and times; so are a feed to an InfluxDB and its peer (benchmarks/_history_feed.py). One that is not
installed is left out, and the result says so. CPU is that of all processes in it; figures of one run are to be compared
with each other. What came back is checked, from everyone.

A sample is one tag in one scan, whether it moved or not: what the goals call a point; here a point is a sample that
differs from the one before. `durable` is the way from the scan's columns over the ring into the log and its
fdatasync, behind which nothing can be lost; `sealing` is what turns that into files of chunks, later and in slices; the
figures without such a word are of both. At the end everything is sealed, in chunks shorter than a plant's would be that
runs on. A query reads all points of one tag, each time of another one, from an object that has answered before:
`query_ms` until the numbers are there, in this process; `query_http_ms` the same by `GET /api/v1/history` of the page's
server in a process of its own, until its JSON is there.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._history_feed import feed
from benchmarks._history_goals import goals, printed
from benchmarks._history_signals import UTC_NS, Moves, S, Signals, Spent, noisy, timed
from benchmarks._keep_alive import KeepAlive
from benchmarks._record import ROOT, record
from benchmarks.history_peers import PeerMissing
from benchmarks.history_peers.duckdb_rows import DuckdbRows
from benchmarks.history_peers.parquet_files import ParquetFiles
from benchmarks.history_peers.sqlite_rows import SqliteRows
from benchmarks.history_peers.victoria_metrics import VictoriaMetrics
from plantctl.core.clock import RealClock
from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.history.reading.query import History
from plantctl.history.upkeep.seal import Sealer
from plantctl.log.storage import FOLDER_STEP_NS, FolderStorage, ReadOnlyFolder
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames

PLAN = 0xB0B0_B0B0_B0B0_B0B1
QUERIES = 120
TURNS = 3
PEERS = (
    (SqliteRows, (True,)),
    (SqliteRows, (False,)),
    (DuckdbRows, ()),
    (ParquetFiles, ()),
    (VictoriaMetrics, (True,)),
    (VictoriaMetrics, (False,)),
)


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


def queries(ask, tags, turn=0):
    """The median time in ms of asking for everything of a tag, another one each time that no turn asked for before."""
    others = iter(noisy(tags)[turn::TURNS])
    ask(next(others))
    return timed(lambda: ask(next(others)), QUERIES)[0]


def ours(folder, moves, with_source):
    """What plantctl needs, and what it gave back."""
    tags, hertz, seconds = moves.tags, moves.hertz, moves.seconds
    signals = Signals(tags, hertz, with_source)
    made = Ours(folder, signals)
    made.scan(0, 0, False)  # what is compiled or imported when it is first used is not counted
    made.durable, made.sealing, made.points = Spent(), Spent(), 0
    mono_ns = 0
    for number in range(1, hertz * seconds + 1):
        mono_ns = number * S // hertz
        signals.move(number)
        made.scan(number, mono_ns, number % hertz == 0)
    made.finish(mono_ns)
    size = sum(p.stat().st_size for p in (folder / "history").iterdir())
    wall_s, cpu_s = (getattr(made.durable, k) + getattr(made.sealing, k) for k in ("wall_s", "cpu_s"))
    figures = rate(moves.samples, made.points, wall_s, cpu_s, size) | commits(made.commits_ms)
    for label, spent in (("durable", made.durable), ("sealing", made.sealing)):
        figures[f"{label}_samples_s"] = round(moves.samples / spent.wall_s)
        figures[f"{label}_cpu_us_sample"] = round(spent.cpu_s / moves.samples * 1e6, 4)
    figures["files"] = made.sealer.status.files
    figures["seal_turn_ms_p99"], figures["seal_turn_ms_max"] = (
        round(float(q), 3) for q in np.quantile(made.turns_ms, (0.99, 1.0))
    )
    places = ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history")
    # a reader trusts the names of a folder that was changed just now for one question only; a plant's is quiet
    asyncio.run(RealClock().sleep(FOLDER_STEP_NS / S + 0.1))
    figures["query_cold_ms"], _ = timed(lambda: History(*places).raw("T-0", 0, 1 << 62), 5)
    history = History(*places)
    found = history.raw("T-0", 0, 1 << 62)
    figures["query_ms"] = queries(lambda tag: history.raw(f"T-{tag}", 0, 1 << 62), tags)
    figures["query_again_ms"], _ = timed(lambda: history.raw("T-0", 0, 1 << 62), QUERIES)
    begin_ns, end_ns = history.extent_ns()
    figures["trend_1200_ms"], _ = timed(lambda: history.trend("T-0", begin_ns, end_ns, 1200), 50)
    figures["query_points"] = len(found.utc_ns)
    if not with_source:
        figures["query_http_ms"] = over_http(folder, tags)
        kept = list(zip(found.utc_ns.tolist(), found.value.tolist(), strict=True))
        assert kept[1:] == moves.of(0, False), "plantctl must have kept what was"
    return figures


def over_http(folder, tags):
    """The same query, of the product's own server."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._history_server", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        told = json.loads(child.stdout.readline())
        connection = KeepAlive(told["port"])
        path = f"/api/v1/history?agg=raw&points=50000&start=0&end={1 << 62}&tags=T-"
        took_ms = queries(lambda tag: connection.ask("GET", f"{path}{tag}", cookie=told["cookie"]), tags)
        connection.close()
        return took_ms
    finally:
        child.stdin.close()
        child.stdout.close()
        child.wait(60)


def peer(made, moves):
    """What a peer needs, and whether it gave back what it was given."""
    everything = np.arange(moves.tags)
    spent, before_s = Spent(), made.cpu_s()
    with spent:
        for k, utc_ns in enumerate(moves.utc_ns):
            which = everything if made.every else moves.which[k]
            made.scan(utc_ns, which, moves.values[k, which], (k + 1) % moves.hertz == 0)
        made.finish()
    cpu_s = spent.cpu_s + made.cpu_s() - before_s
    made.settle()
    size = made.bytes()
    figures = rate(moves.samples, moves.points, spent.wall_s, cpu_s, size["bytes"]) | commits(made.took_ms)
    figures |= {f"{name}_bytes_sample": round(n / moves.samples, 3) for name, n in size.items() if name != "bytes"}
    figures["query_ms"] = queries(
        lambda tag: made.points(made.query(tag)) if made.text else made.query(tag), moves.tags
    )
    if made.text:
        figures["query_undecoded_ms"] = queries(made.query, moves.tags, 1)
    for name, ask in made.other_queries().items():
        figures[f"query_{name}_ms"] = queries(ask, moves.tags, 2)
    for tag in (0, 4, 7):
        times, values = (np.asarray(column).tolist() for column in made.points(made.query(tag)))
        figures["query_points"] = max(figures.get("query_points", 0), len(times))
        assert list(zip(times, values, strict=True)) == moves.of(tag, made.every), "both must have kept the same"
    return figures


def compare(tags, hertz, seconds):
    result = {"tags": tags, "hertz": hertz, "seconds": seconds}
    moves = Moves(tags, hertz, seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result["fdatasync_80kB_ms_p50_p99"] = disk_sync_ms(folder)
        for label, with_source in (("plantctl", False), ("plantctl with source times", True)):
            place = folder / label.replace(" ", "-")
            place.mkdir()
            result[label] = ours(place, moves, with_source)
        for number, (make, details) in enumerate(PEERS):
            place = folder / str(number)
            place.mkdir()
            try:
                made = make(place, tags, *details)
            except PeerMissing as missing:
                result.setdefault("missing", []).append(str(missing))
                continue
            try:
                result[made.label] = peer(made, moves)
            finally:
                made.close()
        place = folder / "feed"
        place.mkdir()
        result["feed"] = feed(place, moves)
        result.setdefault("missing", []).extend(result["feed"].pop("missing", []))
    return result


def main():
    seconds = [int(a) for a in sys.argv[1:3]] or [300, 120]
    runs = [compare(10_000, 1, seconds[0]), compare(1_000, 10, seconds[-1])]
    judged = goals(runs)
    record("history", {"goals": judged, "runs": runs})
    print(printed(judged))
    for missing in dict.fromkeys(m for run in runs for m in run.get("missing", [])):
        print(f"left out: {missing}")


if __name__ == "__main__":
    main()
