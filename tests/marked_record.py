"""A record of two devices, one of which is simulated: from what their drivers hand over to sealed files and a log."""

import numpy as np

from plantctl.app.field import connected
from plantctl.core.batch import PointLabel
from plantctl.core.field import SIMULATOR, DevicePlan, FieldEvents, InputColumns, ItemPlan, OutputColumns
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.drivers._driver import Port
from plantctl.history.upkeep.seal import Sealer
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames

S = 1_000_000_000
UTC_NS = 1_790_000_000 * S
PLAN = 0x77
MADE_UP, MEASURED = "S-1", "R-1"
LABELS = {1: PointLabel(MADE_UP, "m3/h"), 2: PointLabel(MEASURED, "m3/h")}
TEXT = f"plant bench\nhash {PLAN:016x}\n\npoints: id, name, unit, meaning\n" + "".join(
    f"{number}\t{label.name}\t{label.unit}\tflow\n" for number, label in LABELS.items()
)
SECONDS = 300
LOST = range(120, 130)  # the links are lost: the values are those from before


class Now:
    """The time of a scan."""

    def __init__(self):
        self.second = 0

    def monotonic_ns(self):
        return self.second * S

    def utc_ns(self):
        return UTC_NS + self.second * S


def devices():
    """One is where a simulator says that it is, the other where the text says."""
    planned = [
        DevicePlan(name, "modbus", "tcp://10.0.0.1", inputs=(ItemPlan(tag, row),))
        for row, (name, tag) in enumerate((("PLC-S", MADE_UP), ("PLC-R", MEASURED)))
    ]
    return connected(tuple(planned), {"PLC-S": f"tcp://127.0.0.1:1{SIMULATOR}", "PLC-R": "tcp://10.0.0.1"})


def ports(clock, inputs):
    """What their drivers hand their values to."""
    return [Port(device, inputs, OutputColumns(0), clock, FieldEvents()) for device in devices()]


def make_record(folder):
    """Five minutes at 1 Hz in the state folder `folder`, most of it sealed."""
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    recorder = Recorder(log, "bench", {PLAN: TEXT})
    memory = bytearray(HEAD_BYTES + (1 << 18))
    ring = RingWriter(memory, PLAN, recorder.open(UTC_NS) + 1)
    reader, clock, inputs = RingReader(memory), Now(), InputColumns(2)
    columns = (inputs.value, inputs.quality, inputs.receive_ns, inputs.source_ns)
    frames = ImageFrames(ring, *columns, range(2), [], list(LABELS), 1)
    told = ports(clock, inputs)
    for port in told:
        port.put(0, 0.0)
    frames.start(0, 0, UTC_NS)
    sealer = Sealer(log, sealed, span_ns=100 * S, minutes_from=10)
    for clock.second in range(SECONDS):
        for port in told:
            if clock.second in LOST:
                port.all_lost()
            else:
                port.put(0, np.sin(clock.second))
        now_ns = clock.monotonic_ns()
        frames.time(clock.second, now_ns, UTC_NS + now_ns)
        frames.scan(clock.second, now_ns, UTC_NS + now_ns, [1.0])
        recorder.drain(reader, now_ns, UTC_NS + now_ns)
        recorder.commit(now_ns, UTC_NS + now_ns)
        if clock.second < SECONDS - 20:
            sealer.finish(recorder.durable_sequence, now_ns)
    recorder.close(SECONDS * S, UTC_NS + SECONDS * S)
    assert sealer.status.files >= 2
    return recorder.durable_sequence
