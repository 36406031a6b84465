"""A plant that records at random, and a naive history of it made frame by frame: what has to come back."""

import math
import struct
from bisect import bisect_right

import numpy as np

from plantctl.core.frame import Kind, RowsFlag, decode_rows, encode_records, encode_texts
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.core.text import TextTable
from plantctl.history.reading.query import History
from plantctl.history.upkeep.seal import Sealer
from plantctl.log.reader import read_frames
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.unit.simulated_storage import SimulatedStorage

PLAN = 0x8F12_34AB_77C0_D1E5
SCAN_NS = 100_000_000
UTC_NS = 1_790_000_000_000_000_000
INPUTS = 3
TAGS = (11, 12, 13, 21, 22, 23)  # 23 never moves
NAMES = {11: "A-1", 12: "A-2", 13: "A-3", 21: "B-1", 22: "B-2", 23: "B-3"}
ODD = (math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7e308, 0.1, 1 / 3, 2**53 + 2.0)
PLAN_TEXT = "plant bench\nhash 0\n\npoints: id, name, unit, meaning\n" + "".join(
    f"{number}\t{name}\tm3/h\tpoint {number}\n" for number, name in NAMES.items()
)


class Plant:
    """`random` draws what changes: values of two decimals, now and then something odd, qualities, source times."""

    def __init__(
        self, random, log=None, sealed=None, *, file_bytes=1 << 20, floor=0, mono_ns=1000 * SCAN_NS, **sealing
    ):
        self.random = random
        self.log = log or SimulatedStorage()
        self.sealed = sealed or SimulatedStorage()
        self.recorder = Recorder(self.log, "bench", {PLAN: PLAN_TEXT}, file_bytes)
        first = self.recorder.open(UTC_NS, floor) + 1
        sealing = {"span_ns": 20 * SCAN_NS, "rows_max": 10**9, "minutes_from": 10, **sealing}
        self.sealer = Sealer(self.log, self.sealed, **sealing)
        self.count = 0
        self.mono_ns = mono_ns
        self.offset_ns = UTC_NS
        rows = 2 * INPUTS
        self.value = np.zeros(rows)
        self.quality = np.zeros(rows, np.uint16)
        self.receive_ns = np.zeros(rows, np.int64)
        self.source_ns = np.zeros(rows, np.int64)
        self.buffer = bytearray(HEAD_BYTES + (1 << 16))
        self.ring = RingWriter(self.buffer, PLAN, first)
        self.reader = RingReader(self.buffer, after=first - 1)
        self.texts = TextTable()
        self.begin()

    def begin(self):
        """A run begins."""
        columns = (self.value, self.quality, self.receive_ns, self.source_ns)
        rows = range(2 * INPUTS)
        self.frames = ImageFrames(self.ring, *columns, rows[:INPUTS], rows[INPUTS:], TAGS, 1)
        self.frames.start(self.count, self.mono_ns, self.utc_ns)

    @property
    def utc_ns(self):
        return self.offset_ns + self.mono_ns

    def scan(self, count=1, period_ns=SCAN_NS):
        draw = self.random
        for _ in range(count):
            self.count += 1
            self.mono_ns += period_ns + draw.randint(-1_000_000, 1_000_000)
            for row in range(2 * INPUTS - 1):
                if draw.random() < 0.3:
                    odd = draw.random() < 0.05
                    self.value[row] = draw.choice(ODD) if odd else round(50 + draw.gauss(0, 0.1), 2)
                if draw.random() < 0.02:
                    self.quality[row] = draw.randrange(1 << 16)
                if row < INPUTS and draw.random() < 0.3:
                    self.source_ns[row] = self.utc_ns + draw.randint(-2_000_000_000, 0)
            if self.count % 10 == 0:
                self.frames.time(self.count, self.mono_ns, self.utc_ns)
            self.frames.scan(self.count, self.mono_ns, self.utc_ns, [0.1])

    def event(self, text):
        number = self.texts.add(text)
        new = self.texts.take_new()
        if new:
            self.ring.append(Kind.TEXT, self.count, self.mono_ns, encode_texts(new))
        self.ring.append(Kind.EVENT, self.count, self.mono_ns, encode_records(Kind.EVENT, [{"reason": number}]))

    def lose(self):
        """The recorder is away for longer than the ring: frames that nobody kept."""
        for _ in range(3):
            self.scan()
        while self.reader.view() is not None:
            self.reader.take()

    def stop(self, pause_ns):
        """The plant stands still, and another run begins."""
        self.keep()
        self.mono_ns += pause_ns
        self.begin()

    def keep(self):
        """All on disk."""
        self.recorder.drain(self.reader, self.mono_ns, self.utc_ns)
        assert self.recorder.commit(self.mono_ns, self.utc_ns)

    def seal(self):
        self.keep()
        self.sealer.finish(self.recorder.durable_sequence, self.mono_ns)

    def history(self):
        return History(self.log, self.sealed)


