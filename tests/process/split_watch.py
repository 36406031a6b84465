"""Those who watch a plant in topology split while parts of it die: five readers, and the figures of its scan."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.split.segments import FRAMES, SCAN_MONO, SCAN_NUMBER, Role
from plantctl.app.state_folder import SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.frame import Kind, decode_records
from plantctl.core.ring import RingReader

PAUSE_S = 0.05
CLIENTS, SNAPSHOTS, RINGS = 2, 1, 2


@dataclass
class Watched:
    """What one reader saw: how much, what must not be (`faults`), and how often it had to connect again."""

    name: str
    seen: int = 0
    connects: int = 0
    faults: list = field(default_factory=list)


class Readers:
    """Five readers that stream until told to stop: two clients of the control socket, who connect again when the
    gateway has died; one of the image; two of the frame ring, who must see every frame.
    """

    def __init__(self, plant):
        self._plant = plant
        self._ended = threading.Event()
        work = (
            [(self._client, "client")] * CLIENTS + [(self._image, "image")] * SNAPSHOTS + [(self._ring, "ring")] * RINGS
        )
        self.watched = [Watched(f"{name} {i}") for i, (_, name) in enumerate(work)]
        self._threads = [
            threading.Thread(target=self._run, args=(task, watched), daemon=True)
            for (task, _), watched in zip(work, self.watched, strict=True)
        ]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._ended.set()
        for thread in self._threads:
            thread.join(20.0)

    def faults(self):
        """What any of them complains about; also who saw nothing or died."""
        found = [f"{w.name}: {text}" for w in self.watched for text in w.faults]
        return found + [f"{w.name} saw nothing" for w in self.watched if not w.seen]

    def _run(self, task, watched):
        try:
            task(watched)
        except Exception as error:  # whatever ends a reader is what is looked for
            watched.faults.append(f"ended by {type(error).__name__}: {error}")

    def _client(self, watched):
        while not self._ended.is_set():
            try:
                with ControlClient(self._plant.folder / SOCKET_NAME, timeout_s=20.0) as client:
                    watched.connects += 1
                    while not self._ended.wait(PAUSE_S):
                        answer = client.ask({"get": ["40-II-4010", "40-AI-4212"]})
                        if len(answer.get("points", ())) != 2:
                            watched.faults.append(f"answered {answer}")
                        watched.seen += 1
            except NotRunning:
                self._ended.wait(PAUSE_S)

    def _image(self, watched):
        reader = self._plant.new_reader(Role.SCAN)
        last = (0, -1, 0)
        while not self._ended.wait(PAUSE_S):
            generation = reader.generation
            if not reader.take() or reader.generation != generation:
                continue
            said = reader.columns["scan"]
            now = (generation, int(said[SCAN_NUMBER]), int(said[SCAN_MONO]))
            # A scan process that has not scanned yet has no time of a scan.
            if 0 < now[2] < last[2]:
                watched.faults.append(f"generation, scan and time {now} after {last}")
            watched.seen += now != last
            last = now if now[2] else last

    def _ring(self, watched):
        reader = RingReader(self._plant.new_reader(Role.SCAN).area(FRAMES))
        reader.skip_all()
        last = 0
        while not self._ended.wait(PAUSE_S):
            while (frame := reader.read()) is not None:
                if last and frame.sequence != last + 1:
                    watched.faults.append(f"frame {frame.sequence} after {last}")
                last = frame.sequence
                watched.seen += 1
        if reader.lost:
            watched.faults.append(f"{reader.lost} frames lost")


@contextmanager
def five_readers(plant):
    """Five readers while the block runs; it fails where one of them saw what must not be, or did not survive."""
    readers = Readers(plant)
    readers.start()
    try:
        yield readers
    finally:
        readers.stop()
    assert not readers.faults(), readers.faults()


@dataclass(frozen=True)
class Punctuality:
    """A stretch of one scan process: its scans, those it missed, those later than half a period, the latest in us."""

    scans: int
    missed: int
    late: int
    latest_us: int


@contextmanager
def punctuality(plant):
    """How punctual the scan is while the block runs: a list that holds one `Punctuality` afterwards."""
    found = []
    before = _counts(plant)
    missed = _overruns(plant)
    yield found
    counts = _counts(plant) - before
    late_from = int(plant.plan.period_ns // 2000).bit_length()
    filled = np.flatnonzero(counts)
    found.append(
        Punctuality(
            int(counts.sum()),
            _overruns(plant) - missed,
            int(counts[late_from:].sum()),
            2 ** int(filled[-1]) if len(filled) else 0,
        )
    )


def _counts(plant):
    return plant.columns(Role.SCAN)["lateness"].copy()


def _overruns(plant):
    """The count of missed scans, which the scan tells once a second."""
    scans = plant.scans()
    plant.wait(lambda: plant.scans() > scans + 1.2e9 / plant.plan.period_ns)
    return int(plant.value("scan.overruns"))


def gaps(frames):
    """The sequences after which one is missing in the log."""
    sequences = np.unique([frame.sequence for frame in frames])
    return sequences[:-1][np.diff(sequences) != 1].tolist()


def wishes(frames, begin_ns, end_ns):
    """The writes of the log between two instants that answer a wish of the scan (not a fail-safe value)."""
    found = []
    for frame in frames:
        if frame.kind == Kind.WRITE:
            records = decode_records(frame.kind, frame.payload)
            found += [r for r in records if r["sequence"] > 0 and begin_ns <= r["write_ns"] < end_ns]
    return found


def now_ns():
    """The monotonic time that all processes share."""
    return RealClock().monotonic_ns()
