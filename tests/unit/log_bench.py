"""A scan that writes frames whose content follows from run and scan, and a recorder that takes them."""

import numpy as np

from plantctl.core.frame import Kind, decode_rows, encode_records, encode_texts
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.core.text import TextTable
from plantctl.log.reader import read_frames
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames

PLAN = 0x8F12_34AB_77C0_D1E5
SCAN_NS = 100_000_000
UTC_NS = 1_790_000_000_000_000_000


class Scan:
    """`inputs` input rows and as many others; every row changes in every scan."""

    def __init__(
        self,
        storage,
        inputs=4,
        ring_size=1 << 16,
        file_bytes=1 << 20,
        plan=PLAN,
        run=1,
        key_first=True,
        mono_ns=1000 * SCAN_NS,
    ):
        self.recorder = Recorder(storage, "Circuit A", {plan: "the plan's text"}, file_bytes)
        first = self.recorder.open(UTC_NS) + 1
        self.run = run
        self.count = 0
        self.mono_ns = mono_ns
        self.value = np.zeros(2 * inputs)
        self.quality = np.zeros(2 * inputs, np.uint16)
        self.receive_ns = np.zeros(2 * inputs, np.int64)
        self.source_ns = np.zeros(2 * inputs, np.int64)
        buffer = bytearray(HEAD_BYTES + ring_size)
        self.ring = RingWriter(buffer, plan, first)
        self.reader = RingReader(buffer, after=first - 1)
        columns = (self.value, self.quality, self.receive_ns, self.source_ns)
        rows = range(2 * inputs)
        self.frames = ImageFrames(self.ring, *columns, rows[:inputs], rows[inputs:], rows, 2)
        self.texts = TextTable()
        if key_first:
            self.frames.start(0, self.mono_ns, self.utc_ns)

    @property
    def utc_ns(self):
        return UTC_NS + self.mono_ns

    def scan(self, count=1):
        """So many scans; the time goes on before each."""
        for _ in range(count):
            self.count += 1
            self.mono_ns += SCAN_NS
            self.value[:] = self.run * 1e6 + self.count + np.arange(len(self.value)) / 100
            self.quality[:] = self.count % 3
            self.receive_ns[:] = self.mono_ns - 1
            self.source_ns[:] = self.utc_ns - 2
            if self.count % 10 == 0:
                self.frames.time(self.count, self.mono_ns, self.utc_ns)
            self.frames.scan(self.count, self.mono_ns, self.utc_ns, [0.1, 1.0 if self.count % 10 == 0 else 0.0])

    def event(self, text="flow low", **fields):
        number = self.texts.add(text)
        new = self.texts.take_new()
        if new:
            self.ring.append(Kind.TEXT, self.count, self.mono_ns, encode_texts(new))
        self.ring.append(
            Kind.EVENT, self.count, self.mono_ns, encode_records(Kind.EVENT, [{"reason": number, **fields}])
        )

    def command(self, number, scan):
        payload = encode_records(Kind.COMMAND, [{"number": number, "value": number / 2}])
        self.ring.append(Kind.COMMAND, scan, self.mono_ns, payload)

    def drain(self):
        return self.recorder.drain(self.reader, self.mono_ns, self.utc_ns)

    def commit(self):
        return self.recorder.commit(self.mono_ns, self.utc_ns)

    def close(self):
        self.drain()
        return self.recorder.close(self.mono_ns, self.utc_ns)


def scans_of(storage, losses=None):
    """(sequence, run, scan) of the delta frames in a log, the values checked."""
    found = []
    for _, frame in read_frames(storage, losses=losses):
        if frame.kind == Kind.DELTA:
            rows = decode_rows(frame.payload)
            run = int(rows.value[0] // 1e6)
            assert rows.value[0] == run * 1e6 + frame.scan
            assert set(rows.quality.tolist()) == {frame.scan % 3}
            found.append((frame.sequence, run, frame.scan))
    return found