def some_of_everything(plant, draw, number):
    """A while of scans, behind it a stop, a pause, an event, or nothing."""
    plant.scan(draw.randint(5, 40))
    happening = draw.choice(("stop", "pause", "event", "", ""))
    if happening == "stop":
        plant.stop(90 * SCAN_NS)
    elif happening == "pause":
        plant.mono_ns += 7_000_000_000
    elif happening == "event":
        plant.event(f"event {number}")


def hours_of_slow_scans(draw):
    """A plant whose record is hours long, with holes, stops and sealed files."""
    plant = Plant(draw, span_ns=1_200_000_000_000)
    for _ in range(10):
        for _ in range(draw.randint(10, 80)):
            plant.scan(1, draw.choice((1, 2, 4)) * 1_000_000_000)
        happening = draw.choice(("lose", "stop", "seal", "seal", "seal"))
        if happening == "lose":
            plant.keep()
            plant.lose()
        elif happening == "stop":
            plant.stop(draw.randint(1, 400) * 1_000_000_000)
        else:
            plant.seal()
    plant.keep()
    return plant


def bits(value):
    return struct.unpack("<q", struct.pack("<d", value))[0]


class Naive:
    """What a log says of one tag, frame by frame: (utc, bits, quality, source) a point, and when it was not known."""

    def __init__(self, storage, tag):
        self.points = []  # (utc_ns, value, quality, source_ns)
        self.pieces = []  # [from, until, value, quality]
        known = expected = last_ns = None
        for utc_ns, frame in read_frames(storage):
            missing = expected is not None and frame.sequence != expected
            expected = frame.sequence + 1
            lost = known is not None and missing
            if frame.kind not in (Kind.KEY, Kind.DELTA):
                if lost:
                    known = None
                continue
            rows = decode_rows(frame.payload)
            if lost or RowsFlag.RUN_START in rows.flags or (last_ns is not None and frame.mono_ns - last_ns > 5e9):
                known = None
            if known is not None:
                self.pieces[-1][1] = utc_ns
            last_ns = frame.mono_ns
            for k in np.flatnonzero(rows.tag == tag).tolist():
                source_ns = int(rows.source_ns[k]) if k < rows.inputs else 0
                state = (bits(rows.value[k]), int(rows.quality[k]), source_ns)
                if state == known:
                    continue
                known = state
                value, quality = float(rows.value[k]), int(rows.quality[k])
                self.points.append((utc_ns, value, quality, source_ns))
                self.pieces.append([utc_ns, utc_ns, value, quality])

    def at(self, utc_ns):
        row = bisect_right(self.pieces, utc_ns, key=lambda p: p[0]) - 1
        return self.points[row] if row >= 0 and utc_ns <= self.pieces[row][1] else None

    def touching(self, begin_ns, end_ns):
        """The pieces that were in force in a span: (from, until) inside it, value, quality."""
        for i, (a, b, value, quality) in enumerate(self.pieces):
            inside = begin_ns <= a < end_ns
            carried = a < begin_ns < b and not any(p[0] == begin_ns for p in self.pieces[i + 1 : i + 2])
            if inside or carried:
                yield max(a, begin_ns), min(b, end_ns), value, quality
