"""The processes of a plant at full rate that are to be killed: scan, recorder with sealer, and feeds, over one folder.

The scan makes 50 rows change a hundred times a second, and a transition in every tenth scan. Its ring is a file in
memory that all map, as a plant's segments are, so that it outlives its readers; what was told to be on disk and how
long a start took stand in a small file of numbers beside it. The recorder does what the plant's does in each turn.
"""

import asyncio
import mmap
import multiprocessing
import time
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from plantctl.app.feed_ledger import FeedLedger
from plantctl.app.feed_log import FeedLog
from plantctl.app.feeds import Wanted
from plantctl.core.batch import PointLabel
from plantctl.core.clock import RealClock
from plantctl.core.event import EventKind
from plantctl.core.frame import Kind, encode_records
from plantctl.core.keeping import Keeping
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.history.upkeep.seal import Sealer, sealed_through
from plantctl.log.recovery import find_end
from plantctl.log.retained import Moment, RetainedFile
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from plantctl.scan.retained_state import RetainedPoint, RetainedState
from plantctl.sinks import influx, mqtt
from plantctl.sinks._position import Position
from plantctl.sinks._runner import SinkRunner
from plantctl.sinks._sink import SinkPlace
from tests.feed_bench import NoWords
from tests.history_bench import PLAN

CLOCK = RealClock()
ROWS = 50
SCAN_NS = 10_000_000
TURN_S = 0.02
RUN = 1_000_000  # the values of run 3 count from 3,000,000
RING_BYTES = 16 << 20
UTC_OFFSET_NS = 1_700_000_000_000_000_000
LABELS = {n + 1: PointLabel(f"P-{n + 1}") for n in range(ROWS)}
PLAN_TEXT = "plant fed\nhash 0\n\npoints: id, name, unit, meaning\n" + "".join(
    f"{n}\t{label.name}\t1\tpoint {n}\n" for n, label in LABELS.items()
)
CELLS = (
    "run",  # whose ring is there
    "scans",
    "durable",  # frame and time that the recorder called durable
    "durable_utc",
    "retained",  # the newest save of the retained state that was called done
    "recorder_ready",  # monotonic ns
    "feeds_ready",
    "recorder_cpu",  # what that took of a processor, ns
    "feeds_cpu",
    "through",
    "missing",
    "kept_less",  # how often something that was called durable was not found at a start
    "ending",
)


class Cells:
    """A few numbers that outlive their writers."""

    def __init__(self, folder):
        path = folder / "cells"
        if not path.exists():
            path.write_bytes(bytes(8 * len(CELLS)))
        with path.open("r+b") as file:
            self._column = np.frombuffer(mmap.mmap(file.fileno(), 0), np.int64)

    def __getitem__(self, name):
        return int(self._column[CELLS.index(name)])

    def __setitem__(self, name, value):
        self._column[CELLS.index(name)] = value

    def told(self):
        return {name: self[name] for name in CELLS}


def alive(seconds):
    """Whether whoever kills us is still there after so many seconds."""
    return not wait([multiprocessing.parent_process().sentinel], seconds)


def ring_memory(folder, run):
    path = folder / f"ring-{run}"
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_bytes(bytes(HEAD_BYTES + RING_BYTES))
        part.rename(path)
    with path.open("r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 0))


def scan(folder, run):
    """The scan of one run, behind what log and history hold."""
    cells = Cells(folder)
    log, history = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    first = max(find_end(log).sequence, sealed_through(history)) + 1
    ring = RingWriter(ring_memory(folder, run), PLAN, first)
    value, quality = np.zeros(ROWS), np.zeros(ROWS, np.uint16)
    receive_ns, source_ns = np.zeros(ROWS, np.int64), np.zeros(ROWS, np.int64)
    half = ROWS // 2
    frames = ImageFrames(ring, value, quality, receive_ns, source_ns, range(half), range(half, ROWS), list(LABELS), 1)
    count, due_ns = 0, time.monotonic_ns()
    value[:] = run * RUN
    frames.start(count, due_ns, due_ns + UTC_OFFSET_NS)
    cells["scans"], cells["run"] = 0, run
    while alive(max(0.0, (due_ns + SCAN_NS - time.monotonic_ns()) / 1e9)):
        count, due_ns = count + 1, due_ns + SCAN_NS
        value[:] = run * RUN + count
        source_ns[:half] = due_ns + UTC_OFFSET_NS - 1_000
        if count % 50 == 0:
            frames.time(count, due_ns, due_ns + UTC_OFFSET_NS)
        frames.scan(count, due_ns, due_ns + UTC_OFFSET_NS, [0.1])
        if count % 10 == 0:
            told = {"code": int(EventKind.ALARM), "tag": 1, "old": run, "new": count}
            ring.append(Kind.EVENT, count, due_ns, encode_records(Kind.EVENT, [told]))
        cells["scans"] = count


def recorder(folder, run, file_bytes):
    """The recorder of a run, in the place of one that was killed or as the first."""
    began_ns = time.monotonic_ns()
    cells = Cells(folder)
    log, history = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    recorder = Recorder(log, "fed", {PLAN: PLAN_TEXT}, file_bytes)
    last = recorder.open(began_ns + UTC_OFFSET_NS, sealed_through(history))
    keeping = Keeping(log_bytes=4 * file_bytes)
    sealer = Sealer(log, history, span_ns=3_000_000_000, keeping=keeping, follow_ns=100_000_000)
    retained = RetainedFile(FolderStorage(folder))
    kept = retained.load()
    # What was called durable is there, whatever the moment of the death.
    cells["kept_less"] += last < cells["durable"]
    cells["kept_less"] += (0 if kept is None else kept.sequence) < cells["retained"]
    waited_ns = time.monotonic_ns()
    while cells["run"] != run and alive(0.001):
        continue
    waited_ns = time.monotonic_ns() - waited_ns
    reader = RingReader(ring_memory(folder, run), after=last)
    ready = False
    while alive(TURN_S):
        now_ns = time.monotonic_ns()
        recorder.drain(reader, now_ns, now_ns + UTC_OFFSET_NS)
        cells["kept_less"] += recorder.status.lost_frames > 0 or recorder.status.refused_frames > 0
        if recorder.commit_due(now_ns):
            point = RetainedPoint("P-1", "1", cells["scans"], 0, 0)
            retained.save(RetainedState(PLAN, (), (), (point,)), Moment(now_ns + UTC_OFFSET_NS, now_ns))
            recorder.commit(now_ns, now_ns + UTC_OFFSET_NS)
            cells["durable"], cells["durable_utc"] = recorder.newest()
            cells["retained"] = retained.sequence
            if not ready:
                ready = True
                cells["recorder_cpu"] = time.process_time_ns()
                cells["recorder_ready"] = time.monotonic_ns() - began_ns - waited_ns
        sealer.turn(recorder.durable_sequence, now_ns)
        if cells["ending"] and reader.view() is None:
            recorder.commit(now_ns, now_ns + UTC_OFFSET_NS)
            cells["durable"], cells["durable_utc"] = recorder.newest()


def wanted_by(kind):
    """The points that a sink gets: a message for each row is dear, so the broker gets those of one digit."""
    return ("P-?",) if kind == "mqtt" else ("*",)


def sink_of(kind, port):
    place = SinkPlace("archive", "fed", LABELS, CLOCK)
    more = {"settle": 0.0, "backfill": 100_000.0, "backoff_most": 0.5}
    if kind == "mqtt":
        return mqtt.Sink(place, mqtt.Config(url=f"mqtt://127.0.0.1:{port}", in_flight=1000, **more))
    where = {"org": "works", "bucket": "line a&b", "url": f"http://127.0.0.1:{port}", "insecure": True}
    return influx.Sink(place, influx.Config(**where, **more))


def feeds(folder, kind, port):
    """The feeds, in the place of those that were killed."""
    began_ns = time.monotonic_ns()
    cells = Cells(folder)

    async def main():
        ledger = FeedLedger(FolderStorage(folder / "feeds"), "archive", LABELS)
        position = ledger.position()
        log, history = ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history")
        wanted = Wanted(LABELS, wanted_by(kind), events=True)
        source = FeedLog(log, history, NoWords(), lambda: (cells["durable"], cells["durable_utc"]))
        runner = SinkRunner("archive", sink_of(kind, port), source, ledger, position or Position(), CLOCK, wanted)
        task = asyncio.get_running_loop().create_task(runner.run())
        ready = False
        while alive(0.0):
            await CLOCK.sleep(TURN_S / 2)
            cells["through"], cells["missing"] = runner.position.through, runner.position.missing
            done = runner.statistics.rows or runner.position.through >= cells["durable"]
            if runner.statistics.connects and done and not ready:
                ready = True
                cells["feeds_cpu"] = time.process_time_ns()
                cells["feeds_ready"] = time.monotonic_ns() - began_ns
            cells["kept_less"] += runner.position.lost > 0 or runner.position.quarantined > 0
            assert not task.done()

    asyncio.run(main())


def begin(role, folder, *arguments):
    """What a child does."""
    {"scan": scan, "recorder": recorder, "feeds": feeds}[role](Path(folder), *arguments)
